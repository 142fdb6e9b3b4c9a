"""Keys and certificates as people have them, by openssl, and what is secret in them."""

import base64
import subprocess
import time


def openssl(*args, stdin=None):
    return subprocess.run(["openssl", *map(str, args)], input=stdin, capture_output=True, check=True).stdout


class Authority:
    """A CA of somebody's own, with an intermediate, that signs for any time."""

    def __init__(self, directory):
        self.directory = directory
        self.numbers = 0
        (directory / "index.txt").write_text("")
        (directory / "serial").write_text("1000\n")
        self.root_key = self.ec("root")
        self.root = self._self_signed(self.root_key)
        self.key = self.ec("intermediate")
        self.certificate = self._sign(self.root, self.root_key, self.key, "Test Intermediate", "basicConstraints=CA:TRUE")

    def file(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return path

    def _new(self, name, *options):
        return self.file(f"{name}.key", openssl("genpkey", *options))

    def ec(self, name="ec"):
        return self._new(name, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")

    def rsa(self, name="rsa", bits=2048):
        return self._new(name, "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")

    def _self_signed(self, key):
        return self.file("root.crt", openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=Test Root", "-days", 300,
                                             "-addext", "keyUsage=critical,keyCertSign"))

    def _sign(self, issuer, issuer_key, key, name, extensions, seconds=90 * 86400):
        """`openssl x509` knows whole days alone; `ca` takes any time."""
        self.numbers += 1
        config = self.file(f"{self.numbers}.cnf", f"""[ca]
default_ca=d
[d]
new_certs_dir={self.directory}
serial={self.directory}/serial
database={self.directory}/index.txt
unique_subject=no
default_md=sha256
policy=p
x509_extensions=e
[p]
commonName=optional
[e]
{extensions}
""".encode())
        request = self.file(f"{self.numbers}.csr", openssl("req", "-new", "-key", key, "-subj", f"/CN={name}"))
        now = time.time()
        begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(when)) for when in (min(now, now + seconds) - 3600,
                                                                                     now + seconds))
        return self.file(f"{self.numbers}.crt", openssl(
            "ca", "-batch", "-notext", "-config", config, "-cert", issuer, "-keyfile", issuer_key, "-in", request,
            "-startdate", begin, "-enddate", end))

    def leaf(self, key, *names, seconds=90 * 86400):
        """PEM of a leaf that the intermediate signed; `seconds` from now to its end."""
        san = ",".join(f"DNS:{name}" for name in names)
        return self._sign(self.certificate, self.key, key, names[0], f"subjectAltName={san}", seconds).read_text()

    @property
    def chain(self):
        """PEM of what stands behind a leaf."""
        return self.certificate.read_text()


def base64_of(der):
    return base64.b64encode(der).decode()


def der_of(pem):
    return base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))


def serial_of(pem):
    return openssl("x509", "-noout", "-serial", stdin=pem.encode()).decode().strip().split("=")[1].lower()


def _elements(der):
    """(tag, content) of the elements of a DER SEQUENCE."""
    found = []

    def head(at):
        size, at = der[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(der[at:at + count], "big"), at + count
        return size, at

    _, at = head(0)
    while at < len(der):
        tag = der[at]
        size, at = head(at)
        found.append((tag, der[at:at + size]))
        at += size
    return found


def secrets_of(path):
    """{what it is: bytes} of the private key in a file: RSA's d, primes and exponents, or EC's scalar."""
    traditional = openssl("pkey", "-in", path, "-traditional", "-outform", "DER")
    elements = _elements(traditional)
    if elements[1][0] == 0x04:
        return {"scalar": elements[1][1]}
    names = ("n", "e", "d", "p", "q", "dp", "dq", "qinv")
    return {name: content.lstrip(b"\0") for name, (_, content) in zip(names, elements[1:]) if name not in "ne"}


def canaries(name, secret):
    """{what it is: bytes} of every way in which a secret's bytes may be written: pieces are enough to find it."""
    found = {f"{name}, raw": secret, f"{name}, raw, least byte first": secret[::-1],
             f"{name}, hex": secret.hex().encode(), f"{name}, HEX": secret.hex().upper().encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret).rstrip(b"=")
        found[f"{name}, base64 at {shift}"] = text[4:-4]
        found[f"{name}, base64url at {shift}"] = text[4:-4].translate(bytes.maketrans(b"+/", b"-_"))
    return {f"{what} [{at}]": piece for what, text in found.items() for at, piece in pieces(what, text)}


def pieces(what, text):
    """At most three, from begin, middle and end: what is left of freed memory is seldom whole."""
    size = 24 if "raw" in what else 32
    places = {0, max(0, len(text) - size) // 2, max(0, len(text) - size)}
    return [(at, text[at:at + size]) for at in sorted(places)]
