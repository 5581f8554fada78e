"""Whole boards on the emulated core, the prebuilt fixtures, and a few instructions to make an application of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.firmware.catalogue import fixture
from harness.formats.bundle import Bundle, create_bundle
from harness.formats.elf import ElfImage
from harness.virtual.board.board import Board
from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE, RAM_SIZE
from harness.virtual.uplink import (
    FetchLayer,
    FetchManifest,
    Hello,
    LayerChunk,
    Manifest,
    ServerTime,
    Target,
    ToCloud,
    Uplink,
)
from harness.virtual.world import World

DEVICE = "UV" + "0" * 31 + "1"
CODE = 0x400


class Deployer:
    """A cloud end that serves one bundle at a time; ``corrupt`` flips a bit of every layer."""

    def __init__(self, uplink: Uplink) -> None:
        self.uplink = uplink
        self.app_sid = ""
        self.bundle: Bundle | None = None
        self.corrupt = False
        self.heard: list[ToCloud] = []
        uplink.connect_cloud(self)

    def deploy(self, app_sid: str, bundle: Bundle) -> None:
        self.app_sid, self.bundle = app_sid, bundle
        self.uplink.to_device(DEVICE, Target(app_sid=app_sid))

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        self.heard.append(message)
        if isinstance(message, Hello):
            self.uplink.to_device(device_sid, ServerTime(unix_microseconds=1_700_000_000_000_000))
        bundle = self.bundle
        if bundle is None:
            return
        match message:
            case Hello():
                self.uplink.to_device(device_sid, Target(app_sid=self.app_sid))
            case FetchManifest():
                self.uplink.to_device(device_sid, Manifest(app_sid=message.app_sid, data=bundle.manifest_bytes))
            case FetchLayer():
                content = bundle.layer(message.digest) or b""
                data = content[message.offset:message.offset + message.size]
                if self.corrupt:
                    data = data[:-1] + bytes([data[-1] ^ 1])
                self.uplink.to_device(device_sid, LayerChunk(
                    app_sid=message.app_sid, digest=message.digest, offset=message.offset, data=data,
                    total=len(content)))

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]


class Setup:
    """A world with one board in it and a cloud end that serves bundles."""

    def __init__(self, *, seed: int = 1, **options: Any) -> None:
        self.world = World(seed=seed)
        self.uplink = Uplink(self.world)
        self.cloud = Deployer(self.uplink)
        self.board = Board(self.world, self.uplink, name="board", device_sid=DEVICE, **options)

    def run(self, duration: str) -> None:
        self.world.clock.sleep(duration)

    def log(self) -> list[tuple[int, str]]:
        """Return what the application logged: time in nanoseconds and text."""
        return [(entry.t, str(entry.data["text"])) for entry in self.world.journal.select("log_written")
                if entry.data["origin"] == "app"]

    def symbol(self, name: str) -> int:
        assert self.board.symbols is not None
        address = self.board.symbols.symbol(name).address
        return int.from_bytes(self.board.core.read_memory(address, 4), "little")

    def close(self) -> None:
        self.board.close()
        self.world.close()


@pytest.fixture
def make_setup() -> Iterator[Callable[..., Setup]]:
    made: list[Setup] = []

    def make(**options: Any) -> Setup:
        made.append(Setup(**options))
        return made[-1]

    yield make
    for setup in made:
        setup.close()


@pytest.fixture
def setup(make_setup: Callable[..., Setup]) -> Setup:
    return make_setup()


@pytest.fixture(scope="session")
def elf() -> Callable[[str], ElfImage]:
    return lambda name: ElfImage.read(fixture(name).elf.read_bytes())


@pytest.fixture(scope="session")
def bundle() -> Callable[[str], Bundle]:
    return lambda name: Bundle.read(fixture(name).bundle.read_bytes())


def _mov32(register: int, value: int) -> list[int]:
    """MOVW and MOVT (Armv8-M Architecture Reference Manual, C2.4.111 and C2.4.117)."""
    halves = []
    for half, opcode in ((value & 0xFFFF, 0xF240), (value >> 16, 0xF2C0)):
        halves += [opcode | (half >> 11 & 1) << 10 | half >> 12, (half >> 8 & 7) << 12 | register << 8 | half & 0xFF]
    return halves


class Program:
    """Thumb code written by hand, one method for each instruction that is needed."""

    WFI, UDF, BX_LR = 0xBF30, 0xDE00, 0x4770

    def __init__(self) -> None:
        self.code: list[int] = []

    def put(self, *halfwords: int) -> Program:
        self.code += halfwords
        return self

    def store(self, address: int, value: int) -> Program:
        """Store a word; uses r0 and r1."""
        return self.put(*_mov32(0, address), *_mov32(1, value), 0x6001)

    def increment(self, address: int) -> Program:
        """Add one to a word; uses r0 and r1."""
        return self.put(*_mov32(0, address), 0x6801, 0x3101, 0x6001)

    def load(self, address: int) -> Program:
        """Load a word into r1; uses r0."""
        return self.put(*_mov32(0, address), 0x6801)

    def call(self, address: int, *arguments: int) -> Program:
        """Call a veneer; uses r0 to r3, r12 and lr."""
        for register, value in enumerate(arguments):
            self.put(*_mov32(register, value))
        return self.put(*_mov32(12, address | 1), 0x47E0)  # blx r12

    def keep_status(self, address: int) -> Program:
        """Store r0; uses r1."""
        return self.put(*_mov32(1, address), 0x6008)

    def sleep_for_ever(self) -> Program:
        return self.put(self.WFI, 0xE7FD)

    def spin(self) -> Program:
        return self.put(0xE7FE)


@pytest.fixture(scope="session")
def program() -> type[Program]:
    return Program


@pytest.fixture(scope="session")
def link() -> Callable[..., Bundle]:
    """Make a bundle of a program and its interrupt handlers."""

    def make(main: Program, handlers: dict[int, Program] | None = None, **options: Any) -> Bundle:
        vectors = [RAM_BASE + RAM_SIZE, FLASH_BASE + CODE + 1, *[FLASH_BASE + CODE + 1] * 160]
        code = list(main.code)
        for irq, handler in (handlers or {}).items():
            vectors[16 + irq] = FLASH_BASE + CODE + 2 * len(code) + 1
            code += handler.code
        image = b"".join(vector.to_bytes(4, "little") for vector in vectors).ljust(CODE, b"\xff")
        image += b"".join(halfword.to_bytes(2, "little") for halfword in code)
        return Bundle.read(create_bundle(image, **options))

    return make
