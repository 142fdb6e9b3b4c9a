"""A small certificate authority of the stack's own, made with openssl."""

import os
import subprocess

from . import StackError

DAYS = "3650"
SERVER_NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"


# Instead of the machine's own configuration, which may say anything.
CONFIGURATION = """\
[req]
distinguished_name = name
[name]
"""


def _openssl(directory, *args):
    env = dict(os.environ, OPENSSL_CONF=os.path.join(directory, "openssl.cnf"))
    done = subprocess.run(["openssl", *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise StackError(f"openssl {args[0]} failed: {done.stderr.strip()}")


EC = ("EC", "ec_paramgen_curve:P-256")
RSA = ("RSA", "rsa_keygen_bits:2048")


def _make_key(directory, path, kind=EC):
    _openssl(directory, "genpkey", "-algorithm", kind[0], "-pkeyopt", kind[1], "-out", path)


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def _issue(directory, name, subject, extensions, kind=EC):
    """Makes NAME-key.pem and NAME.pem, signed by the CA."""
    key, request, cert = (os.path.join(directory, name + end) for end in ("-key.pem", ".csr", ".pem"))
    ca, ca_key = (os.path.join(directory, one) for one in ("ca.pem", "ca-key.pem"))
    _make_key(directory, key, kind)
    _openssl(directory, "req", "-new", "-key", key, "-subj", subject, "-out", request)
    config = _write(os.path.join(directory, name + ".cnf"), "\n".join(extensions) + "\n")
    _openssl(directory, "x509", "-req", "-in", request, "-days", DAYS, "-sha256",
             "-set_serial", f"0x{os.urandom(8).hex()}", "-CA", ca, "-CAkey", ca_key, "-extfile", config, "-out", cert)
    os.unlink(request)
    os.unlink(config)


def make(directory):
    """ca.pem; server.pem for every HTTPS server; client.pem for sign-in by certificate: RSA, as Entra wants it."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    _write(os.path.join(directory, "openssl.cnf"), CONFIGURATION)
    ca, key = os.path.join(directory, "ca.pem"), os.path.join(directory, "ca-key.pem")
    _make_key(directory, key)
    _openssl(directory, "req", "-x509", "-new", "-key", key, "-sha256", "-days", DAYS,
             "-subj", "/CN=gatecert local stack CA", "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext", "subjectKeyIdentifier=hash", "-out", ca)
    common = ["authorityKeyIdentifier=keyid", "subjectKeyIdentifier=hash", "basicConstraints=critical,CA:FALSE"]
    _issue(directory, "server", "/CN=localhost",
           [*common, "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth",
            f"subjectAltName={SERVER_NAMES}"])
    _issue(directory, "client", "/CN=gatecert local stack client",
           [*common, "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth"], RSA)
    _join(directory, "client-with-key.pem", "client.pem", "client-key.pem")


def _join(directory, name, *parts):
    text = ""
    for part in parts:
        with open(os.path.join(directory, part), encoding="ascii") as file:
            text += file.read()
    _write(os.path.join(directory, name), text)
