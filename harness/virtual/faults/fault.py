"""One fault in a plan, and whom it strikes: modems and the network as a plan sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from harness.clock import RandomStream
from harness.virtual.faults.spec import FaultSpec
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.faults.plan import FaultPlan

End = Callable[[], None]
"""Undoes what a fault did."""


class FaultyDevice(Protocol):
    """A modem as a plan sees it."""

    @property
    def name(self) -> str: ...

    @property
    def iccid(self) -> str: ...

    def holds(self, condition: str) -> bool:
        """Tell whether a state of :data:`~harness.virtual.faults.kinds.CONDITIONS` holds."""

    def inject(self, fault: Fault) -> End | None:
        """Carry out a fault that acts; return what undoes it, if anything does."""

    def faults_changed(self) -> None:
        """Learn that faults came or went."""


class FaultyNetwork(Protocol):
    """The network as a plan sees it."""

    def inject(self, fault: Fault, iccid: str) -> End | None:
        """Carry out a fault that acts on a SIM card; return what undoes it, if anything does."""

    def look(self) -> None:
        """Ask the plan again what strikes the things that last."""

    def shared(self, holds: str, iccid: str) -> str:
        """Return the name of what a SIM card shares with others: its cell, its operator, or the network."""


@dataclass(slots=True, eq=False)
class Fault:
    """A fault in a plan.

    Attributes:
        number: how it is called, from 1.
        seen: how many commands, results or passing things fitted its selector.
        struck: how often it struck.
        chance: its own stream.

    As a context manager it is removed at the end: ``with faults.network.none(): ...``.
    """

    number: int
    spec: FaultSpec
    chance: RandomStream
    plan: FaultPlan
    seen: int = 0
    struck: int = 0
    at: int | None = None
    armed: int = 0  # of a PASSING fault with a command: how many things it may strike
    holding: bool = False  # whether the state asked for held when it was last looked at
    events: list[Event] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Fault({self.number}, {self.spec.kind.name!r}, struck {self.struck})"

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self.spec.kind.name

    @property
    def left(self) -> int | None:
        """How often it may still strike, None without end."""
        return None if self.spec.times is None else max(0, self.spec.times - self.struck)

    def remove(self) -> None:
        """Take it out of the plan, and undo what can be undone; no error if it is gone."""
        self.plan.remove(self.number)

    def __enter__(self) -> Fault:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def describe(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {"number": self.number, **self.spec.describe(), "seen": self.seen, "struck": self.struck,
                "left": self.left}
