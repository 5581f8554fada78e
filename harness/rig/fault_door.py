"""Faults over the admin side of a running stack, and what there is of them, as plain data for the command line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.virtual.faults import KINDS, FaultPlan, Faults, parse_fault
from harness.virtual.faults.kinds import CONDITIONS, GROUPS
from harness.virtual.faults.parameters import REQUIRED

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import AdminRoute

PATH: Final = "/device-faults"
"""Below the admin side's root."""


def routes(plan: FaultPlan) -> dict[tuple[str, str], AdminRoute]:
    """Return what the admin side answers about the faults of modems and their network."""

    faults = Faults(plan)

    def listed(query: Mapping[str, str], body: bytes) -> object:
        if "plan" in query:
            return {"faults": faults.save()}
        return {"faults": [fault.describe() for fault in plan.all]}

    def added(query: Mapping[str, str], body: bytes) -> object:
        try:
            described = json.loads(body)
        except ValueError:
            described = None
        if not isinstance(described, dict):
            raise UsageError("the body must be a JSON object")
        if "faults" in described:
            several = described["faults"]
            if not isinstance(several, list) or not all(isinstance(one, dict) for one in several):
                raise UsageError("faults: must be a list of objects")
            return {"faults": [fault.describe() for fault in faults.load(several)]}
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


def as_toml(faults: list[dict[str, object]]) -> str:
    """Return saved faults as a rig file has them."""
    tables = ["\n".join(["[[faults]]", *(f"{key} = {_toml(value)}" for key, value in fault.items())])
              for fault in faults]
    return "\n\n".join(tables) + "\n" if tables else ""


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")


def from_file(text: str, name: str) -> list[dict[str, object]]:
    """Return the faults of a file that has them as a rig file does.

    Raises:
        UsageError: it is no TOML, or has none.
    """
    try:
        faults = tomllib.loads(text).get("faults")
    except tomllib.TOMLDecodeError as problem:
        raise UsageError(f"{name}: {problem}") from None
    if not isinstance(faults, list) or not all(isinstance(one, dict) for one in faults):
        raise UsageError(f"{name} has no [[faults]]")
    return faults


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
