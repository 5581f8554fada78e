"""The manifest of an application bundle: a protobuf envelope around a protobuf body.

The envelope carries the body as bytes, so that what was signed is what was sent. The message types are described to the
protobuf library at run time; there is no generated code. Field numbers are the format, names are ours. proto3 leaves
scalars of value 0 out, while a policy that was set stays visible even if empty: ``None`` here is absence, a default
policy is an empty sub-message.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from harness.formats.bundle.rules import BundleRejected, Rule

APP_FLASH_SIZE = 0x10_0000
"""Bytes of application flash; region starts count from its beginning."""


class Memory(Enum):
    """Where a region lies. The value is the field number in the manifest."""

    INTERNAL_FLASH = 1
    EXTERNAL_FLASH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where a layer goes: ``size`` bytes from ``start``, which counts from the beginning of that memory."""

    memory: Memory = Memory.INTERNAL_FLASH
    start: int = 0
    size: int = APP_FLASH_SIZE

    @property
    def end(self) -> int:
        return self.start + self.size

    def __str__(self) -> str:
        name = "internal flash" if self.memory is Memory.INTERNAL_FLASH else "external flash"
        return f"{name} 0x{self.start:x} to 0x{self.end:x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerReference:
    """What the manifest says of a layer.

    Attributes:
        region: where it goes; None if the manifest does not say.
        fetch_hash: SHA-256 of the layer's file.
        measurement_hash: SHA-256 of the region once written: the content, then 0xFF up to the region's size.
        encrypted_with_key_id: 0 for a plain layer.
    """

    region: Region | None
    fetch_hash: bytes
    measurement_hash: bytes
    encrypted_with_key_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugPolicy:
    """Who may debug. The key is an uncompressed P-256 point (65 bytes), empty for none."""

    debuggable: bool = False
    auth_public_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPolicy:
    """What happens after a crash: restart delays in milliseconds, the report's key and how much stack it holds."""

    minimum_restart_ms: int = 0
    maximum_restart_ms: int = 0
    report_public_key: bytes = b""
    stack_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePolicy:
    """How long, in seconds, this application may put an update off, and the oldest kernel it runs on."""

    maximum_politeness_s: int = 0
    minimum_kernel_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectivityPolicy:
    """When the device is online: grace time after loss, and the check-in interval (0: stay connected). In seconds."""

    grace_time_s: int = 0
    minimum_check_in_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppBody:
    """The signed part of a manifest. A policy that is None is absent."""

    layers: tuple[LayerReference, ...]
    debug: DebugPolicy | None = None
    crash: CrashPolicy | None = None
    update: UpdatePolicy | None = None
    connectivity: ConnectivityPolicy | None = None

    def encode(self) -> bytes:
        """Return the body as protobuf bytes; equal bodies give equal bytes."""
        message = _messages()["AppBody"]()
        for layer in self.layers:
            reference = message.layers.add(encrypted_with_key_id=layer.encrypted_with_key_id,
                                           fetch_hash=layer.fetch_hash, measurement_hash=layer.measurement_hash)
            if layer.region is not None:
                where = getattr(reference.target, layer.region.memory.name.lower())
                where.SetInParent()
                where.start, where.size = layer.region.start, layer.region.size
        for name, numbers in _POLICIES.items():
            policy = getattr(self, name)
            if policy is not None:
                part = getattr(message, name)
                part.SetInParent()
                for attribute in numbers:
                    setattr(part, attribute, getattr(policy, attribute))
        return bytes(message.SerializeToString(deterministic=True))

    @classmethod
    def decode(cls, data: bytes) -> AppBody:
        """Return the body that these protobuf bytes hold. Fields that are not known are passed over.

        Raises:
            BundleRejected: not protobuf.
        """
        message = _parse("AppBody", data)
        policies = {
            name: _POLICY_TYPES[name](**{attribute: getattr(getattr(message, name), attribute)
                                         for attribute in numbers})
            for name, numbers in _POLICIES.items() if message.HasField(name)}
        return cls(layers=tuple(_layers(message)), **policies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The envelope.

    Attributes:
        signer_id: identity of the signing key, 0 if unsigned.
        body: the signed bytes.
        signature: r and s, 32 bytes each, or empty.
        app: what the body says.
    """

    body: bytes = field(repr=False)
    app: AppBody
    signer_id: int = 0
    signature: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """Return the manifest as protobuf bytes."""
        message = _messages()["OpaqueManifest"](signer_id=self.signer_id, body=self.body, signature=self.signature)
        return bytes(message.SerializeToString(deterministic=True))

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Return the manifest that these protobuf bytes hold; whether it makes sense is for the bundle to check.

        Raises:
            BundleRejected: envelope or body is not protobuf.
        """
        message = _parse("OpaqueManifest", data)
        return cls(signer_id=message.signer_id, body=message.body, signature=message.signature,
                   app=AppBody.decode(message.body))


# name of the message -> field name -> (number, type). A type that is no scalar is a message; [] means repeated.
_SCHEMA: dict[str, dict[str, tuple[int, str]]] = {
    "OpaqueManifest": {"signer_id": (1, "uint64"), "body": (2, "bytes"), "signature": (3, "bytes")},
    "AppBody": {"layers": (1, "Layer[]"), "debug": (2, "Debug"), "crash": (3, "Crash"), "update": (4, "Update"),
                "connectivity": (5, "Connectivity")},
    "Layer": {"target": (1, "Target"), "encrypted_with_key_id": (2, "uint64"), "fetch_hash": (3, "bytes"),
              "measurement_hash": (4, "bytes")},
    "Target": {"internal_flash": (1, "FlashRegion"), "external_flash": (2, "FlashRegion")},
    "FlashRegion": {"start": (1, "uint32"), "size": (2, "uint32")},
    "Debug": {"debuggable": (1, "bool"), "auth_public_key": (2, "bytes")},
    "Crash": {"minimum_restart_ms": (1, "uint32"), "maximum_restart_ms": (2, "uint32"),
              "report_public_key": (3, "bytes"), "stack_bytes": (4, "uint32")},
    "Update": {"maximum_politeness_s": (1, "uint32"), "minimum_kernel_version": (2, "uint32")},
    "Connectivity": {"grace_time_s": (1, "uint32"), "minimum_check_in_s": (2, "uint32")},
}
_ONE_OF = {"Target": "where"}
_PACKAGE = "harness.bundle"

_POLICIES: dict[str, dict[str, tuple[int, str]]] = {
    "debug": _SCHEMA["Debug"], "crash": _SCHEMA["Crash"], "update": _SCHEMA["Update"],
    "connectivity": _SCHEMA["Connectivity"],
}
_POLICY_TYPES: dict[str, Any] = {"debug": DebugPolicy, "crash": CrashPolicy, "update": UpdatePolicy,
                                 "connectivity": ConnectivityPolicy}


@functools.cache
def _messages() -> dict[str, Any]:
    """Return the message classes by name. They live in a pool of their own, apart from every other protobuf user."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="harness/bundle.proto", package=_PACKAGE, syntax="proto3")
    types = descriptor_pb2.FieldDescriptorProto
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        if name in _ONE_OF:
            message.oneof_decl.add(name=_ONE_OF[name])
        for field_name, (number, kind) in fields.items():
            entry = message.field.add(name=field_name, number=number, label=types.LABEL_OPTIONAL)
            if kind.endswith("[]"):
                entry.label, kind = types.LABEL_REPEATED, kind[:-2]
            if kind in _SCHEMA:
                entry.type, entry.type_name = types.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                entry.type = types.Type.Value(f"TYPE_{kind.upper()}")
            if name in _ONE_OF:
                entry.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
            for name in _SCHEMA}


def _parse(name: str, data: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return _messages()[name].FromString(data)
    except DecodeError as error:
        part = "manifest" if name == "OpaqueManifest" else "body of the manifest"
        raise BundleRejected(Rule.MANIFEST_MALFORMED, f"the {part} is not a protobuf message: {error}") from error


def _layers(message: Any) -> Iterator[LayerReference]:
    for layer in message.layers:
        where = layer.target.WhichOneof("where")
        region = None
        if where is not None:
            part = getattr(layer.target, where)
            region = Region(memory=Memory[where.upper()], start=part.start, size=part.size)
        yield LayerReference(region=region, fetch_hash=layer.fetch_hash, measurement_hash=layer.measurement_hash,
                             encrypted_with_key_id=layer.encrypted_with_key_id)
