"""Telit ME910, byte for byte: what client libraries send to it, and what they must get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.virtual.internet.seams import CloseReason
from harness.virtual.network.seams import Datagram

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.virtual.modem import SimCard

    Bench = Any

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"
WRONG_STATE = b"\r\n+CME ERROR: 551\r\n"
GATEWAY = ("100.64.0.1", 6969)


@pytest.fixture
def bench(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> Bench:
    made = make_bench(profile="ME910", sim=make_card())
    made.heard()
    return made


@pytest.fixture
def online(bench: Bench) -> Bench:
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("#SGACT=1,1", wait="1s") == b"\r\n#SGACT: 100.64.7.8\r\n" + OK
    return bench


def arrive(bench: Bench, payload: bytes, port: int = 6969, source: tuple[str, int] = GATEWAY) -> bytes:
    bench.modem.datagram_received(1, Datagram(source=source, destination=("100.64.7.8", port), payload=payload))
    return bytes(bench.heard())


def connect(bench: Bench, mode: int = 1) -> Any:
    assert bench.at(f'#SD=1,0,80,"example.com",0,0,{mode}', wait="1s") == b""
    far = bench.carrier.connections[-1]
    assert far.remote == ("192.0.2.1", 80)
    far.handler.connected()
    assert bench.heard() == (OK if mode else b"\r\nCONNECT\r\n")
    return far


def test_contexts(bench: Bench) -> None:
    assert bench.at("#SGACT=1,1") == b"\r\n+CME ERROR: 556\r\n"  # not defined
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("#SGACT?") == b"\r\n#SGACT: 1,0\r\n" + OK
    assert bench.at("#SGACT=1,1", wait="1s") == b"\r\n#SGACT: 100.64.7.8\r\n" + OK
    assert bench.at("#SGACT=1,1") == b"\r\n+CME ERROR: 553\r\n"
    assert bench.at("+CMEE=2;#SGACT=1,1") == b"\r\n+CME ERROR: context already activated\r\n"
    assert bench.at("#SGACT?") == b"\r\n#SGACT: 1,1\r\n" + OK
    assert bench.at("#CGPADDR=1") == b'\r\n#CGPADDR: 1,"100.64.7.8"\r\n' + OK
    assert bench.at("#SGACT=1,0") == OK


def test_socket_settings(bench: Bench) -> None:
    assert bench.at("#SCFG=1,1,300,90,600,50") == OK
    assert bench.at("#SCFG=1,1") == b"\r\n+CME ERROR: 50\r\n"
    assert bench.at("#SCFG?").startswith(b"\r\n#SCFG: 1,1,300,90,600,50\r\n#SCFG: 2,1,300,90,600,50\r\n")
    assert bench.at("#SCFGEXT=2,1,0,30") == OK
    assert bench.at("#SCFGEXT?").startswith(b"\r\n#SCFGEXT: 1,0,0,0,0,0\r\n#SCFGEXT: 2,1,0,30,0,0\r\n")
    assert bench.at("#SCFG=?") == b"\r\n#SCFG: (1-6),(1-6),(0-1500),(0-65535),(10-1200),(0-255)\r\n" + OK


def test_tcp_in_command_mode(online: Bench) -> None:
    online.at("#SCFGEXT=1,1,0,0")
    far = connect(online)
    assert online.at("#SSENDEXT=1,4") == b"\r\n> "
    assert online.type(b"ping") == OK
    assert online.at("#SSEND=1") == b"\r\n> "
    assert online.type(b"pong\x1a") == OK
    assert far.sent == b"pingpong"
    far.handler.received(b"0123456789")
    assert online.heard() == b"\r\nSRING: 1,10\r\n"
    assert online.at("#SI=1") == b"\r\n#SI: 1,8,10,10,0\r\n" + OK
    assert online.at("#SRECV=1,4") == b"\r\n#SRECV: 1,4\r\n0123\r\n" + OK
    assert online.wait("1s") == b"\r\nSRING: 1,6\r\n"
    assert online.at("#SRECV=1,1500") == b"\r\n#SRECV: 1,6\r\n456789\r\n" + OK
    assert online.at("#SRECV=1,1500") == WRONG_STATE
    assert online.at("#SS=1") == b"\r\n#SS: 1,2,100.64.7.8,49152,192.0.2.1,80\r\n" + OK
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\nNO CARRIER\r\n"
    assert online.at("#SS=1") == b"\r\n#SS: 1,0\r\n" + OK
    assert online.at("#SLASTCLOSURE=1") == b"\r\n#SLASTCLOSURE: 1,1\r\n" + OK
    assert online.at("#SH=1") == OK


def test_ip_commands_as_mbed_has_them(online: Bench) -> None:
    assert online.at("#SCFGEXT=1,1,0,0") == OK
    assert online.at('#SD=1,1,1,"127.0.0.1",0,6969,1', wait="1s") == OK
    assert arrive(online, b"LED ON") == b"\r\nSRING: 1,6\r\n"
    assert online.at("#SRECV=1,1500,1") == b'\r\n#SRECV: "100.64.0.1",6969,1,6,0\r\nLED ON\r\n' + OK
    assert online.at('#SSENDUDPEXT=1,5,"100.64.0.1",6969') == b"\r\n> "
    assert online.type(b"21.5C\x1a\r") == OK  # mbed sends a Ctrl-Z nobody waits for
    assert online.at('#SSENDUDP=1,"100.64.0.1",6969') == b"\r\n> "
    assert online.type(b"again\x1a") == OK
    assert [sent.payload for _, sent in online.carrier.datagrams] == [b"21.5C", b"again"]
    assert online.at("#SI=1") == b"\r\n#SI: 1,10,6,0,0\r\n" + OK


def test_a_udp_listener(online: Bench) -> None:
    assert online.at("#SLUDP=1,1,6969") == OK
    assert online.at("#SS=1") == b"\r\n#SS: 1,4,100.64.7.8,6969\r\n" + OK
    assert arrive(online, b"LED ON") == b"\r\nSRING: 1\r\n"
    assert online.at("#SA=1,1") == OK
    assert online.wait("1s") == b"\r\nSRING: 1\r\n"
    assert online.at("#SRECV=1,100") == b"\r\n#SRECV: 1,6\r\nLED ON\r\n" + OK
    assert online.at("#SSENDEXT=1,2") == b"\r\n> "  # to the one that was accepted
    assert online.type(b"OK") == OK
    assert online.carrier.datagrams[-1][1].destination == GATEWAY
    assert online.at("#SLUDP=1,0,6969") == OK
    assert online.at("#SS=1") == b"\r\n#SS: 1,0\r\n" + OK


@pytest.mark.parametrize(("settings", "said"), [
    ("0,0,0", b"SRING: 1"), ("1,0,0", b"SRING: 1,3"), ("2,0,0", b"SRING: 1,3,abc"), ("2,1,0", b"SRING: 1,3,616263"),
    ("3,0,0", b'SRING: "100.64.0.1",6969,1,3,0,abc'),
])
def test_how_data_is_told(online: Bench, settings: str, said: bytes) -> None:
    online.at(f"#SCFGEXT=1,{settings}")
    online.at("#SLUDP=1,1,6969")
    assert arrive(online, b"abc") == b"\r\n" + said + b"\r\n"


def test_hex(online: Bench) -> None:
    online.at("#SCFGEXT=1,1,1,0,0,1")
    online.at("#SLUDP=1,1,6969")
    arrive(online, b"\x00\xff")
    assert online.at("#SRECV=1,100") == b"\r\n#SRECV: 1,2\r\n00FF\r\n" + OK
    online.at('#SSENDUDPEXT=1,2,"100.64.0.1",6969')
    assert online.type(b"BEEF") == OK
    assert online.carrier.datagrams[-1][1].payload == b"\xbe\xef"


def test_a_tcp_listener(online: Bench) -> None:
    assert online.at("#SL=2,1,8080") == OK
    assert online.at("#SL=2,1,8080") == b"\r\n+CME ERROR: 564\r\n"
    assert online.at("#SS=2") == b"\r\n#SS: 2,4,100.64.7.8,8080\r\n" + OK
    incoming = online.carrier.connection(("100.64.7.8", 8080), ("198.19.1.1", 4000))
    incoming.handler = online.carrier.listeners[8080](incoming)
    assert online.heard() == b"\r\nSRING: 2\r\n"
    incoming.handler.received(b"hi")
    assert online.heard() == b""  # not accepted yet
    assert online.at("#SS=2") == b"\r\n#SS: 2,5,100.64.7.8,8080,198.19.1.1,4000\r\n" + OK
    assert online.at("#SA=2,1") == OK
    assert online.wait("1s") == b"\r\nSRING: 2\r\n"
    assert online.at("#SRECV=2,10") == b"\r\n#SRECV: 2,2\r\nhi\r\n" + OK
    assert online.at("#SL=2,0,8080") == OK
    assert online.carrier.listeners == {}


def test_who_listens_is_told(online: Bench) -> None:
    assert online.at("#SL?") == OK
    online.at("#SL=2,1,8080;#SL=3,1,8081;#SLUDP=1,1,6969")
    assert online.at("#SL?") == b"\r\n#SL: 2,8080,1\r\n#SL: 3,8081,1\r\n" + OK
    assert online.at("#SLUDP?") == b"\r\n#SLUDP: 1,6969,1\r\n" + OK


@pytest.mark.parametrize(("reason", "cause"), [(CloseReason.CLOSED_BY_PEER, 1), (CloseReason.RESET, 2)])
def test_why_a_connection_ended(online: Bench, reason: CloseReason, cause: int) -> None:
    connect(online).handler.closed(reason)
    assert online.heard() == b"\r\nNO CARRIER\r\n"
    assert online.at("#SLASTCLOSURE=1") == b"\r\n#SLASTCLOSURE: 1,%d\r\n" % cause + OK


def test_a_listener_may_go_online_by_itself(online: Bench) -> None:
    assert online.at("#SCFGEXT=2,0,0,0,1") == OK
    assert online.at("#SL=2,1,8080") == OK
    far = online.carrier.connection(("100.64.7.8", 8080), ("198.19.1.1", 4000))
    far.handler = online.carrier.listeners[8080](far)
    assert online.wait("100ms") == b"\r\nCONNECT\r\n"
    far.handler.received(b"hello")
    assert online.heard() == b"hello"
    online.type(b"world")
    assert far.sent == b"world"
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\nNO CARRIER\r\n"
    online.at("+COPS=?")  # the port is busy: then it rings
    far = online.carrier.connection(("100.64.7.8", 8080), ("198.19.1.1", 4001))
    far.handler = online.carrier.listeners[8080](far)
    assert b"SRING: 2" in online.wait("60s")
    assert online.at("#SA=2,0") == b"\r\nCONNECT\r\n"


def test_a_connection_without_data_is_closed_after_90_seconds_or_as_scfg_has_it(online: Bench) -> None:
    far = connect(online)
    online.wait("80s")
    far.handler.received(b"still here")
    assert online.wait("89s") == b"\r\nSRING: 1\r\n"
    assert not far.closed
    assert online.wait("2s") == b"\r\nNO CARRIER\r\n"
    assert far.closed
    assert online.at("#SLASTCLOSURE=1") == b"\r\n#SLASTCLOSURE: 1,3\r\n" + OK
    assert online.at("#SCFG=1,1,300,5,600,50") == OK
    far = connect(online, mode=0)
    online.wait("4s")
    online.type(b"x")
    assert online.wait("4s") == b""
    assert online.wait("2s") == b"\r\nNO CARRIER\r\n"
    assert (far.sent, far.closed) == (b"x", True)
    assert online.at("#SCFG=1,1,300,0,600,50") == OK
    far = connect(online)
    assert online.wait("1000s") == b""
    assert not far.closed


def test_a_connection_that_is_not_made_in_time_is_given_up(online: Bench) -> None:
    assert online.at("#SCFG=1,1,300,90,100,50") == OK
    assert online.at('#SD=1,0,80,"example.com",0,0,1', wait="9s") == b""
    assert online.wait("2s") == b"\r\n+CME ERROR: 559\r\n"
    assert online.carrier.connections[-1].closed
    assert online.at('#SD=1,0,80,"example.com"', wait="11s") == b"\r\nNO CARRIER\r\n"


def test_what_the_last_closure_was(online: Bench) -> None:
    far = connect(online, mode=0)
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    online.heard()
    assert online.at("#SLASTCLOSURE=1") == b"\r\n#SLASTCLOSURE: 1,1\r\n" + OK
    connect(online)
    assert online.at("#SLASTCLOSURE=1") == b"\r\n#SLASTCLOSURE: 1,0\r\n" + OK
    assert online.at("#SH=1") == OK
    assert online.at("#SLASTCLOSURE=1") == b"\r\n#SLASTCLOSURE: 1,0\r\n" + OK  # a command did it
    connect(online)
    online.modem.session_lost(1)
    assert online.heard() == b"\r\nNO CARRIER\r\n"
    assert online.at("#SLASTCLOSURE").startswith(b"\r\n#SLASTCLOSURE: 1,4\r\n#SLASTCLOSURE: 2,0\r\n")


def test_data_that_is_no_hex_ends_the_command(online: Bench) -> None:
    online.at("#SCFGEXT=1,0,0,0,0,1")
    connect(online)
    assert online.at("#SSEND=1") == b"\r\n> "
    assert online.type(b"xyz\x1a") == b"\r\n+CME ERROR: 50\r\n"
    assert online.at("") == OK


def test_online_mode(online: Bench) -> None:
    far = connect(online, mode=0)
    online.type(b"GET /\r\n")
    far.handler.received(b"200")
    assert (far.sent, online.heard()) == (b"GET /\r\n", b"200")
    online.wait("2s")
    online.type(b"+++")
    assert online.wait("2s") == OK
    far.handler.received(b"more")
    assert online.heard() == b"\r\nSRING: 1\r\n"
    assert online.at("#SS=1") == b"\r\n#SS: 1,3,100.64.7.8,49152,192.0.2.1,80\r\n" + OK
    assert online.at("#SO=1", wait="1s") == b"\r\nCONNECT\r\nmore"
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\nNO CARRIER\r\n"


def test_errors(bench: Bench) -> None:
    assert bench.at('#SD=1,0,80,"example.com",0,0,1') == b"\r\n+CME ERROR: 556\r\n"
    bench.at('+CGDCONT=1,"IP","super"')
    bench.at("#SGACT=1,1", wait="1s")
    assert bench.at('#SD=1,0,80,"no.such.host",0,0,1', wait="1s") == b"\r\n+CME ERROR: 558\r\n"
    assert bench.at('#SD=1,0,80,"no.such.host",0,0', wait="1s") == b"\r\nNO CARRIER\r\n"
    for reason, number in ((CloseReason.REFUSED, 562), (CloseReason.TIMED_OUT, 559)):
        bench.at('#SD=1,0,80,"192.0.2.1",0,0,1', wait="1s")
        bench.carrier.connections[-1].handler.closed(reason)
        assert bench.heard() == b"\r\n+CME ERROR: %d\r\n" % number
    for command in ("#SSEND=1", "#SRECV=1,1", "#SO=1", "#SA=1"):
        assert bench.at(command) == WRONG_STATE, command


def test_names_and_echo_requests(online: Bench) -> None:
    assert online.at('#QDNS="example.com"', wait="1s") == b'\r\n#QDNS: "example.com","192.0.2.1"\r\n' + OK
    assert online.at('#QDNS="no.such.host"', wait="1s") == b'\r\n#QDNS: "no.such.host","NOT SOLVED"\r\n' + OK
    assert online.at('#PING="example.com",2', wait="2s") == (
        b'\r\n#PING: 01,"192.0.2.1",1,128\r\n#PING: 02,"192.0.2.1",1,128\r\n' + OK)
    assert online.at('#PING="192.0.2.9",1,32,5', wait="2s") == b'\r\n#PING: 01,"192.0.2.9",600,255\r\n' + OK


def test_identity_card_network_and_clock(bench: Bench) -> None:
    assert bench.at("#CGMI;#CGMM;#CCID") == (b"\r\n#CGMI: Telit\r\n\r\n#CGMM: ME910C1-WW\r\n"
                                             b"\r\n#CCID: 89883070000000000017\r\n" + OK)
    assert bench.at("#CIMI") == b"\r\n#CIMI: 310170845466094\r\n" + OK
    assert bench.at("#PCT") == b"\r\n#PCT: 3\r\n" + OK
    assert bench.at("#RFSTS") == (b'\r\n#RFSTS: "310 410",5110,-93,-73,-10,2F0B,01,,64,19,0,0A1B2C3,'
                                  b'"310170845466094","AT&T Mobility",3,12\r\n' + OK)
    assert bench.at("#WS46=0;#WS46?") == b"\r\n#WS46: 0,0\r\n" + OK
    assert bench.at("#PSNT=1;#PSNT?") == b"\r\n#PSNT: 1,4\r\n" + OK
    assert bench.at("#QSS=2;#QSS?") == b"\r\n#QSS: 2,3\r\n" + OK
    bench.at("#NITZ=7,1")
    card = bench.modem.remove_sim()
    assert bench.heard() == b"\r\n#PSNT: 5\r\n\r\n#QSS: 0\r\n"
    bench.modem.insert_sim(card)
    said = bench.wait("10s")
    assert said.startswith(b"\r\n#QSS: 1\r\n\r\n#QSS: 2\r\n\r\n#QSS: 3\r\n\r\n#NITZ: ")
    assert said.endswith(b"\r\n#PSNT: 4\r\n")
    assert bench.at("#CCLK?").startswith(b'\r\n#CCLK: "')


def test_power(bench: Bench) -> None:
    assert bench.at("#REBOOT", wait="5s") == OK  # and not a word when it comes back
    assert bench.modem.powered
    bench.at("E0")
    assert bench.at("#SHDN", wait="1s") == OK
    assert not bench.modem.powered


def test_the_card_can_be_kept_for_the_client(bench: Bench) -> None:
    assert bench.at("+CSIM=1;+CSIM=10,\"0020000100\";+CSIM=0") == b'\r\n+CSIM: 4,"63C3"\r\n' + OK
    assert bench.at("+CSIM=2") == b"\r\n+CME ERROR: 50\r\n"
