"""The OpenAPI document of a server, and whether an answer is one that it describes.

A status or a media type that the document does not list fails, and so does a JSON body that breaks its schema. Other media
types are listed or not; what is in them is for the tests. Nothing here knows what the document of this version says.
"""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import jsonschema_rs

#: The name of the document among the validators; `#/components/…` is resolved in it.
BASE = "urn:openapi"
#: Of an answer that is wrong in many places, so many are listed.
SHOWN = 5


class Nonconforming(AssertionError):
    """An answer that the document does not describe."""


def essence(media_type: str) -> str:
    """A media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def pointer(*names: str) -> str:
    """A JSON pointer, as the fragment of an address."""
    return "#" + "".join("/" + name.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D") for name in names)


def refuse(constant: str):
    raise ValueError(f"{constant} is not JSON")


def parsed(body: bytes):
    """JSON of the standard: without NaN and infinities."""
    return json.loads(body, parse_constant=refuse)


class Description:
    def __init__(self, document: dict):
        self.document = document
        self.registry = jsonschema_rs.Registry([(BASE, document)])
        self.paths = {path: re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(path)) + "$") for path in document["paths"]}
        self.validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def resolved(self, place: tuple[str, ...]) -> tuple[str, ...]:
        """Where the thing at a place of the document is; a reference there is followed."""
        value = self.at(place)
        if "$ref" not in value:
            return place
        reference = value["$ref"]
        assert reference.startswith("#/"), f"{reference} is in another document"
        return self.resolved(tuple(name.replace("~1", "/").replace("~0", "~") for name in reference[2:].split("/")))

    def at(self, place: tuple[str, ...]):
        value = self.document
        for name in place:
            value = value[name]
        return value

    def path(self, path: str) -> str | None:
        """The path of the document that is this one; one without variables wins."""
        found = [template for template, pattern in self.paths.items() if pattern.match(path)]
        return min(found, key=lambda template: template.count("{"), default=None)

    def validator(self, place: tuple[str, ...]) -> jsonschema_rs.Draft202012Validator:
        address = BASE + pointer(*place)
        if address not in self.validators:
            self.validators[address] = jsonschema_rs.Draft202012Validator({"$ref": address}, registry=self.registry, validate_formats=True)
        return self.validators[address]

    def check(self, method: str, path: str, status: int, headers: dict[str, str], body: bytes) -> object:
        """Raises `Nonconforming` where an answer is not as described; answers what is in it, where that is JSON with a schema. A page of
        the web app is nobody's business."""
        template = self.path(path)
        where = f"{method} {path}: {status}"
        if template is None:
            if path.startswith("/api/") and status not in (404, 421):
                raise Nonconforming(f"{where}: the OpenAPI document has no such path")
            return None
        item = self.resolved(("paths", template))
        operation = self.at(item).get(method.lower())
        if operation is None:
            if status != 405:
                raise Nonconforming(f"{where}: the OpenAPI document has no such method")
            return None
        responses = operation["responses"]
        listed = next((name for name in (str(status), f"{status // 100}XX", "default") if name in responses), None)
        if listed is None:
            raise Nonconforming(f"{where}: the OpenAPI document lists {', '.join(responses)}; the body is {body[:300]!r}")
        response = self.resolved((*item, method.lower(), "responses", listed))
        media_type = essence(headers.get("content-type", ""))
        content = self.at(response).get("content", {})
        if not content:
            if body:
                raise Nonconforming(f"{where}: a body that the OpenAPI document does not list: {body[:300]!r}")
            return None
        key = next((name for name in content if essence(name) == media_type), None)
        if key is None:
            raise Nonconforming(f"{where}: {media_type or 'no media type'}, but the OpenAPI document lists {', '.join(content)}")
        if is_json(media_type) and "schema" in content[key]:
            return self.check_json(where, body, (*response, "content", key, "schema"))
        return None

    def check_json(self, where: str, body: bytes, place: tuple[str, ...]) -> object:
        try:
            value = parsed(body)
        except ValueError as error:
            raise Nonconforming(f"{where}: {error}; the body is {body[:300]!r}") from error
        validator = self.validator(place)
        if validator.is_valid(value):
            return value
        errors = [f"{'/'.join(map(str, error.instance_path)) or 'the body'}: {error.message[:300]}" for error in validator.iter_errors(value)]
        more = f"\n… and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        raise Nonconforming(f"{where}: not as {pointer(*place)} describes:\n" + "\n".join(errors[:SHOWN]) + more)


def document(url: str) -> dict:
    """The document that a server serves."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=60) as answer:
        return json.load(answer)


#: By binary: its file's path, time and size.
KNOWN: dict[tuple, Description] = {}


def description(binary: Path, url: str) -> Description:
    """That of a binary, which is asked of the first of its servers."""
    status = binary.stat()
    key = (binary, status.st_mtime_ns, status.st_size)
    if key not in KNOWN:
        KNOWN[key] = Description(document(url))
    return KNOWN[key]
