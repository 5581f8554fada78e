"""TCP in Quectel's dialect: connections, listeners, transparent mode, and the tools around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.virtual.internet.seams import CloseReason
from harness.virtual.network.seams import Datagram

if TYPE_CHECKING:
    Bench = Any

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"


@pytest.fixture
def online(bench: Bench) -> Bench:
    bench.at('+QICSGP=1,1,"super","","",0')
    assert bench.at("+QIACT=1", wait="1s") == OK
    return bench


def connect(bench: Bench, mode: int = 0, number: int = 0) -> Any:
    """Open a connection to example.com:80 and return its far end."""
    assert bench.at(f'+QIOPEN=1,{number},"TCP","example.com",80,0,{mode}', wait="1s") == OK
    far = bench.carrier.connections[-1]
    assert far.remote == ("192.0.2.1", 80)
    far.handler.connected()
    assert bench.heard() == b"\r\n+QIOPEN: %d,0\r\n" % number
    return far


def test_octets_travel_both_ways(online: Bench) -> None:
    far = connect(online)
    assert online.at("+QISEND=0,4") == b"\r\n> "
    assert online.type(b"ping") == b"\r\nSEND OK\r\n"
    assert far.sent == b"ping"
    far.handler.received(b"0123456789")
    assert online.heard() == b'\r\n+QIURC: "recv",0\r\n'
    far.handler.received(b"abc")
    assert online.heard() == b""  # once until it was read
    assert online.at("+QIRD=0,4") == b"\r\n+QIRD: 4\r\n0123\r\n" + OK
    assert online.at("+QIRD=0,0") == b"\r\n+QIRD: 13,4,9\r\n" + OK
    assert online.at("+QIRD=0") == b"\r\n+QIRD: 9\r\n456789abc\r\n" + OK
    assert online.at("+QIRD=0") == b"\r\n+QIRD: 0\r\n" + OK


def test_a_connection_that_fails_is_told_later(online: Bench) -> None:
    for reason, error in ((CloseReason.REFUSED, 566), (CloseReason.TIMED_OUT, 569)):
        online.at('+QIOPEN=1,0,"TCP","192.0.2.1",80', wait="1s")
        online.carrier.connections[-1].handler.closed(reason)
        assert online.heard() == b"\r\n+QIOPEN: 0,%d\r\n" % error
        assert online.at("+QISTATE?") == OK


def test_the_peer_closes_and_what_came_before_can_be_read(online: Bench) -> None:
    far = connect(online)
    far.handler.received(b"bye")
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b'\r\n+QIURC: "recv",0\r\n\r\n+QIURC: "closed",0\r\n'
    assert online.at("+QISTATE=1,0").split(b",")[5] == b"4"
    assert online.at("+QIRD=0") == b"\r\n+QIRD: 3\r\nbye\r\n" + OK
    assert online.at("+QISEND=0,1") == ERROR  # no prompt for what is closed
    assert online.at("+QISENDEX=0,\"31\"") == ERROR
    assert online.at("+QISEND=0,0") == b"\r\n+QISEND: 0,0,0\r\n" + OK
    assert online.at("+QICLOSE=0") == OK
    assert online.at("+QISTATE?") == OK


def test_closing_here_closes_there(online: Bench) -> None:
    far = connect(online)
    assert online.at("+QICLOSE=0,5") == OK
    assert far.closed
    assert online.heard() == b""


def test_push_mode(online: Bench) -> None:
    far = connect(online, mode=1)
    far.handler.received(b"news")
    assert online.heard() == b'\r\n+QIURC: "recv",0,4\r\nnews\r\n'
    assert online.at("+QISWTMD=0,0") == OK
    far.handler.received(b"more")
    assert online.heard() == b'\r\n+QIURC: "recv",0\r\n'


def test_hex_and_one_line_views(online: Bench) -> None:
    far = connect(online)
    online.at('+QICFG="dataformat",1,1;+QICFG="viewmode",1')
    assert online.at('+QICFG="dataformat"') == b'\r\n+QICFG: "dataformat",1,1\r\n' + OK
    online.at("+QISEND=0,4")
    online.type(b"6869")
    assert far.sent == b"hi"
    far.handler.received(b"\x00\xff")
    online.heard()
    assert online.at("+QIRD=0") == b"\r\n+QIRD: 2,00FF\r\n" + OK
    assert online.at('+QICFG="colour",1') == ERROR


def test_transparent_mode_with_escape_and_return(online: Bench) -> None:
    assert online.at('+QIOPEN=1,0,"TCP","192.0.2.1",80,0,2') == b""
    online.wait("1s")
    far = online.carrier.connections[-1]
    far.handler.connected()
    assert online.heard() == b"\r\nCONNECT\r\n"
    online.type(b"AT\r\x00")
    assert far.sent == b"AT\r\x00"
    far.handler.received(b"raw")
    assert online.heard() == b"raw"
    online.wait("2s")
    online.type(b"+++")
    assert online.wait("2s") == OK
    far.handler.received(b"meanwhile")
    assert online.heard() == b'\r\n+QIURC: "recv",0\r\n'  # it is a connection in buffer mode by now
    assert online.at("+QISTATE=1,0") == (b'\r\n+QISTATE: 0,"TCP","192.0.2.1",80,49152,2,1,0,0,"usbmodem"\r\n' + OK)
    assert online.at("O") == b"\r\nCONNECT\r\nmeanwhile"
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\nNO CARRIER\r\n"
    assert online.at("+QISTATE?") == OK


def test_the_peer_closes_while_the_port_is_away_from_transparent_mode(online: Bench) -> None:
    online.at('+QIOPEN=1,0,"TCP","192.0.2.1",80,0,2', wait="1s")
    far = online.carrier.connections[-1]
    far.handler.connected()
    online.wait("2s")
    online.heard()
    online.type(b"+++")
    assert online.wait("2s") == OK
    assert online.at("+QISEND=0,2") == b"\r\n> "
    assert online.type(b"hi") == b"\r\nSEND OK\r\n"
    far.handler.received(b"late")
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b'\r\n+QIURC: "recv",0\r\n\r\n+QIURC: "closed",0\r\n'
    assert online.at("O") == b"\r\nNO CARRIER\r\n"
    assert online.at("+QIRD=0") == b"\r\n+QIRD: 4\r\nlate\r\n" + OK
    assert online.at("H") == OK
    assert online.at("+QICLOSE=0") == OK


def test_transparent_mode_is_left_for_buffer_mode_and_entered_again(online: Bench) -> None:
    far = connect(online)
    far.handler.received(b"early")
    online.heard()
    assert online.at("+QISWTMD=0,2") == b"\r\nCONNECT\r\nearly"
    online.wait("2s")
    online.type(b"+++")
    assert online.wait("2s") == OK
    assert online.at("+QISWTMD=0,1") == OK
    far.handler.received(b"push")
    assert online.heard() == b'\r\n+QIURC: "recv",0,4\r\npush\r\n'
    assert online.at("+QISWTMD=0,2") == b"\r\nCONNECT\r\n"
    far.handler.received(b"raw")
    assert online.heard() == b"raw"


def test_the_network_goes_in_transparent_mode(online: Bench) -> None:
    online.at('+QIOPEN=1,0,"TCP","192.0.2.1",80,0,2', wait="1s")
    online.carrier.connections[-1].handler.connected()
    online.heard()
    online.modem.session_lost(1)
    assert online.heard() == b'\r\nNO CARRIER\r\n\r\n+QIURC: "pdpdeact",1\r\n'
    assert online.at("+QISTATE?") == OK


def test_settings_of_what_is_told(online: Bench) -> None:
    far = connect(online)
    assert online.at('+QICFG="recvind",1;+QICFG="passiveclosed",1') == OK
    far.handler.received(b"1234")
    assert online.heard() == b'\r\n+QIURC: "recv",0,4\r\n'
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b'\r\n+QIURC: "closed",0\r\n'
    assert online.at("+QISTATE?") == OK  # closed without +QICLOSE
    connect(online)


def test_name_servers(online: Bench) -> None:
    assert online.at("+QIDNSCFG=1") == b'\r\n+QIDNSCFG: 1,"1.1.1.1","8.8.8.8"\r\n' + OK
    assert online.at('+QIDNSCFG=1,"9.9.9.9"') == OK
    assert online.at("+QIDNSCFG=1") == b'\r\n+QIDNSCFG: 1,"9.9.9.9","0.0.0.0"\r\n' + OK
    assert online.at("+QIDNSCFG=2") == ERROR
    assert online.at('+QIDNSCFG=1,"nine"') == ERROR


def test_the_line_feed_of_the_command_is_not_sent_in_transparent_mode(online: Bench) -> None:
    assert online.type(b'AT+QIOPEN=1,0,"TCP","192.0.2.1",80,0,2\r\n') == b""
    online.wait("1s")
    far = online.carrier.connections[-1]
    far.handler.connected()
    assert online.heard() == b"\r\nCONNECT\r\n"
    online.type(b"\nraw")
    assert far.sent == b"\nraw"
    online.wait("2s")
    online.type(b"+++")
    online.wait("2s")
    assert online.type(b"ATO\r\n") == b"\r\nCONNECT\r\n"
    online.type(b"\n")
    assert far.sent == b"\nraw\n"


def test_transparent_mode_that_does_not_come_about(online: Bench) -> None:
    online.at('+QIOPEN=1,0,"TCP","192.0.2.1",80,0,2', wait="1s")
    online.carrier.connections[-1].handler.closed(CloseReason.REFUSED)
    assert online.heard() == ERROR
    assert online.at("+QIGETERROR").startswith(b"\r\n+QIGETERROR: 566")


def test_an_open_connection_becomes_transparent(online: Bench) -> None:
    far = connect(online)
    assert online.at("+QISWTMD=0,2") == b"\r\nCONNECT\r\n"
    online.type(b"hello")
    assert far.sent == b"hello"


def test_a_listener_takes_connections(online: Bench) -> None:
    assert online.at('+QIOPEN=1,5,"TCP LISTENER","127.0.0.1",0,2020,0', wait="1s") == OK + b"\r\n+QIOPEN: 5,0\r\n"
    far = type(online.carrier).connection(("100.64.7.8", 2020), ("192.0.2.9", 4000))
    far.handler = online.carrier.listeners[2020](far)
    assert online.heard() == b'\r\n+QIURC: "incoming",0,5,"192.0.2.9",4000\r\n'
    far.handler.received(b"hello")
    assert online.heard() == b'\r\n+QIURC: "recv",0\r\n'
    assert online.at("+QIRD=0") == b"\r\n+QIRD: 5\r\nhello\r\n" + OK
    online.at("+QISEND=0,2")
    online.type(b"hi")
    assert far.sent == b"hi"
    assert online.at("+QISEND=5,2") == ERROR
    assert b'"TCP INCOMING","192.0.2.9",4000,2020,2,1,5,0' in online.at("+QISTATE?")
    online.at("+QICLOSE=5")
    assert online.carrier.listeners == {}


def test_a_full_listener_turns_away(online: Bench) -> None:
    for number in range(1, 12):
        connect(online, number=number)
    online.at('+QIOPEN=1,0,"TCP LISTENER","127.0.0.1",0,2020,0', wait="1s")
    far = type(online.carrier).connection(("100.64.7.8", 2020), ("192.0.2.9", 4000))
    far.handler = online.carrier.listeners[2020](far)
    assert online.heard() == b'\r\n+QIURC: "incoming full"\r\n'
    assert far.closed


def test_the_network_takes_the_context_and_all_connections(online: Bench) -> None:
    far = connect(online)
    online.modem.session_lost(1)
    assert online.heard() == b'\r\n+QIURC: "pdpdeact",1\r\n'
    assert far.closed


def test_power_off_closes_without_a_word(online: Bench) -> None:
    far = connect(online)
    online.modem.power_off()
    assert far.closed
    assert online.heard() == b""


def test_ping_tells_each_answer_and_the_sum(online: Bench) -> None:
    assert online.at('+QPING=1,"example.com",4,3', wait="10s") == OK + (
        b'\r\n+QPING: 0,"192.0.2.1",32,80,255\r\n' * 3 + b"\r\n+QPING: 0,3,3,0,80,80,80\r\n")


def test_ping_of_nobody(online: Bench) -> None:
    assert online.at('+QPING=1,"198.51.100.1",1,2', wait="10s") == OK + (
        b"\r\n+QPING: 569\r\n" * 2 + b"\r\n+QPING: 0,2,0,2,0,0,0\r\n")
    assert online.at('+QPING=1,"nobody.example"', wait="10s") == OK + b"\r\n+QPING: 565\r\n"
    assert online.at('+QPING=2,"example.com"') == ERROR


def test_network_time_is_asked_over_udp(online: Bench) -> None:
    assert online.at('+QNTP=1,"example.com",123,1', wait="100ms") == OK
    cid, request = online.carrier.datagrams[-1]
    assert request.destination == ("192.0.2.1", 123)
    assert request.payload[0] == 0x23
    answer = bytes((0x24, 1)) + bytes(38) + (3_976_214_400).to_bytes(4, "big") + bytes(4)
    online.modem.datagram_received(cid, Datagram(source=request.destination, destination=request.source,
                                                 payload=answer))
    assert online.heard() == b'\r\n+QNTP: 0,"2026/01/01,00:00:00+00"\r\n'
    assert online.at("+CCLK?").startswith(b'\r\n+CCLK: "26/01/01,00:00:00+00"')


def test_network_time_that_nobody_tells(online: Bench) -> None:
    assert online.at('+QNTP=1,"example.com"', wait="10s") == OK + b"\r\n+QNTP: 569\r\n"
    assert online.at('+QNTP=1,"nobody.example"', wait="10s") == OK + b"\r\n+QNTP: 565\r\n"
    assert online.modem.sockets.open == {}


def test_the_peer_of_a_client_that_does_not_read_has_to_wait(online: Bench) -> None:
    far = connect(online)
    far.handler.received(b"x" * 65_535)
    assert not far.paused
    far.handler.received(b"x")
    assert far.paused
    online.at("+QIRD=0,1")
    assert not far.paused


def test_data_for_which_there_is_no_room_is_not_taken_at_all(online: Bench) -> None:
    far = connect(online)
    far.unacknowledged = 65_533
    online.at("+QISEND=0,4")
    assert online.type(b"data") == b"\r\nSEND FAIL\r\n"
    assert far.sent == b""
    far.unacknowledged = 65_532
    online.at("+QISEND=0,4")
    assert online.type(b"data") == b"\r\nSEND OK\r\n"


def test_the_peer_closes_its_half(online: Bench) -> None:
    far = connect(online)
    far.handler.received(b"last words")
    online.heard()
    far.handler.half_closed()
    assert online.heard() == b'\r\n+QIURC: "closed",0\r\n'
    assert b"last words" in online.at("+QIRD=0,1500")
    assert b',4,1,0,0,"' in online.at("+QISTATE=1,0")  # closing
    assert not far.closed
    assert online.at("+QISEND=0,4") == b"\r\nERROR\r\n"
    assert online.at("+QICLOSE=0") == b"\r\nOK\r\n"
    assert far.closed


class HeldWire:
    """A port's way to its client, as full as the test says."""

    backlog = 0
    listening = True

    def listen(self, listening: bool) -> None:
        self.listening = listening


