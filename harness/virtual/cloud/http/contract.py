"""The OpenAPI description of what this cloud serves, made from the same declarations that serve it."""

from __future__ import annotations

import re
from typing import Any, Final

from harness.virtual.cloud import microvisor_api, supersim_api, wireless_api
from harness.virtual.cloud.http.answers import CORS
from harness.virtual.cloud.parameters import Kind, Param
from harness.virtual.cloud.resources import METHODS, Api, Field, Operation, Resource, Shape

OPERATIONS: Final = (*supersim_api.OPERATIONS, *wireless_api.OPERATIONS, *microvisor_api.OPERATIONS)
RESOURCES: Final = (*supersim_api.RESOURCES, *wireless_api.RESOURCES, *microvisor_api.RESOURCES)

_OURS: Final = frozenset({"FollowDeviceLog"})  # of the service the format of logs was never published
_KEY: Final = re.compile(r"\{(\w+)\}")
_ERROR: Final = {
    "type": "object", "required": ["code", "message", "status"],
    "properties": {"code": {"type": "integer", "nullable": True}, "message": {"type": "string"},
                   "more_info": {"type": "string"}, "status": {"type": "integer"},
                   "detail": {"type": "string", "nullable": True}, "details": {"type": "object", "nullable": True}},
}
_CORS: Final = {"-".join(word.capitalize() for word in name.decode().split("-")): {
    "schema": {"type": "boolean" if value == b"true" else "string"}} for name, value in CORS}
