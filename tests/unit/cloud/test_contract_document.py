"""Our description of the APIs against the published one, field by field, where ``MVH_CONTRACT_DIR`` names it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.virtual.cloud.http.contract import contract_document
from harness.virtual.cloud.resources import Api

FOLDER = os.environ.get("MVH_CONTRACT_DIR", "")
METHODS = ("get", "post", "delete")
OURS = {"FollowDeviceLog"}


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _flat(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema demands of a value, without words."""
    schema = _resolved(document, schema)
    flat: dict[str, Any] = {name: schema[name] for name in (
        "type", "pattern", "minimum", "maximum", "minLength", "maxLength") if name in schema}
    if "enum" in schema:
        flat["enum"] = sorted(schema["enum"])
    if "items" in schema:
        flat["items"] = _flat(document, schema["items"])
    return flat


def _operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return path, method, parameters and responses of each operation, by its name."""
    found = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item or item[method]["operationId"] in OURS:
                continue
            operation = item[method]
            content: dict[str, dict[str, Any]] = operation.get("requestBody", {}).get("content", {})
            form: dict[str, Any] = next((kind["schema"] for kind in content.values()), {})
            found[operation["operationId"]] = {
                "path": path, "method": method,
                "parameters": {parameter["name"]: (parameter["in"], parameter.get("required", False))
                               for parameter in operation.get("parameters", ())},
                "form": sorted(form.get("properties", {})), "required": sorted(form.get("required", ())),
                "statuses": sorted(operation["responses"]),
            }
    return found


pytestmark = pytest.mark.skipif(not FOLDER, reason="MVH_CONTRACT_DIR does not name the folder with the contract files")
APIS = (Api.SUPERSIM, Api.WIRELESS, Api.MICROVISOR)


def _documents(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    return contract_document(api), json.loads((Path(FOLDER) / f"{api.value}_v1.json").read_text())


@pytest.mark.parametrize("api", APIS)
def test_operations_are_the_published_ones(api: Api) -> None:
    ours, theirs = map(_operations, _documents(api))
    assert sorted(ours) == sorted(theirs)
    for name, operation in theirs.items():
        mine = ours[name]
        assert {key: mine[key] for key in ("path", "method")} == {key: operation[key] for key in ("path", "method")}
        assert set(operation["statuses"]) <= {*mine["statuses"], "202"}, name
        assert mine["parameters"] == operation["parameters"], name
        assert mine["form"] == operation["form"], name
        assert mine["required"] == operation["required"], name


@pytest.mark.parametrize("api", APIS)
def test_resources_have_the_published_fields(api: Api) -> None:
    ours, theirs = _documents(api)
    differences = []
    for name, schema in theirs["components"]["schemas"].items():
        if name == "twilio_error" or "properties" not in schema:
            continue
        mine = ours["components"]["schemas"][name]["properties"]
        assert sorted(mine) == sorted(schema["properties"]), name
        for field, theirs_field in schema["properties"].items():
            wanted, have = _flat(theirs, theirs_field), _flat(ours, mine[field])
            # objects and arrays of objects are made by functions here: their insides are for the contract test
            if wanted.get("type") in ("object", "array", None) or not have:
                continue
            if have != wanted:
                differences.append(f"{name}.{field}: {have} instead of {wanted}")
    assert differences == []


@pytest.mark.parametrize("api", APIS)
def test_parameters_have_the_published_bounds(api: Api) -> None:
    ours, theirs = _documents(api)
    differences = []
    for path, item in theirs["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            mine = ours["paths"][path][method]
            pairs = [(parameter["name"], parameter["schema"], next(
                other["schema"] for other in mine["parameters"] if other["name"] == parameter["name"]))
                for parameter in item[method].get("parameters", ()) if parameter["in"] == "query"]
            if "requestBody" in item[method]:
                form, my_form = (next(iter(operation["requestBody"]["content"].values()))["schema"]["properties"]
                                 for operation in (item[method], mine))
                pairs += [(name, form[name], my_form[name]) for name in form]
            for name, wanted, have in pairs:
                for bound in ("enum", "minimum", "maximum"):
                    published = _flat(theirs, wanted).get(bound)
                    if published is not None and _flat(ours, have).get(bound) != published:
                        differences.append(f"{method} {path} {name} {bound}: {_flat(ours, have)} not {published}")
    assert differences == []
