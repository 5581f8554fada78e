"""Faults of the cloud on request: refusals, delays and dropped connections, per operation and for a number of times."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from harness.errors import UsageError

MAX_FAULTS: Final = 1_000


class FaultKind(StrEnum):
    """What happens instead of, or before, the operation."""

    TOO_MANY_REQUESTS = "429"
    INTERNAL_ERROR = "500"
    UNAVAILABLE = "503"
    LATENCY = "latency"
    """It is carried out, and answered late."""
    DROP_BEFORE = "drop-before"
    """The connection is cut, and nothing was done."""
    DROP_AFTER = "drop-after"
    """It is carried out, and the connection is cut instead of an answer: whether it had an effect nobody tells."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        number: how it is called, from 1.
        operation: name of an operation, ``*`` in it stands for anything: ``CreateSmsCommand``, ``List*``.
        left: how many more calls it strikes; None: all.
        seconds: of LATENCY.
        retry_after: seconds told to the client with a refusal, None for none.
        struck: how many calls it has struck.
    """

    number: int
    operation: str
    kind: FaultKind
    left: int | None = 1
    seconds: float = 0.0
    retry_after: int | None = None
    struck: int = 0


class CloudFaults:
    """The faults that are set; the first that fits strikes."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbers = 0

    def __repr__(self) -> str:
        return f"CloudFaults({self._faults})"

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self._faults)

    @property
    def all(self) -> tuple[Fault, ...]:
        """Those that can still strike, oldest first."""
        return tuple(self._faults)

    def add(self, operation: str, kind: FaultKind | str, *, count: int | None = 1, seconds: float = 0.0,
            retry_after: int | None = None) -> Fault:
        """Set a fault.

        Args:
            count: how many calls it strikes; None: until it is removed.

        Raises:
            UsageError: there is no such kind, a number is out of range, or there are too many.
        """
        try:
            kind = FaultKind(kind)
        except ValueError:
            raise UsageError(f"{kind!r} is no fault of the cloud: one of {', '.join(FaultKind)}") from None
        if (count is not None and count < 1) or not 0 <= seconds <= 60 or not operation:
            raise UsageError("a fault needs an operation, a count of at least 1, and at most 60 s of latency")
        if (kind is FaultKind.LATENCY) != (seconds > 0):
            raise UsageError("'seconds' belongs to latency, and latency needs it")
        if len(self._faults) >= MAX_FAULTS:
            raise UsageError(f"there are {MAX_FAULTS} faults already")
        self._numbers += 1
        fault = Fault(number=self._numbers, operation=operation, kind=kind, left=count, seconds=seconds,
                      retry_after=retry_after)
        self._faults.append(fault)
        return fault

    def remove(self, number: int | None = None) -> int:
        """Remove one fault, or all; return how many there were."""
        before = len(self._faults)
        self._faults = [] if number is None else [fault for fault in self._faults if fault.number != number]
        return before - len(self._faults)

    def strike(self, operation: str) -> Fault | None:
        """Return the fault that strikes this call, if one does."""
        for fault in self._faults:
            if fnmatchcase(operation, fault.operation):
                fault.struck += 1
                if fault.left is not None:
                    fault.left -= 1
                    if not fault.left:
                        self._faults.remove(fault)
                return fault
        return None
