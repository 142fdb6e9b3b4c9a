"""manifests/openapi.yaml as a judge: is this answer to this request one that it describes?"""

import re
from urllib.parse import unquote, urlsplit

import jsonschema
import yaml

from .clients import Api
from .paths import CHECKOUT

# Before there is a route, or for any method of one: not said again for each operation.
EVERYWHERE = {404, 405, 414, 431}
JSON = "application/json"


class Description:
    def __init__(self, path=CHECKOUT / "manifests" / "openapi.yaml"):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        self.seen = set()

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            node = target
        return node

    def operations(self):
        """(METHOD, path template) of all."""
        return {(method.upper(), path) for path, item in self.document["paths"].items() for method in item
                if method in ("get", "put", "post", "delete", "patch")}

    def find(self, method, path):
        """The path template that a request goes to, or None. Literal segments match in any case."""
        given = path.rstrip("/").split("/") if path != "/" else [""]
        for known_method, template in sorted(self.operations()):
            parts = template.split("/")
            if known_method == method and len(parts) == len(given) and all(
                    part.startswith("{") or part.lower() == unquote(word).lower()
                    for part, word in zip(parts, given)):
                return template
        return None

    def check_schema(self, value, schema):
        """`schema` refers into the document."""
        jsonschema.Draft202012Validator({**schema, "components": self.document["components"]}).validate(value)

    def check_content(self, reply, content):
        """A body has one of the media types described, its charset, and the form described for it."""
        if not content:
            assert reply.body == b"", f"a body where none is described: {reply.text}"
            return
        given = reply.headers.get("content-type", "")
        kind, _, parameter = given.partition(";")
        assert kind in content and parameter.strip() == "charset=utf-8", f"Content-Type: {given}"
        assert reply.headers.get("content-length") == str(len(reply.body)), reply.headers
        self.check_schema(reply.json(), content[kind]["schema"])

    def judge(self, method, target, reply):
        """Fails when the answer is not described."""
        template = self.find(method, urlsplit(target).path)
        error = {"$ref": "#/components/schemas/Error"}
        if template is None or reply.status in EVERYWHERE:
            assert reply.status >= 400, f"{method} {target} is not in openapi.yaml and was answered {reply.status}"
            self.check_content(reply, {JSON: {"schema": error}})
            return
        responses = self.document["paths"][template][method.lower()]["responses"]
        assert str(reply.status) in responses, f"{method} {template}: openapi.yaml has no {reply.status}"
        self.seen.add((method, template, reply.status))
        response = self.resolve(responses[str(reply.status)])
        for name, header in response.get("headers", {}).items():
            value = reply.headers.get(name.lower())
            assert value is not None or not header.get("required"), f"{method} {template} {reply.status}: no {name}"
            if value is not None and header["schema"]["type"] == "integer":
                assert re.fullmatch("[0-9]+", value), f"{name}: {value}"
        self.check_content(reply, response.get("content", {}))


class JudgedApi(Api):
    """An Api each of whose answers is judged."""

    def __init__(self, base, key=None, description=None):
        super().__init__(base, key)
        self.description = description or Description()

    def request(self, method, path, body=None, headers=None):
        reply = super().request(method, path, body, headers)
        self.description.judge(method, path, reply)
        return reply
