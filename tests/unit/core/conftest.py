"""A small board around a core, and the assembled programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.virtual.board.core import CoreChoice, TracedCore, make_core
from harness.virtual.board.core.interface import FLASH_BASE, BusError, FaultRecord, HaltReason

RAM, LOG = 0x2000_0000, 0x2000_0100
PERIPHERAL, REFUSED = 0x4000_0400, 0x4000_0420

PROGRAMS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "programs.json").read_text())


class Board:
    """Implements CoreClient: one peripheral of 32 registers at 0x40000400, of which the one at 0x40000420 refuses."""

    def __init__(self, program: str | None, kind: CoreChoice) -> None:
        self.calls: list[tuple[int, tuple[int, ...]]] = []
        self.on_call: Callable[[int], int | None] = lambda slot: None
        self.faults: list[FaultRecord] = []
        self.halts: list[HaltReason] = []
        self.resets = 0
        self.resets_itself = False
        self.accesses: list[tuple[str, int, int, int]] = []
        self.registers: dict[int, int] = {}
        self.core: TracedCore = make_core(self, kind)
        self.labels: dict[str, int] = {}
        if program is not None:
            self.labels = PROGRAMS[program]["labels"]
            self.core.program(FLASH_BASE, bytes.fromhex(PROGRAMS[program]["code"]))
            self.core.reset()

    def system_call(self, slot: int) -> None:
        self.calls.append((slot, tuple(self.core.read_register(number) for number in range(4))))
        result = self.on_call(slot)
        self.core.write_register(0, 0 if result is None else result)

    def bus_read(self, address: int, size: int) -> int:
        self._check(address, write=False)
        value = self.registers.get(address, 0)
        self.accesses.append(("read", address, size, value))
        return value

    def bus_write(self, address: int, size: int, value: int) -> None:
        self._check(address, write=True)
        self.accesses.append(("write", address, size, value))
        self.registers[address] = value

    def _check(self, address: int, *, write: bool) -> None:
        if not PERIPHERAL <= address < PERIPHERAL + 0x80 or address == REFUSED:
            raise BusError(address, write=write)

    def faulted(self, record: FaultRecord) -> None:
        self.faults.append(record)

    def reset_requested(self) -> None:
        self.resets += 1
        if self.resets_itself:
            self.core.reset()

    def halted(self, reason: HaltReason) -> None:
        self.halts.append(reason)

    def word(self, address: int) -> int:
        return int.from_bytes(self.core.read_memory(address, 4), "little")

    def put(self, address: int, value: int) -> None:
        self.core.write_memory(address, value.to_bytes(4, "little"))

    def log(self, size: int = 64) -> list[int]:
        """The bytes that a program noted, up to the last non-zero one."""
        return list(self.core.read_memory(LOG, size).rstrip(b"\0"))

    def register(self, number: int) -> int:
        return self.core.read_register(number)


Boot = Callable[..., Board]


@pytest.fixture(params=["c", "python"])
def boot(request: pytest.FixtureRequest) -> Iterator[Boot]:
    """Return a function that makes a board running the named program."""
    boards: list[Board] = []

    def boot(program: str | None = None) -> Board:
        boards.append(Board(program, request.param))
        return boards[-1]

    yield boot
    for board in boards:
        board.core.close()
