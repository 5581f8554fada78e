"""Faults over the admin side of a running stack, and what there is of them, as plain data for the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.virtual.faults import KINDS, FaultPlan, parse_fault
from harness.virtual.faults.kinds import CONDITIONS, GROUPS
from harness.virtual.faults.parameters import REQUIRED

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import AdminRoute

PATH: Final = "/device-faults"
"""Below the admin side's root."""


def routes(plan: FaultPlan) -> dict[tuple[str, str], AdminRoute]:
    """Return what the admin side answers about the faults of modems and their network."""

    def listed(query: Mapping[str, str], body: bytes) -> object:
        return {"faults": [fault.describe() for fault in plan.all]}

    def added(query: Mapping[str, str], body: bytes) -> object:
        try:
            described = json.loads(body)
        except ValueError:
            described = None
        if not isinstance(described, dict):
            raise UsageError("the body must be a JSON object")
        return plan.add(parse_fault(described)).describe()

    def removed(query: Mapping[str, str], body: bytes) -> object:
        number = query.get("number")
        if number is not None and not (number.isascii() and number.isdigit() and len(number) < 10):
            raise UsageError("number must be a whole number")
        count = plan.remove(int(number) if number is not None else None)
        if number is not None and not count:
            raise UsageError(f"there is no fault {number}")
        return {"removed": count}

    return {("GET", PATH): listed, ("POST", PATH): added, ("DELETE", PATH): removed}


def kinds() -> list[dict[str, object]]:
    """Return every kind of fault: name, chapter, what the client sees, parameters."""
    return [{"kind": kind.name, "group": GROUPS[kind.group], "about": kind.about, "mode": kind.mode.name.lower(),
             "parameters": [{"name": parameter.name, "about": parameter.about, "rule": parameter.rule(),
                             "default": None if parameter.default is REQUIRED else parameter.default,
                             "required": parameter.default is REQUIRED} for parameter in kind.parameters]}
            for kind in KINDS.values()]


def conditions() -> dict[str, str]:
    """Return the states that a selector can ask for, and what they mean."""
    return dict(CONDITIONS)
