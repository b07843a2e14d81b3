"""Holds answers against the OpenAPI document: openapi_check.py DOCUMENT ANSWERS"""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

document, answers = (json.load(open(path)) for path in sys.argv[1:3])
validate(document)

ROOT = "urn:document"
registry = Registry().with_resource(ROOT, Resource(contents=document, specification=DRAFT202012))


def absolute(node):
    """References with the document's name in front, so that they hold in any place."""
    if isinstance(node, dict):
        return {k: ROOT + v if k == "$ref" else absolute(v) for k, v in node.items()}
    return [absolute(item) for item in node] if isinstance(node, list) else node


def check(schema, value, what):
    validator = Draft202012Validator(absolute(schema), registry=registry)
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    assert not errors, f"{what}: {errors}"


def resolve(node):
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


succeeded = set()
for answer in answers:
    route, method, status = answer["route"], answer["method"].lower(), str(answer["status"])
    what = f"{method} {route} {status}"
    operation = document["paths"][route][method]
    assert status in operation["responses"], f"{what}: the document has no such status"
    content = resolve(operation["responses"][status]).get("content", {}).get("application/json")
    if content:
        check(content["schema"], answer["reply"], what)
    elif answer["reply"] is not None:
        assert resolve(operation["responses"][status]).get("content"), f"{what}: the document has no body here"
    if status == "200":
        succeeded.add((route, method))
        if "requestBody" in operation and answer["asked"] is not None:
            check(operation["requestBody"]["content"]["application/json"]["schema"], answer["asked"], f"{what} request")

for route, item in document["paths"].items():
    for method in item:
        assert (route, method) in succeeded, f"{method} {route} was never answered with 200"