_URI: Final = {"type": "string", "format": "uri"}
_META: Final = {
    "type": "object",
    "properties": {"first_page_url": _URI, "key": {"type": "string"}, "next_page_url": {**_URI, "nullable": True},
                   "page": {"type": "integer"}, "page_size": {"type": "integer"},
                   "previous_page_url": {**_URI, "nullable": True}, "url": _URI},
}
_PAGING: Final = (
    {"name": "PageSize", "in": "query",
     "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 1000}},
    {"name": "Page", "in": "query", "schema": {"type": "integer", "minimum": 0}},
    {"name": "PageToken", "in": "query", "schema": {"type": "string"}},
)


def contract_document(api: Api) -> dict[str, Any]:
    """Return the OpenAPI 3.0 document of one host."""
    served = [operation for operation in OPERATIONS if operation.api is api]
    paths: dict[str, Any] = {}
    for operation in served:
        item = paths.setdefault(operation.path, {"servers": [{"url": f"https://{_host(api)}"}]})
        item[operation.method.lower()] = _operation(operation)
    used = {operation.returns.name for operation in served if operation.returns is not None}
    schemas = {resource.name: _resource(resource) for resource in RESOURCES if resource.name in used}
    return {
        "openapi": "3.0.1",
        "info": {"title": f"Virtual cloud - {api.value}", "version": "1.0.0"},
        "servers": [{"url": f"https://{_host(api)}"}],
        "security": [{"accountSid_authToken": []}],
        "paths": paths,
        "components": {"schemas": {**schemas, "twilio_error": _ERROR},
                       "securitySchemes": {"accountSid_authToken": {"type": "http", "scheme": "basic"}}},
    }


def _host(api: Api) -> str:
    return "microvisor-upload.twilio.com" if api is Api.UPLOAD else f"{api.value}.twilio.com"


def _operation(operation: Operation) -> dict[str, Any]:
    keys = [{"name": name, "in": "path", "required": True,
             "schema": _sid(operation.sids[name]) if name in operation.sids else {"type": "string"}}
            for name in _KEY.findall(operation.path)]
    value: dict[str, Any] = {"operationId": operation.name, "responses": _responses(operation)}
    if operation.name in _OURS:
        value["description"] = "Not part of the published API."
    if operation.method == "POST":
        if operation.params or operation.upload:
            value["requestBody"] = {"content": {_body_type(operation): {"schema": _form(operation)}},
                                    **({"required": True} if operation.upload else {})}
    else:
        keys += [{"name": param.name, "in": "query", "required": param.required, "schema": _param(param)}
                 for param in operation.params]
        keys += _PAGING if operation.paged else ()
    if keys:
        value["parameters"] = keys
    return value


def _body_type(operation: Operation) -> str:
    return "multipart/form-data" if operation.upload else "application/x-www-form-urlencoded"


def _form(operation: Operation) -> dict[str, Any]:
    properties = {param.name: _param(param) for param in operation.params}
    required = [param.name for param in operation.params if param.required]
    if operation.upload:
        properties["File"] = {"type": "string", "format": "binary"}
        required.append("File")
    return {"type": "object", "title": f"{operation.name}Request", "properties": properties,
            **({"required": required} if required else {})}


def _param(param: Param) -> dict[str, Any]:
    match param.kind:
        case Kind.FLAG:
            return {"type": "boolean"}
        case Kind.NUMBER:
            bounds = {"minimum": param.minimum, "maximum": param.maximum}
            return {"type": "integer", **{name: bound for name, bound in bounds.items() if bound is not None}}
        case Kind.ENUM:
            kind = {"format": "http-method"} if param.values == METHODS else {}
            return {"type": "string", **kind, "enum": list(param.values)}
        case Kind.ENUMS:
            return {"type": "array", "items": {"type": "string", "enum": list(param.values)}}
        case Kind.SIDS:
            return {"type": "array", "items": _sid(param.prefix)}
        case Kind.SID:
            return _sid(param.prefix)
        case Kind.URL:
            return dict(_URI)
        case Kind.DATE:
            return {"type": "string", "format": "date-time"}
        case Kind.TEXT:
            bounds = {"minLength": param.minimum, "maxLength": param.maximum}
            kind = {"format": param.format} if param.format else {}
            return {"type": "string", **kind, **{name: bound for name, bound in bounds.items() if bound is not None}}
        case _:
            return {"type": "string"}


def _responses(operation: Operation) -> dict[str, Any]:
    error = {"description": "Error",
             "content": {"application/json": {"schema": {"$ref": "#/components/schemas/twilio_error"}}}}
    if operation.returns is None:
        status = "204" if operation.method == "DELETE" else "200"
        return {status: {"description": "Done", "headers": _CORS}, "default": error}
    one = {"$ref": f"#/components/schemas/{operation.returns.name}"}
    schema: dict[str, Any] = one if not operation.paged else {
        "type": "object", "title": f"{operation.name}Response",
        "properties": {operation.returns.key: {"type": "array", "items": one}, "meta": _META}}
    done = {"description": "OK", "headers": _CORS, "content": {"application/json": {"schema": schema}}}
    running = {"202": {**done, "description": "Accepted"}} if operation.runs else {}
    return {str(operation.success): done, **running, "default": error}


def _resource(resource: Resource) -> dict[str, Any]:
    return {"type": "object", "properties": {item.name: _field(item) for item in resource.fields}}


def _field(item: Field) -> dict[str, Any]:
    match item.shape:
        case Shape.SID:
            schema = _sid(item.prefix) if item.prefix else {"type": "string"}
        case Shape.DATE:
            schema = {"type": "string", "format": "date-time"}
        case Shape.ENUM:
            return {"type": "string", "enum": list(item.values), **({"nullable": True} if item.nullable else {})}
        case Shape.FLAG:
            schema = {"type": "boolean"}
        case Shape.NUMBER:
            return {"type": "integer", "default": 0}
        case Shape.OCTETS:
            schema = {"type": "integer", "format": "int64"}
        case Shape.URI | Shape.OWN_URL:
            schema = dict(_URI)
        case Shape.METHOD:
            schema = {"type": "string", "format": "http-method", "enum": ["GET", "POST"]}
        case Shape.OBJECT:
            schema = {}
        case Shape.MAP:
            schema = {"type": "object"}
        case Shape.LINKS:
            schema = {"type": "object", "format": "uri-map"}
        case Shape.ARRAY:
            schema = {"type": "array", "items": {}}
        case Shape.TEXTS:
            schema = {"type": "array", "items": {"type": "string"}}
        case _:
            schema = {"type": "string", **({"format": item.format} if item.format else {})}
    return {**schema, "nullable": True}


def _sid(prefix: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 34, "maxLength": 34, "pattern": f"^{prefix}[0-9a-fA-F]{{32}}$"}
