"""The rules an application bundle must keep, and the error that says which one was broken."""

from __future__ import annotations

from enum import StrEnum

from harness.errors import BundleError


class Rule(StrEnum):
    """A rule of the bundle format. The value is a stable short name for reports and machine output."""

    TOO_BIG = "too-big"
    NOT_A_ZIP = "not-a-zip"
    MEMBER_NAME = "member-name"
    MEMBER_DUPLICATE = "member-duplicate"
    MEMBER_SURPLUS = "member-surplus"
    MEMBER_DAMAGED = "member-damaged"
    MANIFEST_MISSING = "manifest-missing"
    MANIFEST_MALFORMED = "manifest-malformed"
    LAYERS_MISSING = "layers-missing"
    LAYER_FILE_MISSING = "layer-file-missing"
    LAYER_HASH = "layer-hash"
    LAYER_MEASUREMENT = "layer-measurement"
    LAYER_TOO_LONG = "layer-too-long"
    LAYER_ENCRYPTED = "layer-encrypted"
    REGION_MISSING = "region-missing"
    REGION_OUTSIDE = "region-outside"
    REGION_OVERLAP = "region-overlap"
    KEY_SHAPE = "key-shape"
    SIGNATURE_SHAPE = "signature-shape"
    SIGNATURE_MISSING = "signature-missing"
    SIGNER_UNKNOWN = "signer-unknown"
    SIGNATURE_WRONG = "signature-wrong"


class BundleRejected(BundleError):
    """A bundle that breaks a rule.

    Attributes:
        rule: the rule.
    """

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
