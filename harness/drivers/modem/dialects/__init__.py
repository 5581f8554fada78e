"""The dialects: one file for each family of modules, found by the family's name or by a module's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.drivers.modem.dialect import Dialect
from harness.drivers.modem.dialects.quectel import QUECTEL
from harness.errors import UsageError

DIALECTS: Mapping[str, Dialect] = MappingProxyType({dialect.name: dialect for dialect in (QUECTEL,)})
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
