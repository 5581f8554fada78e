"""How a terminal can stand with a network, and what changes that: one table."""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """How a terminal stands."""

    OFF = auto()
    SEARCHING = auto()
    SERVED = auto()
    DENIED = auto()
    LOST = auto()


class Cause(Enum):
    """What may change that."""

    ATTACH = auto()
    DETACH = auto()
    FOUND = auto()
    REFUSED = auto()
    RECHECK = auto()
    COVERAGE_LOST = auto()
    COVERAGE_BACK = auto()
    SELECT = auto()


TRANSITIONS: dict[State, dict[Cause, State]] = {
    State.OFF: {Cause.ATTACH: State.SEARCHING},
    State.SEARCHING: {Cause.ATTACH: State.SEARCHING, Cause.DETACH: State.OFF, Cause.FOUND: State.SERVED,
                      Cause.REFUSED: State.DENIED, Cause.RECHECK: State.SEARCHING, Cause.COVERAGE_LOST: State.LOST},
    State.SERVED: {Cause.ATTACH: State.SERVED, Cause.DETACH: State.OFF, Cause.REFUSED: State.DENIED,
                   Cause.RECHECK: State.SERVED, Cause.COVERAGE_LOST: State.LOST,
                   Cause.SELECT: State.SEARCHING},
    State.DENIED: {Cause.ATTACH: State.SEARCHING, Cause.DETACH: State.OFF, Cause.REFUSED: State.DENIED,
                   Cause.RECHECK: State.SEARCHING, Cause.COVERAGE_LOST: State.LOST, Cause.SELECT: State.SEARCHING},
    State.LOST: {Cause.ATTACH: State.LOST, Cause.DETACH: State.OFF, Cause.REFUSED: State.LOST,
                 Cause.RECHECK: State.LOST, Cause.COVERAGE_LOST: State.LOST, Cause.COVERAGE_BACK: State.SEARCHING},
}
"""State and cause to the next state. A cause that is not listed changes nothing."""
