"""Watching data accesses of an emulated core: what the data comparators of its DWT do.

The emulator reports accesses to watched ranges before they are done; while nothing is watched there is no cost. A match
halts the core at the start of the next basic block, so the program counter a debugger sees may be a few instructions
behind the access. Accesses of the exception model itself - stacking and unstacking - are not watched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import Uc

from harness.virtual.board.core.watched import WatchedRange

_WIDEST = 8
"""Bytes of the widest access: one that begins this far before a range may reach into it."""


Hit = Callable[[int], None]
"""Told the number of the comparator that matched."""


class DataWatch:
    """The watched ranges of one emulator."""

    def __init__(self, uc: Uc) -> None:
        self._uc = uc
        self._hooks: list[Any] = []

    def __repr__(self) -> str:
        return f"DataWatch({len(self._hooks)} hooks)"

    def set(self, ranges: Sequence[WatchedRange], hit: Hit) -> None:
        """Watch these ranges from now on, and no others."""
        for hook in self._hooks:
            self._uc.hook_del(hook)
        self._hooks.clear()
        for watched in ranges:
            kinds = const.UC_HOOK_MEM_READ if watched.reads else 0
            kinds |= const.UC_HOOK_MEM_WRITE if watched.writes else 0
            if kinds:
                self._hooks.append(self._uc.hook_add(
                    kinds, self._on_access, (watched, hit), max(watched.address - _WIDEST + 1, 0),
                    watched.address + watched.size - 1))
        self._uc.ctl_flush_tb()  # blocks translated without hooks would go on without

    def _on_access(self, uc: Uc, access: int, address: int, size: int, value: int,
                   user: tuple[WatchedRange, Hit]) -> None:
        watched, hit = user
        if address + size <= watched.address or address >= watched.address + watched.size:
            return
        if watched.value is not None:
            is_write = access == const.UC_MEM_WRITE
            data = (value & (1 << 8 * size) - 1).to_bytes(size, "little") if is_write else bytes(
                uc.mem_read(address, size))
            start = watched.address - address
            if start < 0 or data[start:start + watched.size] != watched.value:
                return
        hit(watched.number)
