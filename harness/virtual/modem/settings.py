"""Values that commands set and read, with what &F, &W, Z and a power cycle do to them (ITU-T V.250 clause 6.1).

Every value is a tuple, under the name of the command that owns it: ``settings["+CMGF"] == (0,)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Value: TypeAlias = tuple[int | str, ...]

LINE_DEFAULTS: Final[dict[str, Value]] = {
    "E": (1,), "V": (1,), "Q": (0,), "X": (4,), "S0": (0,), "S3": (13,), "S4": (10,), "S5": (8,), "S6": (2,),
    "S7": (60,), "S8": (2,), "S10": (15,), "S12": (50,), "&C": (1,), "&D": (0,), "&K": (0,), "&S": (0,), "L": (0,),
    "M": (1,), "T": (0,),
}
"""Factory values of what belongs to a port and not to the module; a profile may have others."""


class Settings:
    """The values in force, the stored profile and the factory's.

    Args:
        factory: what &F restores and what applies at power-up before anything was stored.
        persistent: names whose value is kept over power-off as soon as it is set.
    """

    def __init__(self, factory: Mapping[str, Value], *, persistent: frozenset[str] = frozenset()) -> None:
        self._factory = dict(factory)
        self._stored = dict(factory)
        self._persistent = persistent
        self._values = dict(factory)

    def __repr__(self) -> str:
        changed = {name: value for name, value in self._values.items() if value != self._factory.get(name)}
        return f"Settings({changed!r})"

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def get(self, name: str, default: Value) -> Value:
        """Return the value of ``name``, or ``default`` if it has none."""
        return self._values.get(name, default)

    def __setitem__(self, name: str, value: Value) -> None:
        self._values[name] = value
        if name in self._persistent:
            self._stored[name] = value

    def declare(self, name: str, value: Value) -> None:
        """Give ``name`` a factory value unless the profile gave one."""
        for values in (self._factory, self._stored, self._values):
            values.setdefault(name, value)

    def number(self, name: str, position: int = 0) -> int:
        """Return a value that is a number."""
        value = self._values[name][position]
        return value if isinstance(value, int) else 0

    def text(self, name: str, position: int = 0) -> str:
        """Return a value that is a text."""
        return str(self._values[name][position])

    def allows(self, *switches: str) -> bool:
        """Tell whether none of these switches is off; one that there is not is on."""
        return all(bool(self._values.get(name, (1,))[0]) for name in switches)

    def keep(self, name: str) -> None:
        """Keep one value in force for the next power-up."""
        self._stored[name] = self._values[name]

    def store(self) -> None:
        """Keep the values in force for the next power-up (&W)."""
        self._stored = dict(self._values)

    def recall(self) -> None:
        """Put the stored values in force (Z, and power-up)."""
        self._values = dict(self._stored)

    def restore_factory(self) -> None:
        """Put the factory's values in force (&F), but for the persistent ones."""
        kept = {name: self._values[name] for name in self._persistent if name in self._values}
        self._values = {**self._factory, **kept}
