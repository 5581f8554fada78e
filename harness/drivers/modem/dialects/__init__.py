"""The dialects: one file for each family of modules, found by the family's name, a module's, or what a modem says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from harness.drivers.modem.dialect import Dialect
from harness.drivers.modem.dialects.generic import GENERIC
from harness.drivers.modem.dialects.quectel import QUECTEL
from harness.drivers.modem.dialects.simcom import SIM7080, SIM7600
from harness.drivers.modem.dialects.telit import TELIT
from harness.drivers.modem.dialects.ublox import SARA_R4, SARA_R5
from harness.errors import UsageError

DIALECTS: Mapping[str, Dialect] = MappingProxyType({
    dialect.name: dialect for dialect in (QUECTEL, SIM7080, SIM7600, SARA_R4, SARA_R5, TELIT, GENERIC)})
"""Dialects by name."""


def find_dialect(name: str) -> Dialect:
    """Return a dialect by its name, or by the name of a module that speaks it; case does not matter.

    Raises:
        UsageError: there is none; names those that are.
    """
    wanted = name.lower()
    for dialect in DIALECTS.values():
        if wanted == dialect.name or wanted in dialect.modules:
            return dialect
    known = "; ".join(f"{dialect.name} ({', '.join(sorted(dialect.modules))})" for dialect in DIALECTS.values())
    raise UsageError(f"no modem dialect {name!r}: there are {known}")


def recognise(manufacturer: str, model: str) -> Dialect | None:
    """Return the dialect of a module that calls itself so, None if it is of no family that is known."""
    said = f"{manufacturer} {model}"
    return next((dialect for dialect in DIALECTS.values() if dialect.known_by and re.search(dialect.known_by, said)),
                None)
