"""Ports that go away in the middle of a dialogue, and lines whose speed is wrong, with pyserial at the other end."""

from __future__ import annotations

import contextlib
import os
import socket
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serial

from harness.clock import Stopwatch, pause

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"
CSQ = b"\r\n+CSQ: 20,99\r\n"
_PATIENCE = 30.0


class Client:
    """A program that has the port open by pyserial; virtual time passes when it says so."""

    def __init__(self, bench: FaultBench, path: Path) -> None:
        self._bench = bench
        self._path = path
        self.lost = False
        self.open()

    def open(self, baudrate: int = 115_200) -> None:
        self._serial = serial.Serial(str(self._path), baudrate, timeout=0)
        self.lost = False
        endpoint = self._bench.modem.endpoint
        assert endpoint is not None
        self._endpoint = endpoint
        assert endpoint.is_open
        self._read = endpoint.bytes_sent
        self._written = endpoint.bytes_received

    def close(self) -> None:
        self._serial.close()

    @property
    def is_plugged(self) -> bool:
        return self._path.exists()

    def set_speed(self, baudrate: int) -> None:
        self._serial.baudrate = baudrate

    def say(self, data: bytes, *, wait: str = "1s") -> bytes:
        """Write octets, let time pass, and return everything that was read until then, or until the port was lost."""
        watch = Stopwatch()
        self._serial.write(data)
        self._written += len(data)
        while self._endpoint.bytes_received < self._written:
            self._endpoint.pump(0.05)
            assert watch.seconds < _PATIENCE
        heard = self._take()  # as a program that reads all the time does, before anything else happens
        return heard + self.wait(wait)

    def wait(self, duration: str) -> bytes:
        """Let time pass, in small steps as a program that reads all the time sees it."""
        heard = b""
        world = self._bench.world
        end = world.now() + _ns(duration)
        while world.now() < end and not self.lost:
            world.clock.sleep(min(end - world.now(), 5_000_000) / 1e9)
            heard += self._take()
        if world.now() < end:
            world.clock.sleep((end - world.now()) / 1e9)
        return heard

    def _take(self) -> bytes:
        heard = b""
        watch = Stopwatch()
        while not self.lost:
            try:
                heard += (found := self._serial.read(4096))
                self._read += len(found)
            except (serial.SerialException, OSError, termios.error):
                self.lost = True
                break
            if self._read >= self._endpoint.bytes_sent and not self._hung_up():
                break
            assert watch.seconds < _PATIENCE
            pause(0.001)
        return heard

    def _hung_up(self) -> bool:
        return not self._path.exists() or os.path.realpath(self._path) != os.ttyname(self._serial.fileno())


def _ns(duration: str) -> int:
    from harness.clock import to_ns

    return to_ns(duration)


@pytest.fixture
def bench(make_bench: type[FaultBench], tmp_path: Path) -> Iterator[FaultBench]:
    bench = make_bench(link=tmp_path / "at")
    yield bench
    with bench.world.turn():
        bench.modem.close()
    bench.world.close()


@pytest.fixture
def client(bench: FaultBench, tmp_path: Path) -> Iterator[Client]:
    client = Client(bench, tmp_path / "at")
    assert client.say(b"ATE0\r") == b"ATE0\r" + OK
    yield client
    client.close()


@pytest.mark.strikes("unplug")
def test_unplugged_and_plugged_again(bench: FaultBench, client: Client) -> None:
    bench.faults.after("1s").unplug(span="30s")
    assert client.say(b"AT\r", wait="2s") == OK
    assert client.lost
    assert not client.is_plugged
    client.close()
    bench.wait("29s")
    assert client.is_plugged
    client.open()
    assert client.say(b"AT\r") == OK  # the module kept its power, and its settings


@pytest.mark.strikes("hang-up")
@pytest.mark.parametrize(("echo", "after", "heard"), [
    (True, 0, b"AT+CSQ\r"),  # between the echo and the response
    (False, 9, CSQ[:9]),  # after half an information line
    (False, len(CSQ), CSQ),  # before the final result
    (False, len(CSQ + OK), CSQ + OK),  # right behind it
])
def test_hang_up_at_any_octet_of_a_response(bench: FaultBench, client: Client, echo: bool, after: int,
                                            heard: bytes) -> None:
    if echo:
        client.say(b"ATE1\r")
    bench.faults.on("AT+CSQ").hang_up(after=after)
    assert client.say(b"AT+CSQ\r") == heard
    assert client.lost
    client.close()
    client.open()
    client.say(b"ATE0\r")
    assert client.say(b"AT+CSQ\r") == CSQ + OK


