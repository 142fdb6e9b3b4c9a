"""Free ports that stay ours.

Every port of a stack lies outside the range that the kernel gives to outgoing connections, and is bound,
without listening, by one process that lives as long as the stack. Servers set SO_REUSEADDR and bind
beside it; another stack's search does not, and passes over the port. So nothing is lost between the
search and the server's start, nor while a server is stopped.
"""

import random
import socket

from . import StackError

LOWEST = 10000
TRIES = 500


def _highest():
    """Where the range of outgoing connections begins."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            first = int(file.read().split()[0])
    except OSError:
        first = 32768
    return first if first > LOWEST + 1000 else 65535


def _bind(kind, port, address="127.0.0.1"):
    """A bound socket, or None when somebody has the port."""
    sock = socket.socket(socket.AF_INET, kind)
    try:
        # Bound without SO_REUSEADDR: that fails beside any other socket. Set afterwards, it lets in the server.
        sock.bind((address, port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    except OSError:
        sock.close()
        return None
    return sock


def _is_free_for_udp(port):
    sock = _bind(socket.SOCK_DGRAM, port)
    if sock is None:
        return False
    sock.close()
    return True


class Ports:
    """Named ports with their sockets; `hold` hands the sockets to a process."""

    def __init__(self):
        self.number = {}
        self._sockets = []

    def take(self, name, udp=False, more=()):
        """Binds a free port and remembers it by name; free at the loopback addresses of `more` too."""
        top = _highest()
        for _ in range(TRIES):
            port = random.randrange(LOWEST, top)  # luck: no, because a taken one is passed over
            sock = _bind(socket.SOCK_STREAM, port)
            if sock is None:
                continue
            if udp and not _is_free_for_udp(port):
                sock.close()
                continue
            others = [_bind(socket.SOCK_STREAM, port, address) for address in more]
            if None in others:
                for one in filter(None, [sock, *others]):
                    one.close()
                continue
            self._sockets += [sock, *others]
            self.number[name] = port
            return port
        raise StackError(f"no free port between {LOWEST} and {top} on 127.0.0.1 for {name}")

    def fds(self):
        return [sock.fileno() for sock in self._sockets]

    def close(self):
        for sock in self._sockets:
            sock.close()
        self._sockets = []

    def address(self, name):
        return f"127.0.0.1:{self.number[name]}"
