"""What the files of a SIM card hold: pure codecs of their records (3GPP TS 31.102 and 51.011, ETSI TS 102 221)."""

from __future__ import annotations

from harness.formats.sim.alpha import alpha_octets, decode_alpha, encode_alpha
from harness.formats.sim.dialling import (
    EXTENSION_OCTETS,
    FIXED_OCTETS,
    MAX_DIGITS,
    RECORD_DIGITS,
    DiallingNumber,
    decode_extension,
    decode_record,
    encode_extension,
    encode_record,
    extension_of,
    is_free,
)
from harness.formats.sim.messages import MESSAGE_OCTETS, decode_message, encode_message, tpdu_length
from harness.formats.sim.parameters import decode_service_centre, encode_parameters

__all__ = [
    "EXTENSION_OCTETS",
    "FIXED_OCTETS",
    "MAX_DIGITS",
    "MESSAGE_OCTETS",
    "RECORD_DIGITS",
    "DiallingNumber",
    "alpha_octets",
    "decode_alpha",
    "decode_extension",
    "decode_message",
    "decode_record",
    "decode_service_centre",
    "encode_alpha",
    "encode_extension",
    "encode_message",
    "encode_parameters",
    "encode_record",
    "extension_of",
    "is_free",
    "tpdu_length",
]
