"""A small certificate authority of the stack's own, made with openssl."""

import os
import subprocess

from . import StackError

DAYS = "3650"
SERVER_NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"


def _openssl(*args):
    done = subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(f"openssl {args[0]} failed: {done.stderr.strip()}")


def _make_key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def _issue(directory, name, subject, extensions):
    """Makes NAME-key.pem and NAME.pem, signed by the CA."""
    key, request, cert = (os.path.join(directory, name + end) for end in ("-key.pem", ".csr", ".pem"))
    _make_key(key)
    _openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
    config = _write(os.path.join(directory, name + ".cnf"), "\n".join(extensions) + "\n")
    _openssl("x509", "-req", "-in", request, "-days", DAYS, "-sha256", "-set_serial", f"0x{os.urandom(8).hex()}",
             "-CA", os.path.join(directory, "ca.pem"), "-CAkey", os.path.join(directory, "ca-key.pem"),
             "-extfile", config, "-out", cert)
    os.unlink(request)
    os.unlink(config)


def make(directory):
    """ca.pem, server.pem for every HTTPS server of the stack, client.pem for sign-in by certificate."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    ca, key = os.path.join(directory, "ca.pem"), os.path.join(directory, "ca-key.pem")
    _make_key(key)
    _openssl("req", "-x509", "-new", "-key", key, "-sha256", "-days", DAYS, "-subj", "/CN=gatecert local stack CA",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", ca)
    common = ["authorityKeyIdentifier=keyid", "subjectKeyIdentifier=hash", "basicConstraints=critical,CA:FALSE"]
    _issue(directory, "server", "/CN=localhost",
           [*common, "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth",
            f"subjectAltName={SERVER_NAMES}"])
    _issue(directory, "client", "/CN=gatecert local stack client",
           [*common, "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth"])
