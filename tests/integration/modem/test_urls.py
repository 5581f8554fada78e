"""The driver at a virtual modem by every kind of pyserial URL, in real time."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import serial
import serial.rfc2217
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from harness.clock import RealClock
from harness.drivers.modem import QUECTEL, Modem, SerialChannel
from harness.errors import ModemError, TimeoutExpired, UsageError
from harness.virtual.modem import SimCard, VirtualModem
from harness.virtual.network import Network
from harness.virtual.world import World


@dataclass
class Bench:
    """A virtual modem that lives on a thread, with a pseudo-terminal and a TCP port."""

    world: World
    far: VirtualModem
    path: Path
    port: int

    def near(self, url: str) -> Modem:
        """Return the driver at this URL."""
        clock, journal = self.world.clock, self.world.journal
        return Modem(SerialChannel(url, clock, "modem-1", journal), QUECTEL, clock, journal, "modem-1")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    world = World(seed=1, clock=RealClock())
    path = tmp_path / "ttyVM0"
    far = VirtualModem(world, Network(world), name="modem-1", link=path, ports=("tcp:127.0.0.1:0",), time_scale=0,
                       sim=SimCard("8988307000000000001", "732123000000001"))
    with world.turn():
        far.power_on()
    world.start()
    yield Bench(world, far, path, int(far.ports.addresses[1].rpartition(":")[2]))
    with world.turn():
        far.close()
    world.close()


def use(modem: Modem) -> None:
    """Do with a modem what every kind of port must be good for."""
    with modem:
        modem.open(within="20s")
        assert modem.identity().model == "BG96"
        assert modem.iccid == "8988307000000000001"
        assert modem.command("AT+CGMI").text == "Quectel"
        assert b"AT+CGMI\r" in b"".join(piece.data for piece in modem.transcript() if piece.direction == "sent")


def test_device_path(bench: Bench) -> None:
    use(bench.near(str(bench.path)))


def test_socket(bench: Bench) -> None:
    use(bench.near(f"socket://127.0.0.1:{bench.port}"))


def test_spy_writes_down_what_passes(bench: Bench, tmp_path: Path) -> None:
    log = tmp_path / "traffic.txt"
    use(bench.near(f"spy://{bench.path}?file={log}"))
    text = log.read_text()
    assert "TX" in text
    assert "AT+CGMI" in text


@pytest.mark.parametrize("kind", ["PosixPollSerial", "VTIMESerial"])
def test_alt(bench: Bench, kind: str) -> None:
    use(bench.near(f"alt://{bench.path}?class={kind}"))


@pytest.fixture
def machine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """What pyserial takes for the serial ports of this machine: two modules of one kind, of which the second is ours.

    Pseudo-terminals are never among them, so the list is given to pyserial; its own code searches it.
    """
    ports = []
    for number, device in enumerate(("/dev/ttyNOWHERE", str(bench.path))):
        info = ListPortInfo(device, skip_link_detection=True)
        info.description = f"Quectel Modem {number}"
        info.vid, info.pid, info.serial_number, info.location = 0x2C7C, 0x0296, None, f"1-1.{number}:1.2"
        info.hwid = info.usb_info()
        ports.append(info)
    monkeypatch.setattr(list_ports, "comports", lambda include_links=False: list(ports))
    return bench


@pytest.mark.parametrize("wanted", ["LOCATION=1-1.1:1.2", "Modem 1", "2C7C:0296&skip_busy", "2c7c:0296&n=2"])
def test_hwgrep_finds_a_port_by_what_is_known_of_it(machine: Bench, wanted: str) -> None:
    use(machine.near(f"hwgrep://{wanted}"))


def test_hwgrep_follows_a_module_to_its_new_number(machine: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    near = machine.near("hwgrep://LOCATION=1-1.1:1.2")
    with near:
        near.open(within="20s")
    (found,) = list_ports.grep("LOCATION=1-1.1:1.2")
    moved = machine.path.with_name("ttyVM9")
    moved.symlink_to(machine.path.readlink())
    found.device = str(moved)
    monkeypatch.setattr(list_ports, "comports", lambda include_links=False: [found])
    with near:
        near.open(within="20s")
        assert near.command("AT+CGMI").text == "Quectel"


@pytest.mark.parametrize("url", ["hwgrep://no-such-hardware", "hwgrep://Modem 0"])
def test_hwgrep_without_a_port_that_can_be_opened(machine: Bench, url: str) -> None:
    with pytest.raises((UsageError, ModemError), match=url):
        machine.near(url).open()


def test_a_port_without_a_modem_is_told_as_such(bench: Bench) -> None:
    """What loop:// says is our own echo: AT is never answered."""
    with bench.near("loop://") as near, pytest.raises(TimeoutExpired, match="answer to AT"):
        near.open(within="1s")


def test_a_scheme_whose_library_is_missing_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hid", None)  # which cp2110:// needs
    with pytest.raises(UsageError, match="'cp2110://0001' is no serial port URL"):
        bench.near("cp2110://0001").open()


def test_an_unknown_scheme_is_told(bench: Bench) -> None:
    with pytest.raises(UsageError, match="no serial port URL"):
        bench.near("carrier-pigeon://loft").open()


class Rfc2217Server:
    """A terminal server of pyserial's own parts: RFC 2217 in front, a socket to the modem behind."""

    def __init__(self, modem_port: int) -> None:
        self._modem = serial.serial_for_url(f"socket://127.0.0.1:{modem_port}", timeout=0.05)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._client: socket.socket | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self.negotiated: list[int] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def write(self, data: bytes) -> None:
        """Send to the client; what PortManager calls its connection."""
        with self._lock, contextlib.suppress(OSError):
            if self._client is not None:
                self._client.sendall(data)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            self._client, _ = self._listener.accept()
            manager = serial.rfc2217.PortManager(self._modem, self)  # type: ignore[arg-type]
            back = threading.Thread(target=self._bring_back, args=(manager,), daemon=True)
            back.start()
            self._threads.append(back)
            while not self._done.is_set() and (data := self._client.recv(1024)):
                self._modem.write(b"".join(manager.filter(data)))
        self._done.set()

    def _bring_back(self, manager: serial.rfc2217.PortManager) -> None:
        while not self._done.is_set():
            if data := self._modem.read(self._modem.in_waiting or 1):
                self.write(b"".join(manager.escape(data)))

    def close(self) -> None:
        self._done.set()
        self._listener.close()
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)
            self._client.close()
        for thread in self._threads:
            thread.join(5)
        self._modem.close()


def test_rfc2217(bench: Bench) -> None:
    server = Rfc2217Server(bench.port)
    try:
        use(bench.near(f"rfc2217://127.0.0.1:{server.port}"))
    finally:
        server.close()
