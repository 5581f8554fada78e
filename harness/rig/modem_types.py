"""The module types that rig files can name: the far end's profile and the near end's dialect of each."""

from __future__ import annotations

from dataclasses import dataclass

from harness.drivers.modem import find_dialect
from harness.virtual.modem import load_profile, profile_names
from harness.virtual.modem.dialect import build_commands


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemType:
    """One module type.

    Attributes:
        profile: what rig files call it.
        dialect: by which the driver speaks to it.
        commands: its command table, one entry a line: name, forms (test, read, set, execute), source.
        description: what it is, in words.
    """

    profile: str
    manufacturer: str
    model: str
    revision: str
    dialect: str
    commands: tuple[str, ...]
    description: str


def modem_type(name: str) -> ModemType:
    """Return the module type of this name.

    Raises:
        UsageError: there is none; the message names those there are.
    """
    profile = load_profile(name)
    return ModemType(profile=profile.name, manufacturer=profile.manufacturer, model=profile.model,
                     revision=profile.revision, dialect=find_dialect(profile.name).name,
                     commands=tuple(build_commands(profile).render().splitlines()), description=profile.description)


def modem_types() -> tuple[ModemType, ...]:
    """Return all module types, by name."""
    return tuple(map(modem_type, profile_names()))
