"""Hologram's Python SDK at each maker's module: it opens a TCP connection by AT commands, and waits for an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import CloseReason, TcpConnection
from tests.clients.conftest import Place
from tests.clients.environment import install

_PROGRAM = """import importlib, sys
name, port, times = sys.argv[1:]
kind = getattr(importlib.import_module("Hologram.Network.Modem." + name), name)

class Modem(kind):
    def _initialize_device_name(self, device_name):  # it looks for the port by USB numbers otherwise
        self.device_name = port

modem = Modem(device_name=port) if name == "NovaM" else Modem(device_name=port, apn="super")
print(modem.imsi, modem.iccid, modem.is_registered())
modem.set("+CGDCONT", '1,"IP","super"')
modem.set("+CGACT", "1,1", timeout=10)
for count in range(int(times)):
    modem.urc_state = modem.SOCKET_INIT
    modem.create_socket()
    modem.connect_socket("cloudsocket.hologram.io", 9999)
    print(modem.send_message(b"S" + b"message %d " % count * 40))
    modem.close_socket()
"""


class Cloud:
    """Takes a message, answers that it did, and closes; it knows the end of one by its last number."""

    def __init__(self, connection: TcpConnection, messages: list[bytes]) -> None:
        self._connection = connection
        self._messages = messages
        self._heard = b""

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None:
        self._heard += data
        if len(self._heard) == 1 + 40 * len(b"message 0 "):
            self._messages.append(self._heard)
            self._connection.send(b"[0,0]")
            self._connection.close()

    def closed(self, reason: CloseReason) -> None: ...


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SDK with the least that it needs to be imported, where nothing else sees it."""
    folder = tmp_path_factory.mktemp("hologram")
    install("hologram-python", sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder),
            "hologram-python==0.10.3", "python-pppd", "pyudev", "pyusb", "pyroute2==0.5.19")
    return folder


@pytest.fixture(params=[("EC25", "EC25", 2), ("EG21", "EC21", 2), ("BG96", "BG96", 1), ("SARA-R4", "NovaM", 2)],
                ids=lambda row: row[0])
def row(request: pytest.FixtureRequest) -> tuple[str, str, int]:
    """A profile, the SDK's class for it, and how often it can open: its BG96 forgets which socket to close."""
    found: tuple[str, str, int] = request.param
    return found


@pytest.fixture
def place(row: tuple[str, str, int], tmp_path: Path) -> Iterator[Place]:
    """A place with a registered modem of a maker."""
    opened = Place(tmp_path / "ttyVM0", profile=row[0])
    yield opened
    opened.close()


def test_messages_by_a_socket(place: Place, row: tuple[str, str, int], packages: Path) -> None:
    messages: list[bytes] = []
    with place.world.turn():
        internet = VirtualInternet(place.world)
        place.network.connect_internet(internet)
        internet.add_host("cloudsocket.hologram.io").on_tcp(9999, lambda connection: Cloud(connection, messages))
    _, name, times = row
    done = subprocess.run([sys.executable, "-c", _PROGRAM, name, str(place.link), str(times)], capture_output=True,
                          text=True, timeout=60, check=False, env=os.environ | {"PYTHONPATH": str(packages)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-times:] == ["[0,0]"] * times
    assert messages == [b"S" + b"message %d " % count * 40 for count in range(times)]
