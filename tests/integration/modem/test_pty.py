"""The pseudo-terminal, with pyserial and plain descriptors at the other end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from harness.clock import RealClock, Stopwatch, pause
from harness.errors import PortTaken, UsageError
from harness.virtual.modem import PtyEndpoint, SimCard, VirtualModem
from harness.virtual.network import Network
from harness.virtual.world import World

OK = b"\r\nOK\r\n"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "ttyVM0"


@pytest.fixture
def live(link: Path) -> Iterator[VirtualModem]:
    """A modem in real time, without delays, switched on."""
    world = World(seed=3, clock=RealClock())
    modem = VirtualModem(world, Network(world), name="modem-1", link=link, time_scale=0,
                         sim=SimCard("89883070000000000017", "310170845466094"))
    world.start()
    with world.turn():
        modem.power_on()
    until(lambda: modem.radio.registration.status == 2, "the end of the boot sequence")
    yield modem
    with world.turn():
        modem.close()
    world.close()


@pytest.fixture
def port(live: VirtualModem, link: Path) -> Iterator[serial.Serial]:
    with serial.Serial(str(link), 115200, timeout=2) as opened:
        opened.write(b"ATE0\r")
        opened.read_until(OK)
        yield opened


def until(condition: Callable[[], bool], what: str) -> None:
    watch = Stopwatch()
    while not condition():
        assert watch.seconds < 5, what
        pause(0.005)


def test_commands_over_pyserial(port: serial.Serial) -> None:
    for _ in range(200):
        port.write(b"AT\r")
        assert port.read(len(OK)) == OK
    port.write(b"AT+CGMM;+CFUN=?\r")
    assert port.read_until(OK) == b"\r\nBG96\r\n\r\n+CFUN: (0,1,4),(0,1)\r\n" + OK


def test_settings_of_the_line_do_not_disturb(live: VirtualModem, link: Path) -> None:
    for options in ({"baudrate": 9600}, {"rtscts": True}, {"dsrdtr": True}, {"xonxoff": True}, {"exclusive": True}):
        with serial.Serial(str(link), timeout=2, **options) as opened:
            opened.write(b"ATE0\r")
            assert opened.read_until(OK).endswith(OK)


def test_an_overlong_line_is_an_error_and_the_modem_still_works(port: serial.Serial) -> None:
    port.write(b"AT+CMGS=" + b"1" * 100_000 + b"\r")
    assert port.read_until(b"ERROR\r\n") == b"\r\nERROR\r\n"
    port.write(b"AT\r")
    assert port.read_until(OK) == OK


def test_a_client_that_does_not_read_blocks_nobody(live: VirtualModem, port: serial.Serial) -> None:
    def storm() -> None:
        with live.world.turn():
            for _ in range(4000):
                live.urc(b"x" * 200)

    thread = threading.Thread(target=storm)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert [entry.event for entry in live.world.journal.select("output_lost")] == ["output_lost"]
    until(lambda: b"x" * 200 in port.read(20_000), "the output that was kept")
    port.reset_input_buffer()
    pause(0.05)
    while port.read(port.in_waiting or 1):
        port.timeout = 0.1
    port.write(b"AT\r")
    assert port.read_until(OK).endswith(OK)


def test_open_and_close_are_noticed(live: VirtualModem, link: Path) -> None:
    endpoint = live.endpoint
    assert endpoint is not None
    seen: list[str] = []
    endpoint.on_open = lambda: seen.append("open")
    endpoint.on_close = lambda: seen.append("close")
    assert not endpoint.is_open
    for _ in range(3):
        with serial.Serial(str(link), timeout=2) as opened:
            opened.write(b"AT\r")
            opened.read_until(OK)
            assert endpoint.is_open
        until(lambda: seen[-1:] == ["close"], "the close")
        assert not endpoint.is_open
    assert seen == ["open", "close"] * 3


def test_an_idle_port_costs_nothing_while_nobody_has_it_open(live: VirtualModem, link: Path) -> None:
    with serial.Serial(str(link), timeout=2) as opened:
        opened.write(b"AT\r")
        opened.read_until(OK)
    until(lambda: live.endpoint is not None and not live.endpoint.is_open, "the close")
    dispatched = 0
    original = live.world.reactor.dispatch

    def count(ready: list[tuple[int, int]]) -> None:
        nonlocal dispatched
        # other processes' terminals are told of too: what comes from there is not ours
        dispatched += any(not os.path.realpath(f"/proc/self/fd/{descriptor}").endswith("anon_inode:inotify")
                          for descriptor, _ in ready)
        original(ready)

    live.world.reactor.dispatch = count  # type: ignore[method-assign]
    for _ in range(10):  # a busy machine may take its time to tell of the close
        before = dispatched
        pause(0.3)
        if dispatched - before <= 1:
            break
    assert dispatched - before <= 1


def test_output_without_a_client_is_lost(live: VirtualModem, link: Path) -> None:
    with live.world.turn():
        live.urc("+LOST: 1")
    descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)  # does not flush, as pyserial does
    with pytest.raises(BlockingIOError):
        os.read(descriptor, 100)
    with live.world.turn():
        live.urc("+HEARD: 1")
    assert os.read(descriptor, 100) == b"\r\n+HEARD: 1\r\n"
    os.close(descriptor)


@pytest.mark.parametrize("writes", [True, False])
def test_the_banner_can_be_held_for_the_first_client(link: Path, writes: bool) -> None:
    world = World(clock=RealClock())
    modem = VirtualModem(world, Network(world), name="modem-1", link=link, time_scale=0, hold_banner=True)
    world.start()
    with world.turn():
        modem.power_on()
    pause(0.1)
    try:
        descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY)
        if writes:
            os.write(descriptor, b"ATE0\r")
        said = b""
        watch = Stopwatch()
        while b"+CPIN: NOT READY" not in said and watch.seconds < 5:
            said += os.read(descriptor, 1000)
        assert said.startswith(b"\r\nRDY\r\n\r\n+CFUN: 1\r\n")
        os.close(descriptor)
    finally:
        with world.turn():
            modem.close()
        world.close()


def test_the_link_is_made_replaced_and_removed(link: Path) -> None:
    world = World()
    link.symlink_to("/dev/pts/99999")  # what a killed process leaves
    endpoint = PtyEndpoint(world, link, receive=lambda data: None)
    assert os.readlink(link).startswith("/dev/pts/")
    assert link.exists()
    with pytest.raises(PortTaken, match="in use"):
        PtyEndpoint(world, link, receive=lambda data: None)
    endpoint.close()
    endpoint.close()
    assert not link.is_symlink()
    assert sorted(link.parent.iterdir()) == []


def test_a_name_that_is_taken_stays_as_it_is(link: Path, tmp_path: Path) -> None:
    world = World()
    link.write_text("mine")
    with pytest.raises(PortTaken, match="not a link of ours"):
        PtyEndpoint(world, link, receive=lambda data: None)
    assert link.read_text() == "mine"
    with pytest.raises(UsageError, match="folder"):
        PtyEndpoint(world, tmp_path / "nowhere" / "ttyVM0", receive=lambda data: None)


def test_a_link_that_is_somebody_elses_by_now_is_left_alone(link: Path) -> None:
    endpoint = PtyEndpoint(World(), link, receive=lambda data: None)
    link.unlink()
    link.write_text("not ours")
    endpoint.close()
    assert link.read_text() == "not ours"


def test_hang_up_is_seen_by_the_client(live: VirtualModem, port: serial.Serial) -> None:
    with live.world.turn():
        live.close()
    with pytest.raises(serial.SerialException):
        port.read(1)


def test_bytes_are_counted_and_pumped_in_virtual_time(link: Path) -> None:
    world = World()
    modem = VirtualModem(world, Network(world), name="modem-1", link=link)
    endpoint = modem.endpoint
    assert endpoint is not None
    with serial.Serial(str(link), timeout=2) as opened:
        modem.power_on()
        assert not endpoint.pump()
        opened.write(b"ATE0\r")
        assert endpoint.pump(2.0)
        assert (endpoint.bytes_received, endpoint.bytes_sent) == (5, 11)
        assert opened.read(11) == b"ATE0\r" + OK
        world.clock.sleep("0s")
        assert opened.read(7) == b"\r\nRDY\r\n"
        assert not endpoint.pump(0.01)
    modem.close()
    world.close()


def test_a_text_written_at_once_with_its_command(port: serial.Serial) -> None:
    port.write(b'AT+CMGF=1\rAT+CPMS="SM","SM","SM"\rAT+CMGW="000"\rhello\x1aAT+CMGR=0\r')
    said = port.read_until(b"hello\r\n" + OK)
    assert said == (OK + b"\r\n+CPMS: 0,25,0,25,0,25\r\n" + OK + b"\r\n> \r\n+CMGW: 0\r\n" + OK
                    + b'\r\n+CMGR: "STO UNSENT","000",\r\nhello\r\n' + OK)
