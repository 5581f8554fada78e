"""What all families have in common (3GPP TS 27.005 and TS 27.007)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.clock import Duration
from harness.drivers.modem.dialect import NEVER, Dialect, SetupStep, UdpProcedure, Urc

_CELL = r'(?:,"[0-9A-Fa-f]*","[0-9A-Fa-f]*"(?:,.*)?|,,.*)?'  # tac, ci and what follows; "n,stat" has a bare number here

GENERIC_URCS = (
    Urc(prefix="+CMTI:"),
    Urc(prefix="+CDSI:"),
    Urc(prefix="+CMT:", more_lines=1),
    Urc(prefix="+CDS:", more_lines=1, headed=r"\+CDS: *\d+"),  # text mode tells all in one line
    Urc(prefix="+CREG:", pattern=r"\+CREG: *\d+" + _CELL),
    Urc(prefix="+CGREG:", pattern=r"\+CGREG: *\d+" + _CELL),
    Urc(prefix="+CEREG:", pattern=r"\+CEREG: *\d+" + _CELL),
    Urc(prefix="+CGEV:"),
    Urc(prefix="+CPIN:"),
    Urc(prefix="+CFUN:"),
    Urc(prefix="+CTZV:"),
    Urc(prefix="+CTZE:"),
    Urc(prefix="+CUSD:", pattern=r"\+CUSD: *\d,.*"),
    Urc(prefix="RING"),
    Urc(prefix="+CRING:"),
    Urc(prefix="+CEDRXP:"),
)
"""Unsolicited result codes that every module may send."""

GENERIC_SETUP = (
    SetupStep(command="ATE0"),
    SetupStep(command="ATV1"),
    SetupStep(command="AT+CMEE=1"),
    SetupStep(command="AT+CMGF=0", required=False),
    SetupStep(command="AT+CNMI=2,1,0,0,0", required=False),
    SetupStep(command="AT+CREG=2", required=False),
    SetupStep(command="AT+CEREG=2", required=False),
)
"""What is sent to every modem once the driver is in step with it."""

GENERIC_TIMEOUTS: Mapping[str, Duration] = MappingProxyType({
    "AT+CMGS": "120s", "AT+CMSS": "120s", "AT+COPS": "180s", "AT+CGATT": "140s", "AT+CGACT": "150s", "AT+CFUN": "15s",
    "AT+CPIN": "5s", "AT+CMGL": "30s", "AT+CMGD": "30s", "ATD": "180s",
})
"""How long the standard's commands may take."""

GENERIC_IDENTITY: Mapping[str, str] = MappingProxyType({
    "manufacturer": "AT+CGMI", "model": "AT+CGMM", "revision": "AT+CGMR", "imei": "AT+CGSN", "imsi": "AT+CIMI",
    "iccid": "AT+CCID"})

GENERIC = Dialect(
    name="generic",
    modules=frozenset(),
    known_by="",
    identity=GENERIC_IDENTITY,
    setup=GENERIC_SETUP,
    urcs=GENERIC_URCS,
    boot=frozenset({"RDY"}),
    payload_headers=(),
    timeouts=GENERIC_TIMEOUTS,
    timeout="5s",
    registration=("AT+CEREG?", "AT+CREG?"),
    udp=UdpProcedure(
        sockets=range(0), max_payload=0, active=("AT+CGPADDR=1", NEVER), configure=(), activate="", open="", opened="",
        send="", arrived=NEVER, read="", read_header=NEVER, close="", closed=NEVER, context_lost=NEVER),
)
"""What every modem of the standard can: SMS, registration, identity; it has no sockets."""
