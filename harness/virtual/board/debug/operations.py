"""What a debug probe can ask of a board, as plain values: the same whether it goes through a call or a socket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

MAX_WORDS = 16_384
"""The most words one block operation may carry."""


class Kind(IntEnum):
    """Operations of a probe; the numbers are those of the socket protocol."""

    READ_DP = 1
    WRITE_DP = 2
    READ_AP = 3
    WRITE_AP = 4
    READ_AP_BLOCK = 5
    WRITE_AP_BLOCK = 6
    SET_RESET = 7
    """Drive (1) or release (0) the nRESET pin."""
    GET_RESET = 8


READS = frozenset({Kind.READ_DP, Kind.READ_AP, Kind.READ_AP_BLOCK, Kind.GET_RESET})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        address: register address; A[3:2] count, the AP and its bank come from the DP's SELECT register.
        values: the words to write.
        count: how many words a block read wants.
    """

    kind: Kind
    address: int = 0
    values: tuple[int, ...] = ()
    count: int = 1

    @property
    def results(self) -> int:
        """How many words it answers."""
        if self.kind is Kind.READ_AP_BLOCK:
            return self.count
        return 1 if self.kind in READS else 0


class Fault(Exception):
    """The FAULT acknowledge of SWD: an earlier or this transfer failed and the sticky error bit is set (ADIv5.2, B4.2).

    Attributes:
        results: words answered by the operations before the one that failed.
    """

    def __init__(self, message: str, results: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.results = list(results)


class Link(Protocol):
    """A claimed way to the debug port of one board."""

    @property
    def batched(self) -> bool:
        """Whether sending several operations at once saves round trips."""

    def execute(self, operations: Sequence[Operation]) -> list[int]:
        """Carry out the operations in order and return all words read; raises Fault, ProbeError."""

    def close(self) -> None:
        """Let others claim the board. May be called twice."""
