"""Result codes of the AT language, shared by both ends of the port.

Basic results and their numbers: ITU-T V.250 clause 5.7. ``+CME ERROR``: 3GPP TS 27.007 clause 9.2. ``+CMS ERROR``:
3GPP TS 27.005 clause 3.2.5, whose numbers below 128 are those of 3GPP TS 24.011 and from 128 to 255 those of TP-FCS.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

__all__ = ["BASIC_NUMBERS", "CME_ERRORS", "CMS_ERRORS", "ResultKind", "cme_code", "cms_code"]


class ResultKind(Enum):
    """What sort of final result a line is."""

    OK = "ok"
    ERROR = "error"
    CME = "cme error"
    CMS = "cms error"
    CONNECT = "connect"
    CALL = "call"
    SEND = "send"


BASIC_NUMBERS: Final[Mapping[str, int]] = MappingProxyType({
    "OK": 0,
    "CONNECT": 1,
    "RING": 2,
    "NO CARRIER": 3,
    "ERROR": 4,
    "NO DIALTONE": 6,
    "BUSY": 7,
    "NO ANSWER": 8,
})
"""Results that have a numeric form, used with V0."""

CME_ERRORS: Final[Mapping[int, str]] = MappingProxyType({
    0: "phone failure",
    1: "no connection to phone",
    2: "phone-adaptor link reserved",
    3: "operation not allowed",
    4: "operation not supported",
    5: "PH-SIM PIN required",
    6: "PH-FSIM PIN required",
    7: "PH-FSIM PUK required",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    15: "SIM wrong",
    16: "incorrect password",
    17: "SIM PIN2 required",
    18: "SIM PUK2 required",
    20: "memory full",
    21: "invalid index",
    22: "not found",
    23: "memory failure",
    24: "text string too long",
    25: "invalid characters in text string",
    26: "dial string too long",
    27: "invalid characters in dial string",
    30: "no network service",
    31: "network timeout",
    32: "network not allowed - emergency calls only",
    40: "network personalization PIN required",
    41: "network personalization PUK required",
    42: "network subset personalization PIN required",
    43: "network subset personalization PUK required",
    44: "service provider personalization PIN required",
    45: "service provider personalization PUK required",
    46: "corporate personalization PIN required",
    47: "corporate personalization PUK required",
    48: "hidden key required",
    49: "EAP method not supported",
    50: "Incorrect parameters",
    51: "command implemented but currently disabled",
    52: "command aborted by user",
    53: "not attached to network due to MT functionality restrictions",
    54: "modem not allowed - MT restricted to emergency calls only",
    55: "operation not allowed because of MT functionality restrictions",
    56: "fixed dial number only allowed - called number is not a fixed dial number",
    57: "temporarily out of service due to other MT usage",
    58: "language/alphabet not supported",
    59: "unexpected data value",
    60: "system failure",
    61: "data missing",
    62: "call barred",
    63: "message waiting indication subscription failure",
    100: "unknown",
    103: "Illegal MS",
    106: "Illegal ME",
    107: "GPRS services not allowed",
    111: "PLMN not allowed",
    112: "Location area not allowed",
    113: "Roaming not allowed in this location area",
    132: "service option not supported",
    133: "requested service option not subscribed",
    134: "service option temporarily out of order",
    148: "unspecified GPRS error",
    149: "PDP authentication failure",
    150: "invalid mobile class",
})
"""``+CME ERROR`` numbers and their texts."""

CMS_ERRORS: Final[Mapping[int, str]] = MappingProxyType({
    1: "Unassigned (unallocated) number",
    8: "Operator determined barring",
    10: "Call barred",
    21: "Short message transfer rejected",
    22: "Memory capacity exceeded",
    27: "Destination out of service",
    28: "Unidentified subscriber",
    29: "Facility rejected",
    30: "Unknown subscriber",
    38: "Network out of order",
    41: "Temporary failure",
    42: "Congestion",
    47: "Resources unavailable, unspecified",
    50: "Requested facility not subscribed",
    69: "Requested facility not implemented",
    81: "Invalid short message transfer reference value",
    95: "Invalid message, unspecified",
    96: "Invalid mandatory information",
    97: "Message type non-existent or not implemented",
    98: "Message not compatible with short message protocol state",
    99: "Information element non-existent or not implemented",
    111: "Protocol error, unspecified",
    127: "Interworking, unspecified",
    128: "Telematic interworking not supported",
    129: "Short message Type 0 not supported",
    130: "Cannot replace short message",
    143: "Unspecified TP-PID error",
    144: "Data coding scheme (alphabet) not supported",
    145: "Message class not supported",
    159: "Unspecified TP-DCS error",
    160: "Command cannot be actioned",
    161: "Command unsupported",
    175: "Unspecified TP-Command error",
    176: "TPDU not supported",
    192: "SC busy",
    193: "No SC subscription",
    194: "SC system failure",
    195: "Invalid SME address",
    196: "Destination SME barred",
    197: "SM Rejected-Duplicate SM",
    198: "TP-VPF not supported",
    199: "TP-VP not supported",
    208: "SIM SMS storage full",
    209: "No SMS storage capability in SIM",
    210: "Error in MS",
    211: "Memory Capacity Exceeded",
    212: "SIM Application Toolkit Busy",
    213: "SIM data download error",
    255: "Unspecified error cause",
    300: "ME failure",
    301: "SMS service of ME reserved",
    302: "Operation not allowed",
    303: "Operation not supported",
    304: "Invalid PDU mode parameter",
    305: "Invalid text mode parameter",
    310: "SIM not inserted",
    311: "SIM PIN required",
    312: "PH-SIM PIN required",
    313: "SIM failure",
    314: "SIM busy",
    315: "SIM wrong",
    316: "SIM PUK required",
    317: "SIM PIN2 required",
    318: "SIM PUK2 required",
    320: "Memory failure",
    321: "Invalid memory index",
    322: "Memory full",
    330: "SMSC address unknown",
    331: "no network service",
    332: "Network timeout",
    340: "NO +CNMA ACK EXPECTED",
    500: "Unknown error",
})
"""``+CMS ERROR`` numbers and their texts."""


def _by_text(errors: Mapping[int, str]) -> Mapping[str, int]:
    table: dict[str, int] = {}
    for code, text in errors.items():
        table.setdefault(text.casefold(), code)
    return table


_CME_TEXTS = _by_text(CME_ERRORS)
_CMS_TEXTS = _by_text(CMS_ERRORS)


def cme_code(text: str) -> int | None:
    """Return the number of a ``+CME ERROR`` given as a number or in words, None if it is neither."""
    return _code(text, _CME_TEXTS)


def cms_code(text: str) -> int | None:
    """Return the number of a ``+CMS ERROR`` given as a number or in words, None if it is neither."""
    return _code(text, _CMS_TEXTS)


def _code(text: str, words: Mapping[str, int]) -> int | None:
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    return words.get(text.casefold())