@pytest.mark.strikes("hang-up")
def test_hang_up_in_the_prompt_and_behind_it(bench: FaultBench, client: Client) -> None:
    client.say(b"AT+CMGF=1\r")
    bench.faults.on("AT+CMGS").hang_up(point="prompt")
    assert client.say(b'AT+CMGS="000"\r') == b"\r\n> "
    assert client.lost
    client.close()
    client.open()
    assert client.say(b"AT\x1b\r") == OK  # the module still had its prompt: ESC, and nothing is sent
    assert client.say(b"AT\r", wait="30s") == OK
    assert bench.cloud.texts == []

    bench.faults.on("AT+CMGS").hang_up(after=0)  # it was sent, but the answer is lost
    assert client.say(b'AT+CMGS="000"\r') == b"\r\n> "
    assert client.say(b"only once\x1a", wait="30s") == b""
    assert client.lost
    client.close()
    client.open()
    assert client.say(b"AT\r") == OK
    assert bench.cloud.texts == ["only once"]


@pytest.mark.strikes("hang-up")
def test_hang_up_between_a_message_and_its_body(bench: FaultBench, client: Client) -> None:
    client.say(b"AT+CMGF=1\r")
    client.say(b"AT+CNMI=2,2,0,0,0\r")
    bench.text("hello")
    whole = client.wait("5s")
    header = whole[:whole.index(b"hello")]
    bench.faults.on_urc("+CMT").hang_up(after=len(header))
    bench.text("hello")
    lost = client.wait("5s")
    assert len(lost) == len(header)
    assert lost.startswith(b'\r\n+CMT: "000",,"')
    assert client.lost
    client.close()
    client.open()
    assert client.say(b"AT\r") == OK


@pytest.mark.strikes("hang-up")
def test_hang_up_within_the_data_of_a_socket(bench: FaultBench, client: Client) -> None:
    bench.online()
    client.wait("1s")
    bench.faults.on("AT+QISEND").hang_up(point="payload", after=6)
    assert client.say(b'AT+QISEND=0,10,"100.64.0.1",6969\r') == b"\r\n> "
    assert client.say(b"0123456789") == b""
    assert client.lost
    client.close()
    client.open()
    bench.wait("1s")
    assert bench.cloud.datagrams == []
    assert client.say(b"wxyz") == b"\r\nSEND OK\r\n"  # the module still waits for the rest of its ten octets
    assert bench.cloud.datagrams == [b"012345wxyz"]
    assert client.say(b"AT\r") == OK


@pytest.mark.strikes("unplug", "baud")
def test_unplugged_while_the_speed_changes(bench: FaultBench, client: Client) -> None:
    bench.faults.on("AT+IPR").unplug(after=0, span="2s")
    assert client.say(b"AT+IPR=9600\r") == b""
    assert client.lost
    client.close()
    bench.wait("2s")
    client.open(9600)
    assert client.say(b"AT+IPR?\r") == b"\r\n+IPR: 9600\r\n" + OK

    fault = bench.faults.on("AT+CSQ").baud(rate=115_200)
    assert client.say(b"AT+CSQ\r") == CSQ + OK
    noise = client.say(b"AT\r")
    assert OK not in noise
    client.set_speed(115_200)
    client.say(b"\r")
    assert client.say(b"ATE0\r").endswith(OK)
    bench.faults.remove(fault)
    client.set_speed(9600)
    assert client.say(b"AT\r").endswith(OK)


@pytest.mark.strikes("unplug")
def test_sockets_are_unplugged_too(make_bench: type[FaultBench], bench: FaultBench) -> None:
    other = make_bench(ports=("tcp:127.0.0.1:0",))
    try:
        host, port = other.modem.ports.addresses[0].removeprefix("tcp:").rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            _until(other, lambda: other.modem.ports.connected == 1)
            other.faults.unplug(span="10s")
            assert connection.recv(100) == b""
        with contextlib.suppress(ConnectionError), socket.create_connection((host, int(port)), timeout=5) as refused:
            other.wait("1s")
            assert refused.recv(100) == b""
        other.wait("10s")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(b"AT\r")
            said = b""
            watch = Stopwatch()
            connection.settimeout(0.05)
            while OK not in said and watch.seconds < _PATIENCE:
                other.wait("10ms")
                with contextlib.suppress(TimeoutError):
                    said += connection.recv(100)
            assert OK in said
    finally:
        with other.world.turn():
            other.modem.close()
        other.world.close()
    bench.faults.unplug(span="1s")  # for the record: the modem of this test has a terminal


def _until(bench: FaultBench, condition: object) -> None:
    assert callable(condition)
    watch = Stopwatch()
    while not condition():
        bench.wait("1ms")
        pause(0.001)
        assert watch.seconds < _PATIENCE
