"""Every kind of AT port, with clients that know nothing of us at the other end."""

from __future__ import annotations

import contextlib
import os
import socket
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from harness.clock import Stopwatch, pause
from harness.errors import PortTaken, UsageError
from harness.virtual.modem import VirtualModem
from harness.virtual.modem.socket_endpoint import SocketEndpoint
from harness.virtual.network import Network
from harness.virtual.world import World

OK = b"\r\nOK\r\n"


def ask(connection: socket.socket, command: bytes = b"ATE0\r") -> bytes:
    connection.settimeout(5)
    connection.sendall(command)
    said = b""
    while not said.endswith(OK):
        data = connection.recv(1000)
        assert data, said
        said += data
    return said


def test_tcp(make_modem: Callable[..., VirtualModem]) -> None:
    modem = make_modem(ports=["tcp:127.0.0.1:0"])
    _, host, port = modem.ports.addresses[0].split(":")
    with serial.serial_for_url(f"socket://{host}:{port}", timeout=5) as opened:
        opened.write(b"ATE0\r")
        assert opened.read_until(OK).endswith(OK)
    with socket.create_connection((host, int(port))) as again:  # after the first has gone
        assert ask(again, b"AT+CGMM\r") == b"\r\nBG96\r\n" + OK


def test_a_second_client_of_a_busy_port_is_turned_away(make_modem: Callable[..., VirtualModem]) -> None:
    modem = make_modem(ports=["tcp:127.0.0.1:0"])
    address = ("127.0.0.1", int(modem.ports.addresses[0].rpartition(":")[2]))
    with socket.create_connection(address) as first:
        ask(first)
        with socket.create_connection(address) as second:
            second.settimeout(5)
            assert second.recv(10) == b""
        assert ask(first, b"AT\r") == OK


def test_unix_and_abstract_sockets(make_modem: Callable[..., VirtualModem], tmp_path: Path) -> None:
    name = f"mvh-test-{os.getpid()}"
    make_modem(ports=[f"unix:{tmp_path}/at", f"abstract:{name}"])
    for address in (f"{tmp_path}/at", "\0" + name):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)
            assert ask(client).endswith(OK)


def test_several_ports_each_with_its_own_echo_and_the_same_module(make_modem: Callable[..., VirtualModem],
                                                                  tmp_path: Path) -> None:
    modem = make_modem(link=tmp_path / "at1", ports=[str(tmp_path / "at2")])
    with serial.Serial(str(tmp_path / "at1"), timeout=5) as first, serial.Serial(str(tmp_path / "at2"),
                                                                                 timeout=5) as second:
        first.write(b"ATE0\r")
        first.read_until(OK)
        second.write(b"AT+CMEE=2\r")
        assert b"AT+CMEE=2\r" in second.read_until(OK)
        first.write(b"AT+CMEE?\r")
        said = first.read_until(OK)
        assert b"+CMEE: 2" in said
        assert b"AT+CMEE?" not in said
        with modem.world.turn():
            modem.urc("+TEST: 1")
        for port in (first, second):
            assert port.read_until(b"+TEST: 1\r\n").endswith(b"+TEST: 1\r\n")


def test_one_port_tells_what_nobody_asked_for(make_modem: Callable[..., VirtualModem], tmp_path: Path) -> None:
    names = [tmp_path / f"at{number}" for number in range(3)]
    modem = make_modem(link=names[0], ports=[str(name) for name in names[1:]])
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(serial.Serial(str(name), timeout=5)) for name in names]
        for port in ports:
            port.write(b"ATE0\r")
            port.read_until(OK)
        for choice, told in (("all", {0, 1, 2}), ("usbat", {0}), ("usbmodem", {1}), ("uart1", {2})):
            ports[0].write(f'AT+QURCCFG="urcport","{choice}"\r'.encode())
            assert ports[0].read_until(OK).endswith(OK)
            with modem.world.turn():
                modem.urc("+TEST: 1")
            for number, port in enumerate(ports):
                port.write(b"AT\r")
                said = port.read_until(OK)
                assert (b"+TEST: 1" in said) == (number in told), (choice, number)


