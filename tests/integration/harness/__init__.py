"""What the integration tests are written with: the stack, the daemon under test, and a client per server."""

from .azure import Azure, gateway_without, self_signed
from .clients import Api, Dns, Reply, Sim
from .daemon import Gatecertd
from .gateway import Served, fetch_http, fetch_https
from .local_stack import LocalStack
from .paths import BUILD, CHECKOUT
from .waiting import wait_for

__all__ = ["Api", "Azure", "BUILD", "CHECKOUT", "Dns", "Gatecertd", "LocalStack", "Reply", "Served", "Sim",
           "fetch_http", "fetch_https", "gateway_without", "self_signed", "wait_for"]
