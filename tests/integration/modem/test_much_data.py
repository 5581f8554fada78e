"""Much data in transparent mode, through real ports: whoever reads slowly lets the other wait, and nothing is lost."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from harness.clock import RealClock, Stopwatch, pause
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import CloseReason, TcpConnection
from harness.virtual.modem import SimCard, VirtualModem
from harness.virtual.network import Network, NetworkSettings
from harness.virtual.world import World
from tests.unit.faults.conftest import ICCID, IMSI, BenchCloud

WHOLE = hashlib.shake_256(b"much").digest(1_500_000)


class Source:
    """Sends everything as fast as it is taken, and closes."""

    def __init__(self, world: World, connection: TcpConnection) -> None:
        self._world = world
        self._connection = connection
        self._left = WHOLE
        self._feed()

    def _feed(self) -> None:
        self._left = self._left[self._connection.send(self._left):]
        if self._left:
            self._world.call_later("1ms", self._feed, name="test")
        else:
            self._connection.close()

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None: ...

    def closed(self, reason: CloseReason) -> None: ...


class Sink:
    """Keeps what it hears; does not listen until told."""

    def __init__(self, connection: TcpConnection) -> None:
        self.connection = connection
        self.heard = bytearray()
        connection.pause()

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None:
        self.heard += data

    def closed(self, reason: CloseReason) -> None: ...


class Place:
    """A modem with two ports, and a host that sends or takes much."""

    def __init__(self, folder: Path) -> None:
        self.world = World(seed=5, clock=RealClock())
        self.network = Network(self.world, settings=NetworkSettings(
            registration_delay="20ms", ip_latency="5ms", activation_delay="5ms"))
        self.network.connect_cloud(BenchCloud())
        internet = VirtualInternet(self.world, latency="1ms")
        self.network.connect_internet(internet)
        self.modem = VirtualModem(self.world, self.network, name="modem-1", profile="BG96", link=folder / "port",
                                  ports=("tcp:127.0.0.1:0",), time_scale=0, sim=SimCard(ICCID, IMSI))
        self.sinks: list[Sink] = []
        internet.add_host("much.example").on_tcp(80, lambda connection: Source(self.world, connection)).on_tcp(
            81, self._sink)
        self.world.start()
        with self.world.turn():
            self.modem.power_on()
        self.until(lambda: self.modem.radio.served)

    def _sink(self, connection: TcpConnection) -> Sink:
        self.sinks.append(Sink(connection))
        return self.sinks[-1]

    def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        watch = Stopwatch()
        while not condition():
            assert watch.seconds < seconds, f"nothing within {seconds} s"
            pause(0.002)

    def close(self) -> None:
        with self.world.turn():
            self.modem.close()
        self.world.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    opened = Place(tmp_path)
    yield opened
    opened.close()


def connect(port: serial.SerialBase, number: int, *, mode: int = 2, told: bytes = b"CONNECT\r\n") -> None:
    for command, answer in ((b"ATE0\r", b"OK\r\n"), (b'AT+QICSGP=1,1,"super"\r', b"OK\r\n"),
                            (b"AT+QIACT=1\r", b"OK\r\n"),
                            (b'AT+QIOPEN=1,0,"TCP","much.example",%d,0,%d\r' % (number, mode), told)):
        port.timeout = 10
        port.write(command)
        assert port.read_until(answer).endswith(answer)


def test_a_client_that_reads_slowly_gets_everything(place: Place) -> None:
    with serial.Serial(place.modem.ports.addresses[0], timeout=10) as port:
        connect(port, 80)
        got = bytearray()
        while not got.endswith(b"\r\nNO CARRIER\r\n"):
            more = port.read(32_768) if len(got) < len(WHOLE) - 32_768 else port.read_until(b"\r\nNO CARRIER\r\n")
            assert more, f"{len(got)} octets, and no more"
            got += more
            pause(0.005)
    assert bytes(got[:-14]) == WHOLE


def test_a_client_that_is_slow_to_read_what_is_pushed_gets_everything(place: Place) -> None:
    with serial.Serial(place.modem.ports.addresses[0], timeout=10) as port:
        connect(port, 80, mode=1, told=b"+QIOPEN: 0,0\r\n")
        pause(1)  # in which all of it could come
        got = bytearray()
        while (head := port.read_until(b"\r\n+QIURC: \"") + port.read_until(b"\r\n")).find(b"recv") >= 0:
            left = int(head.split(b",")[-1])
            got += port.read(left)
    assert head.endswith(b'+QIURC: "closed",0\r\n')
    assert bytes(got) == WHOLE
    assert not place.world.journal.select("output_lost")


@pytest.mark.parametrize("number", [0, 1], ids=["terminal", "socket"])
def test_a_host_that_does_not_read_lets_the_client_wait(place: Place, number: int) -> None:
    address = place.modem.ports.addresses[number]
    url = address if number == 0 else f"socket://{address.removeprefix('tcp:')}"
    with serial.serial_for_url(url) as port:
        connect(port, 81)
        writer = threading.Thread(target=port.write, args=(WHOLE,), name="much data")
        writer.start()
        sink = place.sinks[0]
        place.until(lambda: sink.connection.unacknowledged == 0 and bool(place.world.journal.select("stream_sent")))
        pause(0.1)
        assert not sink.heard
        with place.world.turn():
            sink.connection.resume()
        place.until(lambda: len(sink.heard) == len(WHOLE))
        writer.join(10)
    assert bytes(sink.heard) == WHOLE
    assert not place.world.journal.select("link_data_lost")