def test_a_client_that_does_not_read_a_socket_blocks_nobody(make_modem: Callable[..., VirtualModem],
                                                            world: World) -> None:
    modem = make_modem(ports=["tcp:127.0.0.1:0"])
    address = ("127.0.0.1", int(modem.ports.addresses[0].rpartition(":")[2]))
    with socket.create_connection(address) as client:
        ask(client)
        with world.turn():
            for _ in range(300):
                modem.urc("x" * 50_000)
        watch = Stopwatch()
        while not world.journal.select("output_lost"):
            assert watch.seconds < 5
            pause(0.005)
    with socket.create_connection(address) as client:
        assert ask(client, b"AT\r").endswith(OK)


@pytest.mark.parametrize("address", ["tcp:0.0.0.0:0", "tcp:127.0.0.1:x", "tcp:127.0.0.1:99999", "unix:/nowhere/at/all",
                                     "abstract:", "ftp:host", "unix:" + "/tmp/" + "x" * 200])
def test_an_address_that_is_none_is_refused(world: World, address: str) -> None:
    with pytest.raises(UsageError):
        SocketEndpoint(world, address, receive=lambda data: None)


def test_a_name_in_use_is_refused_and_a_stale_one_taken(world: World, tmp_path: Path) -> None:
    path = tmp_path / "at"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    endpoint = SocketEndpoint(world, f"unix:{path}", receive=lambda data: None)
    with pytest.raises(PortTaken, match="somebody listens"):
        SocketEndpoint(world, f"unix:{path}", receive=lambda data: None)
    endpoint.close()
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(PortTaken, match="no socket"):
        SocketEndpoint(world, f"unix:{path}", receive=lambda data: None)
    assert path.read_text() == "mine"


def test_a_port_that_cannot_be_opened_leaves_the_others_closed(world: World, tmp_path: Path) -> None:
    link = tmp_path / "at"
    with pytest.raises(UsageError):
        VirtualModem(world, Network(world), name="m", link=link, ports=["tcp:1.2.3.4:5"])
    assert not link.is_symlink()


def test_unplugged_and_plugged_in_again(make_modem: Callable[..., VirtualModem], world: World, tmp_path: Path) -> None:
    link = tmp_path / "at"
    modem = make_modem(link=link)
    with serial.Serial(str(link), timeout=5) as port:
        port.write(b"ATE0\r")
        port.read_until(OK)
        with world.turn():
            modem.ports.unplug()
        with pytest.raises(serial.SerialException):
            port.read(1)
        assert not link.is_symlink()
        before = set(os.listdir("/dev/pts"))
        with world.turn():
            modem.ports.plug()
        assert link.is_symlink()
        assert before != set(os.listdir("/dev/pts"))
    with serial.Serial(str(link), timeout=5) as port:
        port.write(b"AT+CGMM\r")
        assert b"BG96" in port.read_until(OK)


def test_the_wrong_line_speed_makes_rubbish(make_modem: Callable[..., VirtualModem], tmp_path: Path) -> None:
    link = tmp_path / "at"
    make_modem(link=link, garble=True)
    with serial.Serial(str(link), 9600, timeout=0.3) as port:
        port.write(b"AT\r")
        assert OK not in port.read(100)
        port.baudrate = 115_200
        port.write(b"\rAT\r")
        assert port.read_until(OK).endswith(OK)
        port.write(b"AT+IPR=9600\r")
        port.read(100)
        port.baudrate = 9600
        port.write(b"\rAT\r")
        assert port.read_until(OK).endswith(OK)


def test_every_speed_that_has_a_name_is_known(make_modem: Callable[..., VirtualModem], tmp_path: Path) -> None:
    modem = make_modem(link=tmp_path / "at")
    assert modem.endpoint is not None
    with serial.Serial(str(tmp_path / "at"), 460_800):
        assert modem.endpoint.bits_per_second == 460_800
    descriptor = os.open(tmp_path / "at", os.O_RDWR | os.O_NOCTTY)
    attributes = termios.tcgetattr(descriptor)
    attributes[4] = attributes[5] = termios.B1200
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    assert modem.endpoint.bits_per_second == 1200
    os.close(descriptor)
