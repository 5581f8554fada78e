"""Microvisor v1 and its upload host: resources and operations, declared.

The log stream is ours: the service's own format was never published. ``GET /v1/Devices/{Sid}/Logs`` answers with one
JSON object per line (``application/x-ndjson``), or with server-sent events if the client accepts ``text/event-stream``,
and stays open. Each entry has ``sequence``, ``timestamp`` (UTC, microseconds), ``origin`` (``app`` or ``system``),
``text`` and ``microseconds`` (when the device logged it, since its kernel started; null for the cloud's own messages).
``Follow=false`` ends the answer with what is there; ``After=N`` leaves out entries up to sequence number N.
"""

from __future__ import annotations

import base64
from urllib.parse import quote

from harness.errors import InternalError
from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.config_stores import KEY_LENGTH, VALUE_LENGTH, ConfigStores
from harness.virtual.cloud.parameters import Kind, Param
from harness.virtual.cloud.records import App, Device
from harness.virtual.cloud.resources import (
    DATES,
    URL,
    Api,
    Call,
    Deleted,
    Field,
    Listing,
    LogFollow,
    Operation,
    Resource,
    Shape,
    SubRecord,
    identity,
    iso,
)

APP = Resource(name="microvisor.v1.app", key="apps", path=lambda app: f"/v1/Apps/{app.sid}", fields=(
    *identity("KA"), Field(name="hash"), Field(name="unique_name"), *DATES, URL,
    Field(name="links", shape=Shape.LINKS, links=(("app_manifests", "/Manifest"),)),
))

MANIFEST = Resource(
    name="microvisor.v1.app.app_manifest", key="", path=lambda sub: f"/v1/Apps/{sub.owner.sid}/Manifest", fields=(
        Field(name="app_sid", shape=Shape.SID, prefix="KA", read=lambda sub: sub.owner.sid),
        Field(name="hash", read=lambda sub: sub.owner.hash),
        Field(name="encoded_bytes",
              read=lambda sub: base64.b64encode(sub.owner.bundle.manifest_bytes).decode("ascii")), URL,
    ))


def _app_of(device: Device) -> dict[str, object]:
    return {"target_sid": device.target_sid, "target_hash": device.target_hash,
            "date_targeted": iso(device.date_targeted),
            "update_status": device.update_status, "update_error_code": device.update_error_code,
            "reported_sid": device.reported_sid, "date_reported": iso(device.date_reported)}


DEVICE = Resource(name="microvisor.v1.device", key="devices", path=lambda device: f"/v1/Devices/{device.sid}", fields=(
    Field(name="sid", shape=Shape.SID, prefix="UV"), Field(name="unique_name"),
    Field(name="account_sid", shape=Shape.SID, prefix="AC"), Field(name="app", shape=Shape.MAP, read=_app_of),
    Field(name="logging", shape=Shape.MAP, read=lambda device: {
        "enabled": device.logging_enabled, "date_expires": iso(device.log_expires)}), *DATES, URL,
    Field(name="links", shape=Shape.LINKS, links=(("device_configs", "/Configs"), ("device_secrets", "/Secrets"))),
))


def _store(name: str, key: str, of_device: bool, *fields: Field) -> Resource:
    """Return what an item of a store looks like; secrets tell no value."""
    owned = (Field(name="device_sid", shape=Shape.SID, prefix="UV", read=lambda item: item.owner),) if of_device else ()
    collection = key.capitalize()
    return Resource(
        name=name, key=key, fields=(*owned, Field(name="key"), *fields, URL),
        path=lambda item: (f"/v1/Devices/{item.owner}/{collection}/" if of_device else f"/v1/{collection}/")
        + quote(item.key, safe=""))


_UPDATED = Field(name="date_updated", shape=Shape.DATE)
_ROTATED = Field(name="date_rotated", shape=Shape.DATE, read=lambda item: item.date_updated)

ACCOUNT_CONFIG = _store("microvisor.v1.account_config", "configs", False, Field(name="value"), _UPDATED)
ACCOUNT_SECRET = _store("microvisor.v1.account_secret", "secrets", False, _ROTATED)
DEVICE_CONFIG = _store("microvisor.v1.device.device_config", "configs", True, Field(name="value"), _UPDATED)
DEVICE_SECRET = _store("microvisor.v1.device.device_secret", "secrets", True, _ROTATED)

RESOURCES = (APP, MANIFEST, DEVICE, ACCOUNT_CONFIG, ACCOUNT_SECRET, DEVICE_CONFIG, DEVICE_SECRET)


def _upload(cloud: Cloud, call: Call) -> App:
    if call.bundle is None:
        raise InternalError("the front reads the bundle before it asks the model")
    return cloud.apps.create(call.bundle, call.arguments.text("UniqueName") or None)


def _delete_app(cloud: Cloud, call: Call) -> Deleted:
    cloud.devices.delete_app(call.key)
    return Deleted()


def _manifest(cloud: Cloud, call: Call) -> SubRecord:
    app = cloud.apps.app(call.key)
    return SubRecord(owner=app, item=app)


