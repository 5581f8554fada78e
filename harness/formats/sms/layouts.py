"""The flag octets of TPDUs, declared once and used in both directions (3GPP TS 23.040 clause 9.2.2).

Field names follow what a *set* bit means, so TP-MMS is ``no_more_messages``. Parsing and building go through small
tables that fill themselves: an octet has 256 values, and declared layouts are slow to walk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from construct import BitsInteger, BitStruct, Flag, Padding

__all__ = [
    "COMMAND",
    "DELIVER",
    "DELIVER_REPORT",
    "PARAMETER_INDICATOR",
    "STATUS_REPORT",
    "SUBMIT",
    "SUBMIT_REPORT",
    "OctetLayout",
]


class OctetLayout:
    """One octet split into named bit fields, most significant first."""

    def __init__(self, name: str, *fields: Any) -> None:
        self._name = name
        self._layout = BitStruct(*fields)
        self._parsed: dict[int, Mapping[str, int]] = {}
        self._built: dict[frozenset[tuple[str, int]], int] = {}

    def __repr__(self) -> str:
        return f"OctetLayout({self._name})"

    def parse(self, octet: int) -> Mapping[str, int]:
        """Return the fields of ``octet`` by name."""
        fields = self._parsed.get(octet)
        if fields is None:
            container = self._layout.parse(bytes((octet,)))
            fields = self._parsed[octet] = {
                name: int(value) for name, value in container.items() if not name.startswith("_")
            }
        return fields

    def build(self, **fields: int) -> int:
        """Return the octet made of ``fields``; every field of the layout must be given."""
        key = frozenset(fields.items())
        octet = self._built.get(key)
        if octet is None:
            octet = self._built[key] = self._layout.build(fields)[0]
        return octet


_TYPE = "type" / BitsInteger(2)
_REPLY_PATH = "reply_path" / Flag
_HEADER = "header" / Flag

DELIVER = OctetLayout(
    "SMS-DELIVER", _REPLY_PATH, _HEADER, "status_report_indication" / Flag, Padding(1),
    "loop_prevention" / Flag, "no_more_messages" / Flag, _TYPE,
)  # fmt: skip
DELIVER_REPORT = OctetLayout("SMS-DELIVER-REPORT", Padding(1), _HEADER, Padding(4), _TYPE)
SUBMIT = OctetLayout(
    "SMS-SUBMIT", _REPLY_PATH, _HEADER, "status_report_request" / Flag, "validity_format" / BitsInteger(2),
    "reject_duplicates" / Flag, _TYPE,
)  # fmt: skip
SUBMIT_REPORT = OctetLayout("SMS-SUBMIT-REPORT", Padding(1), _HEADER, Padding(4), _TYPE)
STATUS_REPORT = OctetLayout(
    "SMS-STATUS-REPORT", Padding(1), _HEADER, "for_command" / Flag, Padding(1),
    "loop_prevention" / Flag, "no_more_messages" / Flag, _TYPE,
)  # fmt: skip
COMMAND = OctetLayout(
    "SMS-COMMAND", Padding(1), _HEADER, "status_report_request" / Flag, Padding(3), _TYPE
)
PARAMETER_INDICATOR = OctetLayout(
    "TP-PI", "extension" / Flag, Padding(4), "user_data" / Flag, "coding" / Flag, "pid" / Flag
)
