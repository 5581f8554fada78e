"""A board that runs a prebuilt application, hosts for it to reach, a cloud with configuration, and a real broker."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.clock import Stopwatch, pause
from harness.firmware.catalogue import fixture
from harness.formats.elf import ElfImage
from harness.virtual.board.board import Board
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.uplink import ConfigKey, ConfigValues, FetchConfig, LogLine, ToCloud, Uplink
from harness.virtual.world import World

DEVICE = "UV" + "0" * 31 + "1"


class ConfigCloud:
    """A cloud end with stores of configuration."""

    def __init__(self, uplink: Uplink) -> None:
        self.uplink = uplink
        self.items: dict[ConfigKey, bytes] = {}
        self.log: list[str] = []
        uplink.connect_cloud(self)

    def put(self, key: str, value: bytes | str, *, device: bool = True, secret: bool = False) -> None:
        self.items[ConfigKey(device_scope=device, secret=secret, key=key)] = (
            value.encode() if isinstance(value, str) else value)

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        if isinstance(message, FetchConfig):
            values = tuple(self.items.get(key) for key in message.keys)
            self.uplink.to_device(device_sid, ConfigValues(request=message.request, values=values))
        elif isinstance(message, LogLine) and message.origin == "app":
            self.log.append(message.text.decode())


class Setup:
    """A world with a board, a virtual internet and a cloud."""

    def __init__(self, application: str, *, seed: int = 1) -> None:
        self.world = World(seed=seed)
        self.uplink = Uplink(self.world)
        self.cloud = ConfigCloud(self.uplink)
        self.internet = VirtualInternet(self.world)
        self.board = Board(self.world, self.uplink, name="board", device_sid=DEVICE, internet=self.internet)
        self.board.install(ElfImage.read(fixture(application).elf.read_bytes()))

    @property
    def log(self) -> list[str]:
        return self.cloud.log

    def run(self, duration: str) -> None:
        self.world.clock.sleep(duration)

    def symbol(self, name: str) -> int:
        assert self.board.symbols is not None
        address = self.board.symbols.symbol(name).address
        return int.from_bytes(self.board.core.read_memory(address, 4), "little")

    def wait_for(self, line: str, within: str = "30s") -> None:
        """Wait until the application has logged this."""
        self.world.clock.wait(lambda: line in self.log or None, within=within, what=f"log line {line!r}",
                              saw=lambda: repr(self.log))

    def close(self) -> None:
        self.board.close()
        self.internet.close()
        self.world.close()


@pytest.fixture
def make_setup() -> Iterator[Callable[..., Setup]]:
    made: list[Setup] = []

    def make(application: str, **options: Any) -> Setup:
        made.append(Setup(application, **options))
        return made[-1]

    yield make
    for setup in made:
        setup.close()


class Mosquitto:
    """A broker on loopback."""

    def __init__(self, program: str, folder: Path, lines: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        config = folder / f"mosquitto-{self.port}.conf"
        config.write_text(f"user {getpass.getuser()}\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n{lines}\n")
        self._process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        watch = Stopwatch()
        while watch.seconds < 10 and self._process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            pause(0.02)
        self.stop()
        raise AssertionError("the broker does not listen")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=10)


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("no mosquitto on this machine: apt-get install mosquitto")
    made: list[Mosquitto] = []

    def make(lines: str = "") -> Mosquitto:
        made.append(Mosquitto(program, tmp_path, lines))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def broker(make_broker: Callable[..., Mosquitto]) -> Mosquitto:
    return make_broker()
