"""Error numbers by name, and how +CMEE has an error told (3GPP TS 27.007 clause 9, TS 27.005 clause 3.2.5)."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

from harness.formats.at import CME_ERRORS, CMS_ERRORS


class Family(Enum):
    """Which kind of error a command reports."""

    CME = "+CME ERROR"
    CMS = "+CMS ERROR"


class Cme(IntEnum):
    """Numbers that this package answers by name."""

    PHONE_FAILURE = 0
    NOT_ALLOWED = 3
    NOT_SUPPORTED = 4
    PH_SIM_PIN = 5
    SIM_NOT_INSERTED = 10
    SIM_PIN = 11
    SIM_PUK = 12
    SIM_FAILURE = 13
    SIM_BUSY = 14
    INCORRECT_PASSWORD = 16
    SIM_PIN2 = 17
    SIM_PUK2 = 18
    MEMORY_FULL = 20
    INVALID_INDEX = 21
    NOT_FOUND = 22
    TEXT_TOO_LONG = 24
    INVALID_TEXT = 25
    DIAL_TOO_LONG = 26
    INVALID_DIAL = 27
    NO_NETWORK = 30
    NETWORK_TIMEOUT = 31
    INCORRECT_PARAMETERS = 50
    ABORTED = 52
    FIXED_NUMBERS_ONLY = 56
    UNKNOWN = 100
    SERVICE_OPTION_NOT_SUPPORTED = 132
    SERVICE_NOT_SUBSCRIBED = 133
    UNSPECIFIED_GPRS = 148


class Cms(IntEnum):
    """Numbers that this package answers by name."""

    ME_FAILURE = 300
    NOT_ALLOWED = 302
    NOT_SUPPORTED = 303
    BAD_PDU = 304
    BAD_TEXT = 305
    SIM_NOT_INSERTED = 310
    SIM_PIN = 311
    PH_SIM_PIN = 312
    SIM_FAILURE = 313
    SIM_BUSY = 314
    SIM_PUK = 316
    INVALID_INDEX = 321
    MEMORY_FULL = 322
    SCA_UNKNOWN = 330
    NO_NETWORK = 331
    NETWORK_TIMEOUT = 332
    NO_CNMA_EXPECTED = 340
    UNKNOWN = 500


class SocketError(IntEnum):
    """``<err>`` of the Quectel TCP/IP commands, as their manuals list it."""

    NONE = 0
    UNKNOWN = 550
    INVALID_PARAMETERS = 552
    CREATE_FAILED = 554
    BIND_FAILED = 556
    OPEN_PDP_FAILED = 561
    ID_IN_USE = 563
    DNS_BUSY = 564
    DNS_FAILED = 565
    CONNECT_FAILED = 566
    CLOSED = 567
    BUSY = 568
    TIMEOUT = 569
    PDP_BROKEN = 570
    NOT_ALLOWED = 572
    APN_MISSING = 573
    PORT_BUSY = 574


SOCKET_TEXT: Final[dict[int, str]] = {
    0: "operate successfully", 550: "unknown error", 552: "invalid parameters", 554: "socket creation failed",
    556: "socket bind failed", 561: "open PDP context failed", 563: "socket identity has been used",
    564: "DNS busy", 565: "DNS parse failed", 566: "socket connect failed", 567: "socket has been closed",
    568: "operation busy", 569: "operation timeout", 570: "PDP context broken down", 572: "operation not allowed",
    573: "APN not configured", 574: "port busy",
}

MAKERS_TEXTS: Final[dict[int, str]] = {
    550: "generic undocumented error", 551: "wrong state", 552: "wrong mode", 553: "context already activated",
    554: "stack already active", 555: "activation failed", 556: "context not opened", 557: "cannot setup socket",
    558: "cannot resolve DN", 559: "timeout in opening socket", 560: "cannot open socket",
    561: "remote disconnected or timeout", 562: "connection failed", 563: "tx error", 564: "already listening",
}
"""What Telit says for the numbers of +CME ERROR beyond the standard's."""

_TEXTS: Final = {Family.CME: CME_ERRORS, Family.CMS: CMS_ERRORS}


def error_line(family: Family, number: int, *, cmee: int, capital: bool = False) -> str:
    """Return the final result line for an error at this +CMEE level.

    With +CMEE=0 a CME error is a plain ``ERROR``; CMS errors have no silent form (TS 27.005 clause 3.2.5) and stay
    numeric. ``capital`` is how some makers begin the text.
    """
    if cmee == 0 and family is Family.CME:
        return "ERROR"
    if cmee == 2:
        text = _TEXTS[family].get(number) or MAKERS_TEXTS.get(number, "unknown")
        return f"{family.value}: {text[0].upper() + text[1:] if capital else text}"
    return f"{family.value}: {number}"
