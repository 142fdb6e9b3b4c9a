"""Asks /healthz again and again, as a process of its own, so that a crowd in another does not slow its clock.

Usage: pulse.py URL CA_FILE FILE      a line "BEGUN SECONDS STATUS" per answer into FILE, until SIGTERM
"""

import http.client
import ssl
import sys
import time
from urllib.parse import urlsplit

PAUSE_SECONDS = 0.05
TIMEOUT_SECONDS = 60


def ask(parts, context):
    connection = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_SECONDS, context=context) \
        if parts.scheme == "https" else http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def main(url, ca_file, path):
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=ca_file)
    with open(path, "w", buffering=1, encoding="ascii") as file:
        while True:
            begun = time.monotonic()
            status = ask(parts, context)
            file.write(f"{begun:.3f} {time.monotonic() - begun:.6f} {status}\n")
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
