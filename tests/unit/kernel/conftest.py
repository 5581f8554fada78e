"""A board whose core executes nothing: memory and registers of a real core, calls made by the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.virtual.board.board import Board
from harness.virtual.board.core.interface import (
    FACTORY_BASE,
    FACTORY_SIZE,
    FLASH_BASE,
    FLASH_SIZE,
    RAM_BASE,
    RAM_SIZE,
    BusError,
    CoreClient,
    CoreState,
    FaultRecord,
    HaltReason,
)
from harness.virtual.board.core.watched import WatchedRange
from harness.virtual.board.kernel.abi import BY_NAME
from harness.virtual.board.kernel.enums import MvClosureReason, MvEventType, MvStatus
from harness.virtual.board.kernel.kernel import KernelSettings
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.uplink import ToCloud, ToDevice, Uplink
from harness.virtual.world import World

RECORD = os.environ.get("MVH_TEST_RECORD_CALLS", "")
"""A file to which every call and its status are written: how test_channel_coverage.py finds out what tests reach."""

SID = "UV" + "0123456789abcdef" * 2


class StillCore:
    """Implements the Core Protocol without a CPU: it is asleep, time passes, memory is there."""

    def __init__(self, client: CoreClient) -> None:
        self.client = client
        self.breakpoints: set[int] = set()
        self.halt_on_reset = False
        self.debug_enabled = False
        self.mask_interrupts = False
        self.cycles = 0
        self.state = CoreState.SLEEPING
        self.exception = 0
        self.pended: list[int] = []
        self.resets = 0
        self._registers: dict[int, int] = {}
        self._regions = {FLASH_BASE: bytearray(b"\xff" * FLASH_SIZE), RAM_BASE: bytearray(RAM_SIZE),
                         FACTORY_BASE: bytearray(FACTORY_SIZE), 0xE000_E000: bytearray(0x1000)}
        self._regions[0xE000_E000][0xD08:0xD0C] = FLASH_BASE.to_bytes(4, "little")  # VTOR

    def reset(self) -> None:
        self.resets += 1
        self.exception = 0

    def run(self, until: int) -> None:
        self.cycles = max(self.cycles, until)

    def spend(self, cycles: int) -> None:
        """Calls take no time here: tests say when it passes."""

    def request_stop(self) -> None:
        pass

    def next_wake(self) -> int | None:
        return None

    def pend(self, irq: int) -> None:
        self.pended.append(irq)

    def unpend(self, irq: int) -> None:
        while irq in self.pended:
            self.pended.remove(irq)

    def set_line(self, irq: int, level: bool) -> None:
        if level:
            self.pend(irq)
        else:
            self.unpend(irq)

    def read_register(self, register: int) -> int:
        return self._registers.get(register, 0)

    def write_register(self, register: int, value: int) -> None:
        self._registers[register] = value & 0xFFFF_FFFF

    def _find(self, address: int, size: int, *, write: bool) -> tuple[bytearray, int]:
        for base, memory in self._regions.items():
            if base <= address and address + size <= base + len(memory):
                return memory, address - base
        raise BusError(address, write=write)

    def read_memory(self, address: int, size: int) -> bytes:
        memory, offset = self._find(address, size, write=False)
        return bytes(memory[offset:offset + size])

    def write_memory(self, address: int, data: bytes) -> None:
        memory, offset = self._find(address, len(data), write=True)
        memory[offset:offset + len(data)] = data

    def program(self, address: int, data: bytes) -> None:
        self.write_memory(address, data)

    def halt(self, reason: HaltReason = HaltReason.HALTED) -> None:
        self.state = CoreState.HALTED
        self.client.halted(reason)

    def resume(self) -> None:
        self.state = CoreState.SLEEPING

    def step(self) -> None:
        self.cycles += 1

    def watch_data(self, ranges: Sequence[WatchedRange], hit: Callable[[int], None]) -> None:
        self.watched = list(ranges)

    def close(self) -> None:
        pass


class RecordingCloud:
    """A cloud end that keeps what devices say."""

    def __init__(self) -> None:
        self.messages: list[ToCloud] = []

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        self.messages.append(message)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]


class Bench:
    """A powered board with a still core, and the means to call its kernel as an application does."""

    def __init__(self, *, app: bool = True, settings: KernelSettings | None = None, hclk_hz: int = 64_000_000,
                 internet: Callable[[World], Any] = VirtualInternet) -> None:
        self.world = World(seed=5)
        self.uplink = Uplink(self.world)
        self.cloud = RecordingCloud()
        self.uplink.connect_cloud(self.cloud)
        cores: list[StillCore] = []

        def make(client: CoreClient) -> StillCore:
            cores.append(StillCore(client))
            return cores[0]

        self.internet = internet(self.world)
        self.board = Board(self.world, self.uplink, name="board", device_sid=SID, core=make, settings=settings,
                           hclk_hz=hclk_hz, internet=self.internet)
        self.core = cores[0]
        self._free = RAM_BASE + 0x1000
        if app:
            self.board.store.install("KA" + "1" * 32, b"", [(True, 0, self.vectors())])
        self.board.power_on()

    @staticmethod
    def vectors() -> bytes:
        return b"".join(word.to_bytes(4, "little") for word in (RAM_BASE + RAM_SIZE, *[FLASH_BASE + 0x401] * 160))

    def room(self, size: int, align: int = 8, fill: bytes | None = None) -> int:
        """Return the address of fresh RAM."""
        address = -(-self._free // align) * align
        self._free = address + size
        if fill is not None:
            self.core.write_memory(address, fill)
        return address

    def words(self, *values: int) -> int:
        return self.room(4 * len(values), fill=b"".join(value.to_bytes(4, "little") for value in values))

    def word(self, address: int) -> int:
        return int.from_bytes(self.core.read_memory(address, 4), "little")

    def bytes_at(self, data: bytes) -> int:
        return self.room(len(data), fill=data)

    def call(self, name: str, *arguments: int) -> MvStatus:
        """Call as the application does, and return the status in r0."""
        self.board.sync()
        for register, value in enumerate(arguments):
            self.core.write_register(register, value)
        self.board.system_call(BY_NAME[name].slot)
        status = MvStatus(self.core.read_register(0))
        if RECORD:
            with Path(RECORD).open("a", encoding="ascii") as file:
                file.write(f"{name} {status.name}\n")
        return status

    def wait(self, duration: str) -> None:
        self.world.clock.sleep(duration)

    def tell(self, message: ToDevice) -> None:
        """Let the cloud send a message, and let it arrive."""
        self.uplink.to_device(SID, message)
        self.wait("60ms")

    def centre(self, irq: int = 51, slots: int = 4) -> tuple[int, int]:
        """Set up a notification centre; return handle and buffer."""
        buffer = self.room(16 * slots, fill=bytes(16 * slots))
        handle = self.words(0)
        assert self.call("mvSetupNotifications", self.words(irq, buffer, 16 * slots), handle) is MvStatus.OKAY
        return self.word(handle), buffer

    def network(self, centre: int = 0, tag: int = 7) -> int:
        """Request the network; return the handle."""
        handle = self.words(0)
        assert self.call("mvRequestNetwork", self.words(1, centre, tag), handle) is MvStatus.OKAY
        return self.word(handle)

    def status(self, handle: int) -> int:
        out = self.words(0)
        assert self.call("mvGetNetworkStatus", handle, out) is MvStatus.OKAY
        return self.word(out)

    def reasons(self) -> int:
        out = self.words(0, 0)
        assert self.call("mvGetNetworkReasons", out, out + 4) is MvStatus.OKAY
        return self.word(out)

    # -- channels --

    centre_handle = 0
    network_handle = 0

    def ready(self, wait: str = "3s", slots: int = 16) -> None:
        """Set up a centre and the network for channels, and wait until it is connected."""
        self.centre_handle, self.ring = self.centre(irq=51, slots=slots)
        self.ring_slots, self.ring_next = slots, 0
        self.network_handle = self.network(self.centre_handle)
        self.wait(wait)
        self.records()

    def channel_params(self, kind: int, *, endpoint: bytes = b"", **changes: int) -> int:
        """Return the address of the parameters of an HTTP channel, or as changed."""
        values = {"version": 1, "centre": self.centre_handle, "tag": 5, "network": self.network_handle,
                  "receive": self.room(512, 512), "receive_size": 512, "send": self.room(512, 512), "send_size": 512,
                  "kind": kind, "endpoint_at": self.bytes_at(endpoint) if endpoint else 0,
                  "endpoint_size": len(endpoint)}
        assert changes.keys() <= values.keys()
        return self.words(*{**values, **changes}.values())

    def try_open(self, kind: int, **changes: Any) -> MvStatus:
        return self.call("mvOpenChannel", self.channel_params(kind, **changes), self.words(0))

    def open_channel(self, kind: int, **changes: Any) -> int:
        """Open a channel and return its handle."""
        handle = self.words(0)
        assert self.call("mvOpenChannel", self.channel_params(kind, **changes), handle) is MvStatus.OKAY
        return self.word(handle)

    def closure(self, handle: int) -> MvClosureReason:
        out = self.words(0xFFFF_FFFF)
        assert self.call("mvGetChannelClosureReason", handle, out) is MvStatus.OKAY
        return MvClosureReason(self.word(out))

    def records(self, tag: int | None = None) -> list[MvEventType]:
        """Return the types of the events that came, all or those of a tag, and consume them."""
        found = []
        while (kind := self.word(self.ring + 16 * self.ring_next + 8)) != 0:
            if tag in (None, self.word(self.ring + 16 * self.ring_next + 12)):
                found.append(MvEventType(kind))
            self.core.write_memory(self.ring + 16 * self.ring_next + 8, bytes(4))
            self.ring_next = (self.ring_next + 1) % self.ring_slots
        return found

    def sized(self, data: bytes) -> tuple[int, int]:
        """Return address and length of data, as an MvSizedString has them."""
        return self.bytes_at(data) if data else 0, len(data)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [dict(entry.data) for entry in self.world.journal.select(name)]

    def fault(self, *, exception: int = 3, cfsr: int = 0, lockup: bool = False) -> None:
        self.board.faulted(FaultRecord(exception=exception, cfsr=cfsr, hfsr=0, mmfar=0, bfar=0, lockup=lockup,
                                       registers={"pc": FLASH_BASE + 0x500}))


@pytest.fixture
def make_bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(**options))
        return made[-1]

    yield make
    for bench in made:
        bench.board.close()
        bench.internet.close()
        bench.world.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
