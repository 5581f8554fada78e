"""Serial channels over several kinds of pyserial ports."""

from __future__ import annotations

import errno
import os
import socket
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from harness.clock import RealClock, VirtualClock
from harness.drivers.modem import SerialChannel
from harness.errors import ModemError, PortLost, PortTaken, TimeoutExpired, UsageError
from harness.journal import Journal

if TYPE_CHECKING:
    from tests.unit.modem_driver.conftest import Bench


@pytest.fixture
def clock() -> RealClock:
    return RealClock()


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal nobody serves: its master, and the name of its slave."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def _channel(url: str, clock: RealClock | VirtualClock) -> SerialChannel:
    return SerialChannel(url, clock, "modem-1", Journal(now=clock.now))


def test_what_is_written_to_a_loop_comes_back(clock: RealClock) -> None:
    channel = _channel("loop://", clock)
    heard = bytearray()
    channel.listen(heard.extend)
    channel.open()

    channel.write(b"AT\r")
    clock.wait(lambda: heard == b"AT\r", within="5s", what="the echo of a loop")

    assert (channel.bytes_sent, channel.bytes_received) == (3, 3)
    assert (channel.transcript()[0].direction, channel.transcript()[0].data) == ("sent", b"AT\r")
    assert b"".join(item.data for item in channel.transcript() if item.direction == "received") == b"AT\r"
    channel.close()
    channel.close()


def test_sockets_are_ports_and_their_end_is_a_lost_port(clock: RealClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        channel = _channel(f"socket://127.0.0.1:{server.getsockname()[1]}", clock)
        heard = bytearray()
        channel.listen(heard.extend)
        channel.open()
        far, _ = server.accept()
        far.sendall(b"RDY\r\n")
        clock.wait(lambda: heard == b"RDY\r\n", within="5s", what="the banner")
        channel.write(b"AT\r")
        assert far.recv(10) == b"AT\r"
        far.close()
        clock.wait(lambda: not channel.is_open, within="5s", what="the loss")
        with pytest.raises(PortLost, match="was lost"):
            channel.write(b"AT\r")
    assert channel.journal.last("port_lost") is not None


def test_ports_that_are_not_there_are_no_serial_exceptions(clock: RealClock) -> None:
    with pytest.raises(ModemError, match=r"modem-1: can't open /dev/no-such-port"):
        _channel("/dev/no-such-port", clock).open()
    with pytest.raises(ModemError, match=r"No such file.*; (this machine has no serial ports|there are /dev)"):
        _channel("/dev/no-such-port", clock).open()
    with pytest.raises(ModemError, match="can't open socket://127"):
        _channel("socket://127.0.0.1:1", clock).open()
    with pytest.raises(UsageError, match="is no serial port URL"):
        _channel("carrier-pigeon://coop", clock).open()


def test_a_port_in_use_is_taken(clock: RealClock, terminal: tuple[int, str]) -> None:
    first, second = _channel(terminal[1], clock), _channel(terminal[1], clock)
    first.open()

    with pytest.raises(PortTaken, match="is in use by another program"):
        second.open()

    first.close()
    second.open()
    second.close()


def test_a_far_end_that_does_not_read_is_a_timeout(terminal: tuple[int, str]) -> None:
    clock = VirtualClock()
    channel = _channel(terminal[1], clock)
    channel.open()

    with pytest.raises(TimeoutExpired, match=r"^waited 3 s for room for \d+ octets in the port of modem-1"):
        channel.write(b"x" * 1_000_000, within="3s")

    assert channel.is_open
    channel.close()


def test_generation_counts_openings_and_counters_start_anew(clock: RealClock) -> None:
    opened: list[int] = []
    channel = _channel("loop://", clock)
    channel.on_open = lambda port: opened.append(port.generation)
    with pytest.raises(UsageError, match="not open"):
        channel.write(b"AT")
    channel.open()
    channel.open()
    channel.write(b"AT")
    channel.close()
    channel.open()

    assert opened == [1, 2]
    assert channel.bytes_sent == 0
    channel.close()


def test_the_transcript_reads_as_text(virtual: Bench) -> None:
    virtual.modem.open()

    lines = [str(item) for item in virtual.modem.transcript()]

    assert lines[0] == "    0.000000 > AT\\r"
    assert lines[1] == "    0.000000 < \\r\\nOK\\r\\n"


def test_who_may_not_open_a_port_is_told_who_may(clock: RealClock, tmp_path: Path) -> None:
    import grp

    from harness.drivers.modem.channel import _hint

    path = tmp_path / "ttyUSB0"
    path.touch()
    group = grp.getgrgid(path.stat().st_gid).gr_name
    assert _hint(PermissionError(errno.EACCES, "Permission denied"), str(path)) == (
        f"; it is for members of the group {group!r}")
    assert _hint(PermissionError(errno.EACCES, "Permission denied"), "socket://somewhere") == ""


def test_ports_that_there_are_are_named(clock: RealClock, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ListPortInfo("/dev/ttyUSB7", skip_link_detection=True)
    found.description = "Quectel EG25"
    monkeypatch.setattr(list_ports, "comports", lambda include_links=False: [found])
    with pytest.raises(ModemError, match=r"; there are /dev/ttyUSB7 \(Quectel EG25\)$"):
        _channel("/dev/serial/by-id/usb-Quectel-if02", clock).open()
