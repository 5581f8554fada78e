"""Data that a debugger watches, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRange:
    """Data that is watched.

    Attributes:
        number: of the comparator.
        value: what must be written or read, as bytes in memory; None for anything.
    """

    number: int
    address: int
    size: int
    reads: bool
    writes: bool
    value: bytes | None = None
