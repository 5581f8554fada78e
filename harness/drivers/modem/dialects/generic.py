"""What all families have in common (3GPP TS 27.005 and TS 27.007)."""

from __future__ import annotations

from harness.drivers.modem.dialect import Urc

_CELL = r'(?:,"[0-9A-Fa-f]*","[0-9A-Fa-f]*"(?:,.*)?|,,.*)?'  # tac, ci and what follows; "n,stat" has a bare number here

GENERIC_URCS = (
    Urc(prefix="+CMTI:"),
    Urc(prefix="+CDSI:"),
    Urc(prefix="+CMT:", more_lines=1),
    Urc(prefix="+CDS:", more_lines=1),
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
)
"""Unsolicited result codes that every module may send."""
