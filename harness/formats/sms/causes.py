"""What TP-ST and TP-FCS values mean, in words (3GPP TS 23.040 clauses 9.2.3.15 and 9.2.3.22)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

__all__ = ["FAILURE_CAUSES", "STATUS_TEXTS", "StatusCategory"]

STATUS_TEXTS: Final[Mapping[int, str]] = MappingProxyType({
    0x00: "received by the recipient",
    0x01: "forwarded, delivery not confirmed",
    0x02: "replaced by the service centre",
    0x20: "congestion, still trying",
    0x21: "recipient busy, still trying",
    0x22: "no response from the recipient, still trying",
    0x23: "service rejected, still trying",
    0x24: "quality of service not available, still trying",
    0x25: "error at the recipient, still trying",
    0x40: "remote procedure error",
    0x41: "incompatible destination",
    0x42: "connection rejected by the recipient",
    0x43: "not obtainable",
    0x44: "quality of service not available",
    0x45: "no interworking available",
    0x46: "validity period expired",
    0x47: "deleted by the sender",
    0x48: "deleted by the service centre",
    0x49: "message does not exist",
    0x60: "congestion, gave up",
    0x61: "recipient busy, gave up",
    0x62: "no response from the recipient, gave up",
    0x63: "service rejected, gave up",
    0x64: "quality of service not available, gave up",
    0x65: "error at the recipient, gave up",
})
"""TP-ST values with a meaning of their own (clause 9.2.3.15)."""

FAILURE_CAUSES: Final[Mapping[int, str]] = MappingProxyType({
    0x80: "telematic interworking not supported",
    0x81: "short message type 0 not supported",
    0x82: "cannot replace short message",
    0x8F: "unspecified TP-PID error",
    0x90: "data coding scheme not supported",
    0x91: "message class not supported",
    0x9F: "unspecified TP-DCS error",
    0xA0: "command cannot be actioned",
    0xA1: "command unsupported",
    0xAF: "unspecified TP-Command error",
    0xB0: "TPDU not supported",
    0xC0: "service centre busy",
    0xC1: "no service centre subscription",
    0xC2: "service centre system failure",
    0xC3: "invalid short message entity address",
    0xC4: "destination barred",
    0xC5: "rejected as a duplicate",
    0xC6: "validity period format not supported",
    0xC7: "validity period not supported",
    0xD0: "SIM SMS storage full",
    0xD1: "no SMS storage in the SIM",
    0xD2: "error in the mobile",
    0xD3: "memory capacity exceeded",
    0xD4: "SIM application toolkit busy",
    0xD5: "SIM data download error",
    0xFF: "unspecified error",
})
"""TP-FCS values (clause 9.2.3.22); the same numbers are +CMS ERROR codes 128 to 255 (3GPP TS 27.005 clause 3.2.5)."""


class StatusCategory(Enum):
    """What a TP-ST value means for whoever waits (clause 9.2.3.15)."""

    COMPLETED = "completed"
    TRYING = "temporary error, still trying"
    PERMANENT = "permanent error"
    GAVE_UP = "temporary error, gave up"
