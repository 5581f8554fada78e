"""Application bundles: what is uploaded to the cloud and installed on a board."""

from harness.formats.bundle.bundle import (
    MAX_BUNDLE_SIZE,
    Bundle,
    BundleOptions,
    Layer,
    create_bundle,
    flash_image,
    measure,
    write_archive,
)
from harness.formats.bundle.manifest import (
    APP_FLASH_SIZE,
    AppBody,
    ConnectivityPolicy,
    CrashPolicy,
    DebugPolicy,
    LayerReference,
    Manifest,
    Memory,
    Region,
    UpdatePolicy,
)
from harness.formats.bundle.rules import BundleRejected, Rule
from harness.formats.bundle.signing import SigningKey, key_id, public_point_from_pem

__all__ = [
    "APP_FLASH_SIZE",
    "MAX_BUNDLE_SIZE",
    "AppBody",
    "Bundle",
    "BundleOptions",
    "BundleRejected",
    "ConnectivityPolicy",
    "CrashPolicy",
    "DebugPolicy",
    "Layer",
    "LayerReference",
    "Manifest",
    "Memory",
    "Region",
    "Rule",
    "SigningKey",
    "UpdatePolicy",
    "create_bundle",
    "flash_image",
    "key_id",
    "measure",
    "public_point_from_pem",
    "write_archive",
]