def _logs(cloud: Cloud, call: Call) -> LogFollow:
    device = cloud.devices.device(call.key)
    return LogFollow(device_sid=device.sid, follow=call.arguments.flag("Follow", True),
                     after=call.arguments.number("After", 0))


_VALUE = Param(name="Value", required=True, maximum=VALUE_LENGTH)
_KEY = Param(name="Key", required=True, minimum=1, maximum=KEY_LENGTH)


def _store_operations(resource: Resource, noun: str, of_device: bool) -> tuple[Operation, ...]:
    """Return the five operations on the items of a kind of store."""
    name = f"{'Device' if of_device else 'Account'}{noun}"
    path = f"/v1/Devices/{{DeviceSid}}/{noun}s" if of_device else f"/v1/{noun}s"

    def stores(cloud: Cloud) -> ConfigStores:
        return cloud.configs if noun == "Config" else cloud.secrets

    def owner(cloud: Cloud, call: Call) -> str:
        return cloud.devices.device(call.keys[0]).sid if of_device else cloud.account_sid

    def every(cloud: Cloud, call: Call) -> Listing:
        return Listing(collection=stores(cloud).items, filters={"owner": owner(cloud, call)})

    def delete(cloud: Cloud, call: Call) -> Deleted:
        stores(cloud).delete(owner(cloud, call), call.keys[-1])
        return Deleted()

    return (
        Operation(name=f"List{name}", api=Api.MICROVISOR, method="GET", path=path, returns=resource, paged=True,
                  run=every),
        Operation(name=f"Create{name}", api=Api.MICROVISOR, method="POST", path=path, returns=resource, success=201,
                  params=(_KEY, _VALUE),
                  run=lambda cloud, call: stores(cloud).create(owner(cloud, call), call.arguments)),
        Operation(name=f"Fetch{name}", api=Api.MICROVISOR, method="GET", path=f"{path}/{{Key}}", returns=resource,
                  run=lambda cloud, call: stores(cloud).item(owner(cloud, call), call.keys[-1])),
        Operation(name=f"Update{name}", api=Api.MICROVISOR, method="POST", path=f"{path}/{{Key}}", returns=resource,
                  params=(_VALUE,),
                  run=lambda cloud, call: stores(cloud).update(owner(cloud, call), call.keys[-1], call.arguments)),
        Operation(name=f"Delete{name}", api=Api.MICROVISOR, method="DELETE", path=f"{path}/{{Key}}", run=delete),
    )


OPERATIONS = (
    *_store_operations(ACCOUNT_CONFIG, "Config", False), *_store_operations(ACCOUNT_SECRET, "Secret", False),
    *_store_operations(DEVICE_CONFIG, "Config", True), *_store_operations(DEVICE_SECRET, "Secret", True),
    Operation(name="UploadApp", api=Api.UPLOAD, method="POST", path="/v1/Apps", returns=APP, success=201, upload=True,
              params=(Param(name="UniqueName", kind=Kind.NAME, prefix="KA"),), run=_upload),
    Operation(name="ListApp", api=Api.MICROVISOR, method="GET", path="/v1/Apps", returns=APP, paged=True,
              run=lambda cloud, call: Listing(collection=cloud.apps.apps)),
    Operation(name="FetchApp", api=Api.MICROVISOR, method="GET", path="/v1/Apps/{Sid}", returns=APP,
              run=lambda cloud, call: cloud.apps.app(call.key)),
    Operation(name="DeleteApp", api=Api.MICROVISOR, method="DELETE", path="/v1/Apps/{Sid}", success=204,
              run=_delete_app),
    Operation(name="FetchAppManifest", api=Api.MICROVISOR, method="GET", path="/v1/Apps/{AppSid}/Manifest",
              returns=MANIFEST, run=_manifest),
    Operation(name="ListDevice", api=Api.MICROVISOR, method="GET", path="/v1/Devices", returns=DEVICE, paged=True,
              run=lambda cloud, call: Listing(collection=cloud.devices.devices)),
    Operation(name="FetchDevice", api=Api.MICROVISOR, method="GET", path="/v1/Devices/{Sid}", returns=DEVICE,
              run=lambda cloud, call: cloud.devices.device(call.key)),
    Operation(name="UpdateDevice", api=Api.MICROVISOR, method="POST", path="/v1/Devices/{Sid}", returns=DEVICE, params=(
        Param(name="UniqueName", kind=Kind.NAME, prefix="UV"),
        Param(name="TargetApp", kind=Kind.REFERENCE, minimum=1, aliases=("AppSid",)),
        Param(name="LoggingEnabled", kind=Kind.FLAG), Param(name="RestartApp", kind=Kind.FLAG),
    ), run=lambda cloud, call: cloud.devices.update(call.key, call.arguments)),
    Operation(name="FollowDeviceLog", api=Api.MICROVISOR, method="GET", path="/v1/Devices/{Sid}/Logs", params=(
        Param(name="Follow", kind=Kind.FLAG, aliases=("follow",)),
        Param(name="After", kind=Kind.NUMBER, minimum=0, aliases=("after",)),
    ), run=_logs),
)
