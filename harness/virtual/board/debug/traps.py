"""What makes a running core halt besides breakpoints: vector catch of DEMCR, and the data comparators of the DWT.

Armv8-M Architecture Reference Manual, D1.2.40 (DEMCR) and D1.2.68 (DWT_FUNCTION).
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.virtual.board.core.interface import FaultRecord
from harness.virtual.board.core.watched import WatchedRange

VC_CORERESET, VC_MMERR, VC_NOCPERR, VC_CHKERR, VC_STATERR, VC_BUSERR, VC_INTERR, VC_HARDERR = (
    1 << bit for bit in (0, 4, 5, 6, 7, 8, 9, 10))

_HARD_FAULT, _MEM_MANAGE, _BUS_FAULT, _USAGE_FAULT = 3, 4, 5, 6
_ENTRY_OR_RETURN = 1 << 3 | 1 << 4 | 1 << 11 | 1 << 12 | 1 << 20  # of CFSR: stacking, unstacking, stack overflow
_STATE = 1 << 16 | 1 << 17 | 1 << 18
_NO_COPROCESSOR = 1 << 19
_CHECKS = 1 << 24 | 1 << 25

MATCHED = 1 << 24
DEBUG_EVENT = 0b01 << 4
_MATCHES = {0b0100: (True, True), 0b0101: (False, True), 0b0110: (True, False)}
"""DWT_FUNCTION.MATCH of data addresses: whether reads and writes match."""
_LINKED_VALUE, _VALUE = 0b1011, 0b1000


def catches(demcr: int, record: FaultRecord) -> bool:
    """Return whether a fault that is being taken is to be caught."""
    wanted = {_HARD_FAULT: VC_HARDERR, _MEM_MANAGE: VC_MMERR, _BUS_FAULT: VC_BUSERR}.get(record.exception, 0)
    if record.exception == _USAGE_FAULT:
        for causes, bit in ((_STATE, VC_STATERR), (_NO_COPROCESSOR, VC_NOCPERR), (_CHECKS, VC_CHKERR)):
            wanted |= bit if record.cfsr & causes else 0
    if record.cfsr & _ENTRY_OR_RETURN:
        wanted |= VC_INTERR
    return not record.lockup and bool(demcr & wanted)


def watched_ranges(comparators: Sequence[tuple[int, int]]) -> list[WatchedRange]:
    """Return what the data comparators (COMP, FUNCTION) watch.

    A comparator for a value that is linked to the one before it narrows that one; a value of its own, at any address,
    is not modelled.
    """
    found = []
    for number, (address, function) in enumerate(comparators):
        kinds = _MATCHES.get(function & 0xF)
        if kinds is None:
            continue
        size = 1 << (function >> 10 & 3)
        following = comparators[number + 1] if number + 1 < len(comparators) else (0, 0)
        linked = following[1] & 0xF == _LINKED_VALUE
        if (following[1] if linked else function) & 0x30 != DEBUG_EVENT:
            continue
        value = following[0] & (1 << 8 * size) - 1 if linked else None
        found.append(WatchedRange(
            number=number, address=address & ~(size - 1), size=size, reads=kinds[0], writes=kinds[1],
            value=None if value is None else value.to_bytes(size, "little")))
    return found
