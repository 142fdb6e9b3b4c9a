"""Azure as other tools of the same operator use it: what a test finds there, and what stands there afterwards."""

import base64
import copy
import json
import os
import re
import subprocess
import time
from urllib.parse import urlencode

from .clients import request
from .waiting import wait_for

ARM = "https://management.azure.com"
ARM_VERSION = "api-version=2025-05-01"
VAULT = "https://vault.azure.net"
VAULT_VERSION = "api-version=7.4"
BLOB_VERSION = "2021-12-02"

# What the service adds to what it shows, and ignores in what it is sent.
READ_ONLY = {"etag", "provisioningState", "operationalState", "resourceGuid", "publicCertData"}
BACK_REFERENCES = {
    "frontendIPConfigurations": {"httpListeners", "inboundNatRules", "loadBalancingRules"},
    "frontendPorts": {"httpListeners"},
    "sslCertificates": {"httpListeners"},
    "httpListeners": {"requestRoutingRules", "redirectConfiguration"},
    "backendAddressPools": {"requestRoutingRules", "urlPathMaps", "pathRules"},
    "backendHttpSettingsCollection": {"requestRoutingRules", "urlPathMaps", "pathRules"},
    "probes": {"backendHttpSettings"},
    "urlPathMaps": {"requestRoutingRules"},
    "redirectConfigurations": {"requestRoutingRules", "urlPathMaps", "pathRules"},
    "rewriteRuleSets": {"requestRoutingRules"},
}


class Azure:
    def __init__(self, stack):
        self.stack = stack

    def _send(self, method, url, resource, body=None, headers=None):
        form = urlencode({"grant_type": "client_credentials", "client_id": self.stack.operator_client_id,
                          "client_secret": self.stack.operator_client_secret, "scope": f"{resource}/.default"})
        granted = request("POST", f"{self.stack.authority_host}/{self.stack.tenant_id}/oauth2/v2.0/token", form,
                          {"Content-Type": "application/x-www-form-urlencoded"}, self.stack.acme_ca_file)
        assert granted.status == 200, granted.text
        headers = {"Authorization": "Bearer " + granted.json()["access_token"], **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        reply = request(method, url, body, headers, self.stack.acme_ca_file)
        assert reply.status < 300, f"{method} {url}: {reply.status} {reply.text}"
        return reply

    # --- the gateway ---

    def _gateway_url(self):
        return f"{self.stack.arm_endpoint}{self.stack.gateway_id}?{ARM_VERSION}"

    def gateway(self):
        """The document; numbers as the text that they stand there as."""
        text = self._send("GET", self._gateway_url(), ARM).text
        return json.loads(text, parse_float=str, parse_int=str)

    def change_gateway(self, change):
        """`change` gets the document to alter; returns when the update has ended."""
        text = self._send("GET", self._gateway_url(), ARM).text
        document = json.loads(text, parse_float="@number {}@".format)
        change(document)
        # Numbers go back as they stood there: whoever writes 1.50 as 1.5 has changed what is not his.
        text = re.sub(r'"@number ([^@"]+)@"', r"\1", json.dumps(document))
        reply = self._send("PUT", self._gateway_url(), ARM, text, {"If-Match": document["etag"]})
        url = reply.headers["azure-asyncoperation"]
        status = wait_for(lambda: self._ended_status(url), describe="the update of the gateway ends")
        assert status == "Succeeded", status

    def _ended_status(self, url):
        status = self._send("GET", url, ARM).json()["status"]
        return None if status in ("InProgress", "Running", "Updating") else status

    # --- the vault ---

    def import_certificate(self, name, pem, tags):
        """`pem`: key and certificates."""
        return self._send("POST", f"{self.stack.vault_url}/certificates/{name}/import?{VAULT_VERSION}", VAULT, {
            "value": pem, "tags": tags, "policy": {"secret_props": {"contentType": "application/x-pem-file"}}}).json()

    def certificate(self, name):
        """As azuresim's state shows it, or None: name, versions (newest first), pending."""
        return next((one for one in self.stack.sim.state()["vault"]["certificates"] if one["name"] == name), None)

    # --- the container ---

    def blobs(self):
        """The names in the challenge container."""
        now = int(time.time())
        claims = {"aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{self.stack.tenant_id}/",
                  "iat": now - 60, "nbf": now - 60, "exp": now + 600}
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
                         for part in ({"typ": "JWT", "alg": "RS256"}, claims, "unsigned"))
        reply = request("GET", self.stack.blob_container_url + "?restype=container&comp=list", None,
                        {"Authorization": "Bearer " + token, "x-ms-version": BLOB_VERSION}, self.stack.acme_ca_file)
        assert reply.status == 200, f"{reply.status} {reply.text}"
        return re.findall("<Name>([^<]+)</Name>", reply.text)


def gateway_without(document, names):
    """A gateway document less what is read-only, and less every element whose name is in `names`."""
    document = copy.deepcopy(document)
    for member in READ_ONLY:
        document.pop(member, None)
    properties = document["properties"]
    for member in READ_ONLY:
        properties.pop(member, None)
    for collection, elements in properties.items():
        if not isinstance(elements, list):
            continue
        properties[collection] = [one for one in elements if not isinstance(one, dict) or one.get("name") not in names]
        for element in properties[collection]:
            _strip(element, BACK_REFERENCES.get(collection, set()))
    return document


def _strip(element, members):
    if isinstance(element, dict):
        for member in READ_ONLY:
            element.pop(member, None)
        for key, value in list(element.items()):
            if key == "properties" and isinstance(value, dict):
                for member in READ_ONLY | members:
                    value.pop(member, None)
            _strip(value, members if key == "properties" else set())
    elif isinstance(element, list):
        for one in element:
            _strip(one, {"requestRoutingRules"})


def self_signed(directory, hostname, days=90):
    """(key and certificate as PEM, path of the certificate alone)."""
    key, certificate = (os.path.join(os.fspath(directory), f"{hostname}.{kind}") for kind in ("key", "crt"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", str(days), "-subj", f"/CN={hostname}", "-addext", f"subjectAltName=DNS:{hostname}"],
                   check=True, capture_output=True)
    with open(key, encoding="ascii") as one, open(certificate, encoding="ascii") as other:
        return one.read() + other.read(), certificate
