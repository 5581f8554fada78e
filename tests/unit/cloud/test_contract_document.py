"""Our description of the APIs against the published one, field by field, where ``MVH_CONTRACT_DIR`` names it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from harness.virtual.cloud.http.contract import contract_document
from harness.virtual.cloud.resources import Api

FOLDER = os.environ.get("MVH_CONTRACT_DIR", "")
METHODS = ("get", "post", "delete")
OURS = {"FollowDeviceLog"}

ASYNCHRONOUS = {"wireless": {"UpdateSim": ["202"]}}
"""Statuses that the overview of an API tells of and its specification does not."""

NARROWER = {
    "Command.IncludeSid": "enum", "RatePlan.DataMetering": "enum", "RatePlan.FriendlyName": "maxLength",
    "Sim.FriendlyName": "maxLength", "Sim.AccountSid": "pattern", "Fleet.DataLimit": "minimum maximum",
    "RatePlan.DataLimit": "minimum maximum", "RatePlan.NationalRoamingDataLimit": "minimum maximum",
    "RatePlan.InternationalRoamingDataLimit": "minimum maximum", "IpCommand.DevicePort": "minimum maximum",
    "UsageRecord.IsoCountry": "minLength maxLength", "EsimProfile.CallbackUrl": "format",
    "NetworkAccessProfile.Networks": "", "RatePlan.InternationalRoaming": "",
    **{f"{owner}{noun}.{name}": rule for owner in ("Account", "Device") for noun in ("Config", "Secret")
       for name, rule in (("Key", "minLength maxLength"), ("Value", "maxLength"))},
}
"""Rules that the specification has in words only, by resource and parameter, and what they add to a schema."""


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def _flat(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema demands of a value, without words."""
    schema = _resolved(document, schema)
    flat: dict[str, Any] = {name: schema[name] for name in (
        "type", "format", "default", "nullable", "pattern", "minimum", "maximum", "minLength", "maxLength")
        if name in schema}
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
        extra = ASYNCHRONOUS.get(api.value, {}).get(name, [])
        assert mine["statuses"] == sorted({*operation["statuses"], "default", *extra}), name
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
            if field in ("data_total_billed", "reset_status"):  # the files say nothing but that they may be null
                have = {"nullable": have["nullable"]}
            if wanted.get("default") == 0:  # the files let counts be null, which they never are
                wanted.pop("nullable", None)
            if have != wanted:
                differences.append(f"{name}.{field}: {have} instead of {wanted}")
    assert differences == []


@pytest.mark.parametrize("api", APIS)
def test_parameters_have_the_published_schemas(api: Api) -> None:
    ours, theirs = _documents(api)
    differences = []
    for path, item in theirs["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            mine = ours["paths"][path][method]
            pairs = [(parameter["name"] if parameter["in"] == "query" else "", parameter["schema"], next(
                other["schema"] for other in mine["parameters"] if other["name"] == parameter["name"]))
                for parameter in item[method].get("parameters", ())]
            if "requestBody" in item[method]:
                form, my_form = (next(iter(operation["requestBody"]["content"].values()))["schema"]["properties"]
                                 for operation in (item[method], mine))
                pairs += [(name, form[name], my_form[name]) for name in form]
            for name, wanted, have in pairs:
                published, mine_flat = _flat(theirs, wanted), _flat(ours, have)
                noun = re.sub("^(List|Create|Update|Fetch|Delete)", "", item[method]["operationId"])
                for extra in NARROWER.get(f"{noun}.{name}", "").split():
                    assert extra in mine_flat, f"{noun}.{name}"
                if f"{noun}.{name}" in NARROWER:
                    mine_flat = {key: mine_flat[key] for key in published if key in mine_flat}
                    for flat in (published, mine_flat):
                        flat.pop("items", None)
                if mine_flat != published:
                    differences.append(f"{method} {path} {name or 'key'}: {mine_flat} instead of {published}")
    assert differences == []


@pytest.mark.parametrize("api", APIS)
def test_responses_have_the_published_shape(api: Api) -> None:
    ours, theirs = _documents(api)
    for path, item in theirs["paths"].items():
        for method in (name for name in METHODS if name in item):
            mine = ours["paths"][path][method]["responses"]
            for status, response in item[method]["responses"].items():
                assert sorted(response.get("content", ())) == sorted(mine[status].get("content", ())), (path, status)
                for kind, content in response.get("content", {}).items():
                    wanted, have = _resolved(theirs, content["schema"]), _resolved(ours, mine[status]["content"][kind][
                        "schema"])
                    assert sorted(wanted["properties"]) == sorted(have["properties"]), (method, path, status)
                    for name, schema in wanted["properties"].get("meta", {}).get("properties", {}).items():
                        assert _flat(ours, have["properties"]["meta"]["properties"][name]) == _flat(theirs, schema)
