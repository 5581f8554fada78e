"""What faults keep as it is not - no coverage, no card, another line speed - when several keep the same.

It is as the newest of them says, and put right when the last one ends. What ends in between leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from harness.virtual.faults.fault import End, Fault, FaultyDevice

_TIMING = ("span", "point", "after", "silence")

CarryOut: TypeAlias = Callable[[Fault, FaultyDevice], End | None]
"""Does what a fault does; returns what puts it right."""

Lasts: TypeAlias = Callable[[Fault, End], End]
"""Lets something happen when a fault ends; returns what ends it now."""

Place: TypeAlias = Callable[[str, FaultyDevice], str]
"""Tells where a thing of a device is, that others may share."""


@dataclass(slots=True, eq=False)
class _Holder:
    fault: Fault
    device: FaultyDevice
    end: End | None = None


@dataclass(slots=True)
class _Held:
    """Something that is held: by whom, oldest first, and what puts it right when nobody does."""

    holders: list[_Holder] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)


class Holds:
    """All that the faults of a plan hold."""

    def __init__(self, carry_out: CarryOut, lasts: Lasts, place: Place) -> None:
        self._carry_out = carry_out
        self._lasts = lasts
        self._place = place
        self._held: dict[tuple[str, str], _Held] = {}

    def __repr__(self) -> str:
        return f"Holds({sorted(self._held)})"

    def take(self, fault: Fault, device: FaultyDevice, end: End | None) -> None:
        """Note that a fault was carried out; without an end it only counts where others hold the same already."""
        key = (fault.spec.kind.holds, self._place(fault.spec.kind.holds, device))
        if end is None and key not in self._held:
            return
        held = self._held.setdefault(key, _Held())
        holder = _Holder(fault, device)
        held.holders.append(holder)
        held.ends += [end] if end is not None else []
        holder.end = self._lasts(fault, partial(self._let_go, key, holder))

    def over(self, holds: str, device: FaultyDevice) -> None:
        """Something that faults hold has ended by itself."""
        held = self._held.get((holds, self._place(holds, device)))
        for holder in tuple(held.holders) if held is not None else ():
            if holder.end is not None:
                holder.end()

    def _let_go(self, key: tuple[str, str], holder: _Holder) -> None:
        held = self._held[key]
        newest = held.holders[-1]
        held.holders.remove(holder)
        if not held.holders:
            del self._held[key]
            for end in reversed(held.ends):
                end()
        elif newest is holder and _manner(holder.fault) != _manner(held.holders[-1].fault):
            again = self._carry_out(held.holders[-1].fault, held.holders[-1].device)
            held.ends += [again] if again is not None else []


def _manner(fault: Fault) -> dict[str, object]:
    """Return how a fault holds what it holds: its parameters, but for when and how long."""
    return {"kind": fault.kind, **{name: value for name, value in fault.spec.parameters.items() if name not in _TIMING}}
