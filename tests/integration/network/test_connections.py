"""TCP connections by the driver, on every module: the same test for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import CommandFailed, ModemError, TimeoutExpired, UsageError
from harness.virtual.internet.seams import CloseReason, TcpConnection
from harness.virtual.modem import profile_names

if TYPE_CHECKING:
    from tests.integration.network.conftest import Lab, MakeLab


class Shout:
    """Says hello, sends everything back in capitals, closes at a full stop."""

    def __init__(self, connection: TcpConnection) -> None:
        self._connection = connection
        connection.send(b"hello\r\n")

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None:
        self._connection.send(data.upper())
        if data.endswith(b"."):
            self._connection.close()

    def closed(self, reason: CloseReason) -> None: ...


@pytest.fixture(params=profile_names())
def lab(request: pytest.FixtureRequest, make_lab: MakeLab) -> Lab:
    lab = make_lab(profile=request.param, dialect=None)
    lab.internet.add_host("shout.example.com").on_tcp(7, Shout)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    return lab


def test_octets_go_both_ways_until_the_peer_closes(lab: Lab) -> None:
    connection = lab.modem.tcp_open("shout.example.com", 7)
    assert connection.expect(b"\r\n") == b"hello\r\n"
    connection.send(b"abc\r\nOK\r\n> \x1a\x1b")
    assert connection.expect(b"\x1b") == b"ABC\r\nOK\r\n> \x1a\x1b"
    connection.send(b"x" * 5_000)
    assert connection.read(5_000, within="1min") == b"X" * 5_000
    connection.send(b"bye.")
    assert connection.expect_closed(within="30s") == b"BYE."
    assert not connection.is_open
    with pytest.raises(ModemError, match="the peer or the network closed it"):
        connection.send(b"more")
    connection.close()


def test_connections_and_sockets_share_the_modules_numbers(lab: Lab) -> None:
    connections = [lab.modem.tcp_open("shout.example.com", 7) for _ in range(2)]
    socket = lab.modem.udp_open(7000)
    lab.send_ip(7000, b"datagram")
    for number, connection in enumerate(connections):
        connection.send(b"%d" % number)
    for number, connection in enumerate(connections):
        assert connection.expect(b"%d" % number) == b"hello\r\n%d" % number
    assert socket.expect(within="30s").payload == b"datagram"
    for connection in connections:
        connection.close()
        connection.close()
        with pytest.raises(UsageError, match="is closed"):
            connection.send(b"x")
    with lab.modem.tcp_open("shout.example.com", 7) as again:
        again.expect(b"hello")
    socket.close()


def test_nobody_there_and_no_such_name(lab: Lab) -> None:
    for host, port in (("shout.example.com", 8), ("nobody.example.com", 7)):
        with pytest.raises((CommandFailed, ModemError)):
            lab.modem.tcp_open(host, port)
    with lab.modem.tcp_open("shout.example.com", 7) as connection:
        with pytest.raises(TimeoutExpired, match=r"b'nothing like it' from shout.example.com:7 .*hello"):
            connection.expect(b"nothing like it", within="5s")
        assert connection.expect(b"hello") == b"hello"


def test_a_lost_session_ends_them(lab: Lab) -> None:
    connection = lab.modem.tcp_open("shout.example.com", 7)
    connection.expect(b"hello")
    lab.network.lose_coverage(lab.far.iccid)
    connection.expect_closed(within="5min")
    lab.network.restore_coverage(lab.far.iccid)
    lab.modem.registered(within="5min")
    connection.close()
    with lab.modem.tcp_open("shout.example.com", 7) as again:
        again.expect(b"hello")


@pytest.mark.parametrize(("host", "port"), [("", 7), ("a b", 7), ('x",7', 7), ("shout.example.com", 0)])
def test_what_no_host_is_called(make_lab: MakeLab, host: str, port: int) -> None:
    lab = make_lab()
    lab.far.power_on()
    lab.modem.open(within="60s")
    with pytest.raises(UsageError):
        lab.modem.tcp_open(host, port)
