"""A relay in front of one HTTPS server, which can keep one request from the server or its answer from the client.

The server sees the relay's address as its own (Host is passed on), so that the URLs it gives lead through the relay.
"""

import http.client
import http.server
import os
import re
import socketserver
import ssl
import threading
from urllib.parse import urlsplit

HELD_SECONDS = 60
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "trailer", "upgrade"}


class Hold:
    """The next request that fits: never passed on ("before"), or passed on and its answer kept ("after")."""

    def __init__(self, method, path, when, skip):
        assert when in ("before", "after")
        self.method, self.path, self.when, self.skip = method, re.compile(path), when, skip
        self.held = threading.Event()
        self.released = threading.Event()

    def fits(self, method, path):
        return not self.held.is_set() and method == self.method and bool(self.path.search(path))

    def is_hit(self):
        return self.held.is_set()

    def release(self):
        self.released.set()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that was killed is no news here."""


class Relay:
    def __init__(self, stack, target):
        self.target = urlsplit(target)
        self.lock = threading.Lock()
        self.holds = []
        self.client = ssl.create_default_context(cafile=stack.acme_ca_file)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(os.path.join(stack.directory, "ca", "server.pem"),
                               os.path.join(stack.directory, "ca", "server-key.pem"))
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        # The handshake is left to the thread of the connection.
        self.server.socket = server.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}{self.target.path}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        for hold in self.holds:
            hold.release()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def hold(self, method, path, when, skip=0):
        """Holds the first fitting request after `skip` others, until release()."""
        hold = Hold(method, path, when, skip)
        with self.lock:
            self.holds.append(hold)
        return hold

    def take_hold(self, method, path):
        with self.lock:
            for hold in self.holds:
                if not hold.fits(method, path) or hold.released.is_set():
                    continue
                if hold.skip:
                    hold.skip -= 1
                    continue
                return hold
        return None

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPSConnection(self.target.hostname, self.target.port, timeout=HELD_SECONDS,
                                                 context=self.client)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            if body or method in ("POST", "PUT"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        finally:
            connection.close()


def _handler(relay):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hold = relay.take_hold(self.command, self.path)
            if hold and hold.when == "before":
                self.keep(hold)
                return
            status, headers, content = relay.forward(self.command, self.path, self.headers.items(), body)
            if hold:
                self.keep(hold)
                return
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if status != 204:
                length = dict((name.lower(), value) for name, value in headers).get("content-length")
                self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def keep(self, hold):
            hold.held.set()
            hold.released.wait(HELD_SECONDS)
            self.close_connection = True

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            pass

    return Handler