def test_flow_control_of_a_port_in_transparent_mode(online: Bench) -> None:
    wire = online.port.wire = HeldWire()
    online.at('+QIOPEN=1,0,"TCP","example.com",80,0,2', wait="1s")
    far = online.carrier.connections[-1]
    far.handler.connected()
    assert online.wait("1s").endswith(b"CONNECT\r\n")
    far.unacknowledged = 65_536  # the peer does not read
    online.type(b"x" * 65_536)
    assert (far.sent, wire.listening) == (b"", False)
    far.unacknowledged = 0
    online.wait("2s")
    assert (len(far.sent), wire.listening) == (65_536, True)
    wire.backlog = 65_536  # the client does not read
    far.handler.received(b"much")
    assert far.paused
    online.wait("5s")
    assert far.paused
    wire.backlog = 0
    online.wait("2s")
    assert not far.paused
    wire.backlog = 65_536
    far.handler.received(b"more")
    far.unacknowledged = 65_536
    online.type(b"y" * 65_536)
    assert not wire.listening
    online.wait("2s")
    online.port._data._escape()
    online.wait("2s")
    assert (far.paused, wire.listening) == (False, True)  # commands are heard, and what arrives is kept


def test_a_connection_that_ends_leaves_its_port_listening(online: Bench) -> None:
    wire = online.port.wire = HeldWire()
    online.at('+QIOPEN=1,0,"TCP","example.com",80,0,2', wait="1s")
    far = online.carrier.connections[-1]
    far.handler.connected()
    online.wait("1s")
    far.unacknowledged = 65_536
    online.type(b"x" * 65_536)
    assert not wire.listening
    far.handler.closed(CloseReason.RESET)
    assert online.heard().endswith(b"NO CARRIER\r\n")
    assert wire.listening
