"""SIMCom SIM7600, byte for byte: what client libraries send to it, and what they must get."""

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
GATEWAY = ("100.64.0.1", 6969)


@pytest.fixture
def bench(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> Bench:
    made = make_bench(profile="SIM7600", sim=make_card())
    made.heard()
    return made


@pytest.fixture
def online(bench: Bench) -> Bench:
    assert bench.at('+CGDCONT=1,"IP","super","0.0.0.0",0,0') == OK
    assert bench.at("+NETOPEN", wait="1s") == OK + b"\r\n+NETOPEN: 0\r\n"
    return bench


def arrive(bench: Bench, payload: bytes, port: int = 6969) -> bytes:
    bench.modem.datagram_received(1, Datagram(source=GATEWAY, destination=("100.64.7.8", port), payload=payload))
    return bytes(bench.heard())


def connect(bench: Bench, link: int = 0) -> Any:
    assert bench.at(f'+CIPOPEN={link},"TCP","example.com",80', wait="1s") == OK
    far = bench.carrier.connections[-1]
    assert far.remote == ("192.0.2.1", 80)
    far.handler.connected()
    assert bench.heard() == b"\r\n+CIPOPEN: %d,0\r\n" % link
    return far


def test_boot_banner_and_identity(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(profile="SIM7600", sim=make_card(), boot=False)
    bench.modem.power_on()
    assert bench.wait("10s") == b"\r\nRDY\r\n\r\n+CPIN: READY\r\n\r\nSMS DONE\r\n\r\nPB DONE\r\n"
    bench.at("E0")
    assert bench.at("I") == (b"\r\nManufacturer: SIMCOM INCORPORATED\r\nModel: SIMCOM_SIM7600G-H\r\n"
                             b"Revision: LE20B04SIM7600G22\r\nIMEI: %s\r\n+GCAP: +CGSM,+FCLASS,+DS\r\n"
                             % bench.modem.imei.encode() + OK)
    assert bench.at("+CGMR") == b"\r\n+CGMR: LE20B04SIM7600G22\r\n" + OK
    assert bench.at("+CBC") == b"\r\n+CBC: 3.800V\r\n" + OK
    assert bench.at("+CICCID") == b"\r\n+ICCID: 89883070000000000017\r\n" + OK
    assert bench.at("+SPIC") == b"\r\n+SPIC: 3,10,3,10\r\n" + OK


def test_what_tinygsm_sends_to_get_a_network(bench: Bench) -> None:
    assert bench.at("+NETCLOSE") == b"\r\n+NETCLOSE: 2\r\n" + ERROR
    for command in ('+CGDCONT=1,"IP","super","0.0.0.0",0,0', "+CIPMODE=0", "+CIPSENDMODE=0",
                    "+CIPCCFG=10,0,0,0,1,0,75000", "+CIPTIMEOUT=75000,15000,15000"):
        assert bench.at(command) == OK, command
    assert bench.at("+NETOPEN?") == b"\r\n+NETOPEN: 0\r\n" + OK
    assert bench.at("+IPADDR") == b"\r\n+IP ERROR: Network not opened\r\n" + ERROR
    assert bench.at("+NETOPEN", wait="1s") == OK + b"\r\n+NETOPEN: 0\r\n"
    assert bench.at("+NETOPEN?") == b"\r\n+NETOPEN: 1\r\n" + OK
    assert bench.at("+IPADDR") == b"\r\n+IPADDR: 100.64.7.8\r\n" + OK
    assert bench.at("+NETOPEN") == b"\r\n+IP ERROR: Network is already opened\r\n" + ERROR
    assert bench.at("+NETCLOSE", wait="1s") == OK + b"\r\n+NETCLOSE: 0\r\n"


def test_tcp_as_tinygsm_has_it(online: Bench) -> None:
    assert online.at("+CIPRXGET=1") == OK
    far = connect(online)
    assert online.at("+CIPSEND=0,4") == b"\r\n>"
    assert online.type(b"ping") == OK
    assert online.wait("1s") == b"\r\n+CIPSEND: 0,4,4\r\n"
    assert far.sent == b"ping"
    far.handler.received(b"0123456789")
    assert online.heard() == b"\r\n+CIPRXGET: 1,0\r\n"
    far.handler.received(b"ab")
    assert online.heard() == b""  # once until it was read
    assert online.at("+CIPRXGET=4,0") == b"\r\n+CIPRXGET: 4,0,12\r\n" + OK
    assert online.at("+CIPRXGET=2,0,4") == b"\r\n+CIPRXGET: 2,0,4,8\r\n0123\r\n" + OK
    assert online.at("+CIPRXGET=3,0,4") == b"\r\n+CIPRXGET: 3,0,4,4\r\n34353637\r\n" + OK
    assert online.at("+CIPRXGET=2,0") == b"\r\n+CIPRXGET: 2,0,4,0\r\n89ab\r\n" + OK
    assert online.at("+CIPRXGET=2,0,4") == b"\r\n+IP ERROR: No data\r\n" + ERROR
    assert online.at("+CIPCLOSE?") == b"\r\n+CIPCLOSE: 1,0,0,0,0,0,0,0,0,0\r\n" + OK
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\n+IPCLOSE: 0,1\r\n"
    assert online.at("+CIPCLOSE?") == b"\r\n+CIPCLOSE: 0,0,0,0,0,0,0,0,0,0\r\n" + OK
    assert online.at("+CIPCLOSE=0") == b"\r\n+CIPCLOSE: 0,3\r\n" + ERROR


def test_ip_commands(online: Bench) -> None:
    online.at("+CIPRXGET=1")
    assert online.at('+CIPOPEN=1,"UDP",,,6969', wait="1s") == b"\r\n+CIPOPEN: 1,0\r\n" + OK
    assert arrive(online, b"LED\r\nON") == b"\r\n+CIPRXGET: 1,1\r\n"
    assert online.at("+CIPRXGET=2,1,100") == b"\r\n+CIPRXGET: 2,1,7,0\r\nLED\r\nON\r\n" + OK
    assert online.at('+CIPSEND=1,5,"100.64.0.1",6969') == b"\r\n>"
    assert online.type(b"21.5C") == OK
    assert online.wait("1s") == b"\r\n+CIPSEND: 1,5,5\r\n"
    assert online.carrier.datagrams == [(1, Datagram(source=("100.64.7.8", 6969), destination=GATEWAY,
                                                     payload=b"21.5C"))]
    assert online.at('+CIPSEND=1,,"100.64.0.1",6969') == b"\r\n>"
    assert online.type(b"until Ctrl-Z\x1a") == OK
    assert online.carrier.datagrams[-1][1].payload == b"until Ctrl-Z"
    assert online.wait("1s") == b"\r\n+CIPSEND: 1,12,12\r\n"
    assert b'\r\n+CIPOPEN: 1,"UDP","",0,6969\r\n+CIPOPEN: 2\r\n' in online.at("+CIPOPEN?")
    assert online.at("+CIPCLOSE=1", wait="1s") == OK + b"\r\n+CIPCLOSE: 1,0\r\n"


@pytest.mark.parametrize(("settings", "head"), [
    ((), b"RECV FROM:100.64.0.1:6969\r\n+IPD5\r\n"),
    (("+CIPSRIP=0",), b"+IPD5\r\n"),
    (("+CIPSRIP=0", "+CIPHEAD=0"), b""),
    (("+CIPCCFG=10,0,0,0,1",), b"RECV FROM:100.64.0.1:6969\r\n+RECEIVE,1,5:\r\n"),
])
def test_push_mode(online: Bench, settings: tuple[str, ...], head: bytes) -> None:
    for setting in settings:
        assert online.at(setting) == OK
    online.at('+CIPOPEN=1,"UDP",,,6969', wait="1s")
    assert arrive(online, b"hello") == b"\r\n" + head + b"hello\r\n"
    assert online.at("+CIPRXGET=2,1,5") == b"\r\n+IP ERROR: Not manual get mode\r\n" + ERROR


def test_a_server(online: Bench) -> None:
    online.at("+CIPRXGET=1")
    assert online.at("+SERVERSTART=8080,0", wait="1s") == OK
    assert online.at("+SERVERSTART?") == b"\r\n+SERVERSTART: 0,8080\r\n" + OK
    incoming = online.carrier.connection(("100.64.7.8", 8080), ("198.19.1.1", 4000))
    incoming.handler = online.carrier.listeners[8080](incoming)
    assert online.heard() == b"\r\n+CLIENT: 0,0,198.19.1.1:4000\r\n"
    incoming.handler.received(b"hi")
    assert online.heard() == b"\r\n+CIPRXGET: 1,0\r\n"
    assert online.at("+CIPOPEN?").startswith(b'\r\n+CIPOPEN: 0,"TCP","198.19.1.1",4000,0\r\n+CIPOPEN: 1\r\n')
    assert online.at("+SERVERSTOP=0") == b"\r\n+SERVERSTOP: 0,0\r\n" + OK
    assert 8080 not in online.carrier.listeners


def test_outcomes_by_number(bench: Bench) -> None:
    assert bench.at('+CIPOPEN=0,"TCP","example.com",80') == b"\r\n+CIPOPEN: 0,2\r\n" + ERROR
    bench.at('+CGDCONT=1,"IP","super"')
    bench.at("+NETOPEN", wait="1s")
    assert bench.at('+CIPOPEN=0,"TCP","no.such.host",80', wait="1s") == OK + b"\r\n+CIPOPEN: 0,12\r\n"
    for reason, number in ((CloseReason.REFUSED, 1), (CloseReason.TIMED_OUT, 11)):
        bench.at('+CIPOPEN=0,"TCP","192.0.2.1",80', wait="1s")
        bench.carrier.connections[-1].handler.closed(reason)
        assert bench.heard() == b"\r\n+CIPOPEN: 0,%d\r\n" % number
    bench.at('+CIPOPEN=1,"UDP",,,6969', wait="1s")
    assert bench.at('+CIPOPEN=1,"UDP",,,6970') == b"\r\n+CIPOPEN: 1,4\r\n" + ERROR
    assert bench.at('+CIPOPEN=2,"SCTP","h",1') == b"\r\n+CIPOPEN: 2,3\r\n" + ERROR
    assert bench.at('+CIPOPEN=2,"UDP",,,6969', wait="1s") == b"\r\n+CIPOPEN: 2,7\r\n" + ERROR


def test_the_network_ends_the_service(online: Bench) -> None:
    online.at('+CIPOPEN=1,"UDP",,,6969', wait="1s")
    online.modem.session_lost(1)
    assert online.heard() == b"\r\n+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n"
    assert online.at("+NETOPEN?") == b"\r\n+NETOPEN: 0\r\n" + OK
    assert online.at("+CIPSEND=1,1") == b"\r\n+CIPSEND: 1,2\r\n" + ERROR


def test_transparent_mode(online: Bench) -> None:
    assert online.at("+CIPMODE=1") == OK
    assert online.at('+CIPOPEN=0,"TCP","192.0.2.1",80', wait="1s") == b""
    far = online.carrier.connections[-1]
    far.handler.connected()
    assert online.heard() == b"\r\nCONNECT 115200\r\n"
    online.type(b"GET / HTTP/1.0\r\n")
    assert far.sent == b"GET / HTTP/1.0\r\n"
    online.wait("2s")
    online.type(b"+++")
    assert online.wait("2s") == OK
    assert online.at("O") == b"\r\nCONNECT\r\n"
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\nCLOSED\r\n"


def test_a_connection_in_command_mode_between_two_times_of_transparent_mode(online: Bench) -> None:
    online.at("+CIPRXGET=1;+CIPMODE=1")
    online.at('+CIPOPEN=0,"TCP","192.0.2.1",80', wait="1s")
    far = online.carrier.connections[-1]
    far.handler.connected()
    online.wait("2s")
    online.heard()
    online.type(b"+++")
    assert online.wait("2s") == OK
    far.handler.received(b"abc")
    assert online.heard() == b"\r\n+CIPRXGET: 1,0\r\n"
    assert online.at("+CIPRXGET=2,0,1") == b"\r\n+CIPRXGET: 2,0,1,2\r\na\r\n" + OK
    assert online.at("O") == b"\r\nCONNECT\r\nbc"
    online.wait("2s")
    online.type(b"+++")
    online.wait("2s")
    far.handler.closed(CloseReason.TIMED_OUT)
    assert online.heard() == b"\r\n+IPCLOSE: 0,2\r\n"
    assert online.at("O") == b"\r\nNO CARRIER\r\n"


def test_what_was_acknowledged(online: Bench) -> None:
    online.at('+CIPOPEN=0,"TCP","192.0.2.1",80', wait="1s")
    far = online.carrier.connections[-1]
    far.handler.connected()
    online.heard()
    online.at("+CIPSEND=0,4")
    online.type(b"ping")
    far.handler.received(b"pong!")
    online.wait("10ms")
    assert online.at("+CIPACK=0") == b"\r\n+CIPACK: 4,4,5\r\n" + OK
    assert online.at("+CIPACK=1") == b"\r\n+CIPACK: 1,4\r\n" + ERROR
    assert online.at("+CTCPKA=1,5,3,1") == OK
    assert online.at("+CTCPKA?") == b"\r\n+CTCPKA: 1,5,3,1\r\n" + OK


def test_names_echo_requests_and_time(online: Bench) -> None:
    assert online.at('+CDNSGIP="example.com"', wait="1s") == b'\r\n+CDNSGIP: 1,"example.com","192.0.2.1"\r\n' + OK
    assert online.at('+CDNSGIP="no.such.host"', wait="1s") == b"\r\n+CDNSGIP: 0,10\r\n" + ERROR
    assert online.at('+CPING="example.com",1,2,64,1000,10000,255', wait="10s") == (
        OK + b"\r\n+CPING: 1,192.0.2.1,64,80,255\r\n" * 2 + b"\r\n+CPING: 3,2,2,0,80,80,80\r\n")
    assert online.at('+CNTP="no.such.host",0') == OK
    assert online.at("+CNTP", wait="10s") == OK + b"\r\n+CNTP: 5\r\n"


def test_card_and_power(bench: Bench) -> None:
    card = bench.modem.remove_sim()
    assert bench.heard().endswith(b"\r\n+SIMCARD: NOT AVAILABLE\r\n")
    assert bench.at("+CMEE=2;+CPIN?") == b"\r\n+CME ERROR: SIM not inserted\r\n"
    bench.modem.insert_sim(card)
    assert bench.wait("5s").startswith(b"\r\n+SIMCARD: AVAILABLE\r\n\r\n+CPIN: READY\r\n")
    assert bench.at("+CRESET", wait="10s").startswith(OK + b"\r\nRDY\r\n")
    bench.at("E0")
    assert bench.at("+CPOF", wait="1s") == OK
    assert not bench.modem.powered


def test_a_connection_that_is_not_made_in_time_is_given_up(online: Bench) -> None:
    assert online.at("+CIPTIMEOUT=30000,10000,30000") == OK
    assert online.at('+CIPOPEN=1,"TCP","example.com",80', wait="9s") == OK
    assert online.wait("2s") == b"\r\n+CIPOPEN: 1,11\r\n"
    assert online.carrier.connections[-1].closed
    connect(online, 1)


def test_levels_are_told_in_tenths(bench: Bench) -> None:
    assert bench.at("+CPSI?") == (b"\r\n+CPSI: LTE,Online,310-410,0x2F0B,10597059,257,EUTRAN-BAND12,5110,3,3,"
                                  b"-100,-930,-730,15\r\n" + OK)


def test_signal_is_told_where_asked_for(bench: Bench) -> None:
    assert bench.at("+AUTOCSQ=1,1;+AUTOCSQ?;+CLCC=1;+CLCC?;+CLCC") == (
        b"\r\n+AUTOCSQ: 1,1\r\n\r\n+CLCC: 1\r\n" + OK)
    assert bench.at("+CSPN?") == b'\r\n+CSPN: "Twilio",0\r\n' + OK
    bench.at("+COPS=2")
    assert b"\r\n+CSQ: 20,99\r\n" in bench.at("+COPS=0", wait="5s")
