"""A visitor who comes again and again."""

import threading
import time


class Watch(threading.Thread):
    """Visits a site and looks at its conditions again and again; remembers whatever is not as it should be."""

    def __init__(self, stack, hostname, over, api=None):
        super().__init__()
        self.stack, self.hostname, self.over, self.api = stack, hostname, over, api
        self.visits, self.serials, self.renewing, self.wrong = 0, [], [], []

    def run(self):
        while not self.over.wait(0.1):  # luck: no, because it only paces the visits
            try:
                self.visit()
                if self.api:
                    self.look()
            except Exception as error:  # pylint: disable=broad-except
                self.wrong.append(f"{time.strftime('%T')} {type(error).__name__}: {error}")

    def visit(self):
        served = self.stack.fetch_https(self.hostname)
        assert (served.status, served.names) == (200, [self.hostname])
        self.visits += 1
        if served.serial not in self.serials:
            self.serials.append(served.serial)

    def look(self):
        status = self.api.hostname(self.hostname)["status"]
        conditions = {one["type"]: one for one in status["conditions"]}
        assert conditions["Ready"]["status"] == "True", conditions["Ready"]
        for kind in ("CertificateIssued", "OwnershipValidated", "DnsResolved", "GatewayConfigured", "GatewayReachable"):
            assert conditions[kind]["status"] == "True", conditions[kind]
        renewing = (conditions["Renewing"]["status"], conditions["Renewing"]["reason"])
        if renewing not in self.renewing:
            self.renewing.append(renewing)
