"""Ports that come and go under load, clients that never read, and readers of the link in the midst of it."""

from __future__ import annotations

import contextlib
import os
import socket
import termios
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from harness.clock import Stopwatch, pause
from harness.virtual.modem import VirtualModem
from harness.virtual.world import World

OK = b"\r\nOK\r\n"
Make = Callable[..., VirtualModem]


def ask(port: serial.Serial, command: bytes = b"AT\r") -> bytes:
    port.write(command)
    said = port.read_until(OK)
    assert said.endswith(OK), said
    return bytes(said)


@pytest.mark.parametrize("replug", ["hang_up", "unplug and plug"])
def test_replugged_again_and_again_under_load(make_modem: Make, world: World, tmp_path: Path, replug: str) -> None:
    """A client that never stops asking loses the port ten times, and finds a clean one each time."""
    link = tmp_path / "at"
    modem = make_modem(link=link)
    lost = answered = 0
    done = threading.Event()

    def work() -> None:
        nonlocal lost, answered
        while not done.is_set():
            try:
                with serial.Serial(str(link), timeout=2) as port:
                    ask(port, b"ATE0\r")
                    while not done.is_set():
                        port.write(b"AT+CGMM\rAT+CGMM\r")
                        for _ in range(2):
                            said = port.read_until(OK)
                            assert said == b"\r\nBG96\r\n" + OK, said
                            answered += 1
            except (serial.SerialException, OSError, termios.error):  # what pyserial lets through
                lost += 1
                pause(0.002)

    client = threading.Thread(target=work)
    client.start()
    try:
        for _ in range(10):
            before, watch = answered, Stopwatch()
            while answered < before + 20:
                assert watch.seconds < 20
                assert client.is_alive()
                pause(0.002)
            with world.turn():
                if replug == "hang_up":
                    modem.ports.hang_up()
                else:
                    modem.ports.unplug()
            if replug != "hang_up":
                assert not link.is_symlink()
                with world.turn():
                    modem.ports.plug()
    finally:
        done.set()
        client.join(20)
    assert not client.is_alive()
    assert lost >= 10


def test_the_link_is_never_away_while_its_terminal_is_replaced(make_modem: Make, world: World, tmp_path: Path) -> None:
    link = tmp_path / "at"
    modem = make_modem(link=link)
    done = threading.Event()
    targets: set[str] = set()
    missing: list[str] = []

    def watch() -> None:
        while not done.is_set():
            try:
                targets.add(os.readlink(link))
            except OSError as error:
                missing.append(str(error))

    reader = threading.Thread(target=watch)
    reader.start()
    for _ in range(100):
        with world.turn():
            modem.ports.hang_up()
            assert link.exists()
    done.set()
    reader.join()
    assert missing == []
    assert all(target.startswith("/dev/pts/") for target in targets)
    assert [entry.name for entry in tmp_path.iterdir()] == ["at"]
    with serial.Serial(str(link), timeout=5) as port:
        ask(port)


def test_a_client_that_never_reads_holds_up_no_other_port(make_modem: Make, world: World, tmp_path: Path) -> None:
    modem = make_modem(link=tmp_path / "at1", ports=[str(tmp_path / "at2"), "tcp:127.0.0.1:0"])
    address = ("127.0.0.1", int(modem.ports.addresses[2].rpartition(":")[2]))
    deaf = os.open(tmp_path / "at1", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        os.write(deaf, b"AT\r")
        with socket.create_connection(address) as deaf_too, serial.Serial(str(tmp_path / "at2"), timeout=5) as port:
            deaf_too.sendall(b"AT\r")
            ask(port, b"ATE0\r")
            for number in range(15):
                with world.turn():
                    for _ in range(200):
                        modem.urc(f"+STORM: {number}," + "x" * 100)
                with contextlib.suppress(BlockingIOError):
                    os.write(deaf, b"AT+CGMM\r")
                port.write(b"AT+CSCS?\r")
                assert port.read_until(b'+CSCS: "GSM"\r\n').endswith(b'+CSCS: "GSM"\r\n')
                assert port.read_until(OK).endswith(OK)
    finally:
        os.close(deaf)


def test_a_paced_line_takes_its_time(make_modem: Make, tmp_path: Path) -> None:
    """At 9600 bit/s, 200 octets and more take at least 0.2 s, and come whole."""
    make_modem(link=tmp_path / "at", bits_per_second=9600)
    with serial.Serial(str(tmp_path / "at"), timeout=5) as port:
        ask(port, b"ATE0\r")
        watch = Stopwatch()
        said = ask(port, b"AT" + b"+CGMM;" * 24 + b"+CGMM\r")
        assert watch.seconds >= len(said) * 10 / 9600 * 0.95
        assert said == b"\r\nBG96\r\n" * 25 + OK


def test_a_client_that_sends_without_end_is_bounded(make_modem: Make, world: World, tmp_path: Path) -> None:
    modem = make_modem(link=tmp_path / "at", ports=[str(tmp_path / "at2")])
    assert modem.endpoint is not None
    descriptor = os.open(tmp_path / "at", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        with serial.Serial(str(tmp_path / "at2"), timeout=5) as port:
            ask(port, b"ATE0\r")
            watch = Stopwatch()
            while modem.endpoint.bytes_received < 2_000_000:
                assert watch.seconds < 30
                with contextlib.suppress(BlockingIOError):
                    os.write(descriptor, b"AT" + b"\xff" * 4_000)
            ask(port)
    finally:
        os.close(descriptor)
