"""u-blox SARA-R4 and SARA-R5, byte for byte: what client libraries send to them, and what they must get."""

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
NOT_ALLOWED = b"\r\n+CME ERROR: 3\r\n"
GATEWAY = ("100.64.0.1", 6969)


@pytest.fixture
def bench(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> Bench:
    made = make_bench(profile="SARA-R4", sim=make_card())
    made.heard()
    return made


@pytest.fixture
def online(bench: Bench) -> Bench:
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("+CGACT=1,1", wait="1s") == OK
    return bench


@pytest.fixture
def r5(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> Bench:
    made = make_bench(profile="SARA-R5", sim=make_card())
    made.heard()
    made.at('+CGDCONT=1,"IP","super"')
    return made


def arrive(bench: Bench, payload: bytes, port: int = 6969, source: tuple[str, int] = GATEWAY) -> bytes:
    bench.modem.datagram_received(1, Datagram(source=source, destination=("100.64.7.8", port), payload=payload))
    return bytes(bench.heard())


def connect(bench: Bench) -> Any:
    assert bench.at("+USOCR=6") == b"\r\n+USOCR: 0\r\n" + OK
    assert bench.at("+USOSO=0,6,1,1") == OK
    assert bench.at('+USOCO=0,"example.com",80', wait="1s") == b""
    far = bench.carrier.connections[-1]
    assert far.remote == ("192.0.2.1", 80)
    far.handler.connected()
    assert bench.heard() == OK
    return far


def test_a_socket_needs_no_more_than_an_access_point(bench: Bench) -> None:
    """Hologram's SDK: the context is named after the registration, and never activated."""
    bench.at('+CGDCONT=1,"IP","super"')
    bench.wait("1s")
    connect(bench)


def test_tcp_as_tinygsm_has_it(online: Bench) -> None:
    far = connect(online)
    assert online.at("+USOWR=0,4") == b"\r\n@"
    assert online.type(b"ping") == b"\r\n+USOWR: 0,4\r\n" + OK
    assert far.sent == b"ping"
    far.handler.received(b"0123456789")
    assert online.heard() == b"\r\n+UUSORD: 0,10\r\n"
    assert online.at("+USORD=0,0") == b"\r\n+USORD: 0,10\r\n" + OK
    assert online.at("+USORD=0,4") == b'\r\n+USORD: 0,4,"0123"\r\n' + OK
    assert online.wait("1s") == b"\r\n+UUSORD: 0,6\r\n"  # there is more
    assert online.at("+USORD=0,100") == b'\r\n+USORD: 0,6,"456789"\r\n' + OK
    assert online.at("+USORD=0,100") == b'\r\n+USORD: 0,0,""\r\n' + OK
    assert online.at("+USOCTL=0,10") == b"\r\n+USOCTL: 0,10,4\r\n" + OK
    far.handler.received(b"bye")
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\n+UUSORD: 0,3\r\n"  # that it is closed is told when all was read
    assert online.at("+USOWR=0,4") == NOT_ALLOWED
    assert online.at("+USORD=0,3", wait="10ms") == b'\r\n+USORD: 0,3,"bye"\r\n' + OK + b"\r\n+UUSOCL: 0\r\n"
    assert online.at("+USOCTL=0,10") == NOT_ALLOWED  # it is gone with its data
    assert online.at("+USOCL=0") == NOT_ALLOWED


def test_ip_commands_as_mbed_and_ubxlib_have_them(online: Bench) -> None:
    assert online.at("+USOCR=17") == b"\r\n+USOCR: 0\r\n" + OK
    assert online.at("+USOLI=0,6969") == OK
    assert arrive(online, b'LED "ON"\r\n') == b"\r\n+UUSORF: 0,10\r\n"
    assert online.at("+USORF=0,0") == b"\r\n+USORF: 0,10\r\n" + OK
    assert online.at("+USORF=0,1024") == b'\r\n+USORF: 0,"100.64.0.1",6969,10,"LED "ON"\r\n"\r\n' + OK
    assert online.at('+USOST=0,"100.64.0.1",6969,5') == b"\r\n@"
    assert online.type(b"21.5C") == b"\r\n+USOST: 0,5\r\n" + OK
    assert online.at('+USOST=0,"100.64.0.1",6969,3,"abc"') == b"\r\n+USOST: 0,3\r\n" + OK
    assert [sent.payload for _, sent in online.carrier.datagrams] == [b"21.5C", b"abc"]
    assert online.carrier.datagrams[0][1].source == ("100.64.7.8", 6969)
    assert online.at("+USOCTL=0,0;+USOCTL=0,2;+USOCTL=0,3") == (
        b"\r\n+USOCTL: 0,0,17\r\n\r\n+USOCTL: 0,2,8\r\n\r\n+USOCTL: 0,3,10\r\n" + OK)
    assert online.at("+USOCL=0") == OK
    assert online.at("+USOCR=17,7000") == b"\r\n+USOCR: 0\r\n" + OK
    assert arrive(online, b"x", 7000) == b"\r\n+UUSORF: 0,1\r\n"


def test_hex_mode(online: Bench) -> None:
    assert online.at("+UDCONF=1,1") == OK
    assert online.at("+UDCONF=1") == b"\r\n+UDCONF: 1,1\r\n" + OK
    online.at("+USOCR=17,6969")
    arrive(online, b"\x00\x01\xff")
    assert online.at("+USORF=0,512") == b'\r\n+USORF: 0,"100.64.0.1",6969,3,"0001FF"\r\n' + OK
    assert online.at('+USOST=0,"100.64.0.1",6969,2,"BEEF"') == b"\r\n+USOST: 0,2\r\n" + OK
    assert online.carrier.datagrams[-1][1].payload == b"\xbe\xef"
    assert online.at('+USOST=0,"100.64.0.1",6969,3,"BEEF"') == NOT_ALLOWED
    assert online.at("+USOER") == b"\r\n+USOER: 22\r\n" + OK


def test_a_udp_socket_with_a_peer(online: Bench) -> None:
    online.at("+USOCR=17,6969")
    assert online.at('+USOCO=0,"example.com",53', wait="1s") == OK
    assert online.at("+USOCTL=0,4") == b'\r\n+USOCTL: 0,4,"192.0.2.1",53\r\n' + OK
    assert arrive(online, b"x") == b""  # from somebody else
    assert arrive(online, b"y", source=("192.0.2.1", 53)) == b"\r\n+UUSORF: 0,1\r\n"
    online.at("+USOWR=0,1")
    assert online.type(b"z") == b"\r\n+USOWR: 0,1\r\n" + OK
    assert online.carrier.datagrams[-1][1].destination == ("192.0.2.1", 53)


def test_a_listener(online: Bench) -> None:
    online.at("+USOCR=6")
    assert online.at("+USOLI=0,8080") == OK
    assert online.at("+USOCTL=0,10") == b"\r\n+USOCTL: 0,10,1\r\n" + OK
    incoming = online.carrier.connection(("100.64.7.8", 8080), ("198.19.1.1", 4000))
    incoming.handler = online.carrier.listeners[8080](incoming)
    assert online.heard() == b'\r\n+UUSOLI: 1,"198.19.1.1",4000,0,"100.64.7.8",8080\r\n'
    incoming.handler.received(b"hi")
    assert online.heard() == b"\r\n+UUSORD: 1,2\r\n"


def test_errors(bench: Bench) -> None:
    assert bench.at("+USOCR=17") == NOT_ALLOWED  # no context
    assert bench.at("+USOER") == b"\r\n+USOER: 107\r\n" + OK
    bench.at('+CGDCONT=1,"IP","super"')
    bench.at("+CGACT=1,1", wait="1s")
    for number in range(7):
        assert bench.at("+USOCR=6") == b"\r\n+USOCR: %d\r\n" % number + OK
    assert bench.at("+USOCR=6") == NOT_ALLOWED
    assert bench.at("+USOWR=0,4") == NOT_ALLOWED  # not connected
    assert bench.at('+USOCO=0,"no.such.host",80', wait="1s") == NOT_ALLOWED
    assert bench.at("+USOER") == b"\r\n+USOER: 2\r\n" + OK
    assert bench.at("+USOCTL=0,10") == b"\r\n+USOCTL: 0,10,0\r\n" + OK  # MKRNB and others close it now
    assert bench.at("+USOCL=0,1", wait="10ms") == OK + b"\r\n+UUSOCL: 0\r\n"
    assert bench.at("+USOCL=0") == NOT_ALLOWED
    bench.at('+USOCO=1,"192.0.2.1",80', wait="1s")
    bench.carrier.connections[-1].handler.closed(CloseReason.REFUSED)
    assert bench.heard() == NOT_ALLOWED
    assert bench.at("+USOER") == b"\r\n+USOER: 111\r\n" + OK
    assert bench.at('+USOCO=2,"192.0.2.1",80,1') == OK
    bench.wait("1s")
    bench.carrier.connections[-1].handler.connected()
    assert bench.heard() == b"\r\n+UUSOCO: 2,0\r\n"


def test_a_connection_closes_while_data_is_waited_for(online: Bench) -> None:
    far = connect(online)
    assert online.at("+USOWR=0,4") == b"\r\n@"
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == NOT_ALLOWED + b"\r\n+UUSOCL: 0\r\n"
    assert online.at("") == OK


def test_a_failed_connection_can_be_tried_again(online: Bench) -> None:
    online.at("+USOCR=6,7000")
    online.at('+USOCO=0,"192.0.2.1",80', wait="1s")
    online.carrier.connections[-1].handler.closed(CloseReason.TIMED_OUT)
    assert online.heard() == NOT_ALLOWED
    online.at('+USOCO=0,"192.0.2.1",80', wait="1s")
    assert online.carrier.connections[-1].local == ("100.64.7.8", 7000)
    online.carrier.connections[-1].handler.connected()
    assert online.heard() == OK
    assert online.at("+USOCTL=0,10") == b"\r\n+USOCTL: 0,10,4\r\n" + OK


def test_closing_that_is_told_later(online: Bench) -> None:
    connect(online)
    assert online.at("+USOCL=0,1", wait="10ms") == OK + b"\r\n+UUSOCL: 0\r\n"
    online.at("+USOCR=17")
    assert online.at("+USOCL=0,1", wait="10ms") == OK  # of connections only


def test_datagrams_to_a_name(online: Bench) -> None:
    online.at("+USOCR=17")
    assert online.at('+USOST=0,"example.com",53,2', wait="1s") == b"\r\n@"
    assert online.type(b"hi") == b"\r\n+USOST: 0,2\r\n" + OK
    assert online.carrier.datagrams[-1][1].destination == ("192.0.2.1", 53)
    assert online.at('+USOST=0,"no.such.host",53,2', wait="1s") == NOT_ALLOWED
    assert online.at("+USOER") == b"\r\n+USOER: 2\r\n" + OK
    assert online.at('+USOST=0,"192.0.2.1",53,2000') == b"\r\n+CME ERROR: 50\r\n"


def test_security_is_off_and_stays_off(online: Bench) -> None:
    online.at("+USOCR=6")
    assert online.at("+USOSEC=0,0") == OK
    assert online.at("+USOSEC=0") == b"\r\n+USOSEC: 0,0\r\n" + OK
    assert online.at("+USOSEC=0,1,0") == b"\r\n+CME ERROR: 4\r\n"


def test_texts_of_errors_begin_as_mkrnb_expects(bench: Bench, r5: Bench) -> None:
    bench.at("+CMEE=2")
    assert bench.at("+USORD=0,512") == b"\r\n+CME ERROR: Operation not allowed\r\n"
    r5.at("+CMEE=2")
    assert r5.at("+USORD=0,512") == b"\r\n+CME ERROR: operation not allowed\r\n"


def test_direct_link(online: Bench) -> None:
    far = connect(online)
    assert online.at("+USODL=0") == b"\r\nCONNECT\r\n"
    online.type(b"AT\r")
    far.handler.received(b"raw")
    assert (far.sent, online.heard()) == (b"AT\r", b"raw")
    online.wait("2s")
    online.type(b"+++")
    assert online.wait("2s") == b"\r\nDISCONNECT\r\n"
    far.handler.received(b"later")
    assert online.heard() == b"\r\n+UUSORD: 0,5\r\n"
    assert online.at("+USOCTL=0,10") == b"\r\n+USOCTL: 0,10,4\r\n" + OK
    online.at("+USODL=0")
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard().endswith(b"\r\nDISCONNECT\r\n")


def test_names_and_echo_requests(online: Bench) -> None:
    assert online.at('+UDNSRN=0,"example.com"', wait="1s") == b'\r\n+UDNSRN: "192.0.2.1"\r\n' + OK
    assert online.at('+UDNSRN=0,"no.such.host"', wait="1s") == ERROR
    assert online.at('+UDNSRN=0,"example.com",1', wait="1s") == OK + b'\r\n+UUDNSRN: 0,"192.0.2.1"\r\n'
    assert online.at('+UDNSRN=0,"no.such.host",1', wait="1s") == OK + b"\r\n+UUDNSRN: -1\r\n"
    assert online.at('+UPING="example.com",1', wait="2s") == (
        OK + b'\r\n+UUPING: 1,32,"example.com","192.0.2.1",32,80\r\n')
    assert online.at('+UPING="no.such.host"', wait="2s") == OK + b"\r\n+UUPINGER: 2\r\n"


def test_the_network_ends_the_context(online: Bench) -> None:
    online.at("+USOCR=17,6969")
    online.modem.session_lost(1)
    assert online.heard() == b"\r\n+UUSOCL: 0\r\n"


def test_profiles_of_the_r5(r5: Bench) -> None:
    assert r5.at("+USOCR=17") == NOT_ALLOWED  # +UPSDA first, whatever +CGACT says
    assert r5.at("+UPSND=0,0") == NOT_ALLOWED
    assert r5.at("+UPSDA=0,4") == NOT_ALLOWED
    assert r5.at("+UPSD=0,0,0;+UPSD=0,100,1") == OK
    assert r5.at("+UPSD=0,100") == b"\r\n+UPSD: 0,100,1\r\n" + OK
    assert r5.at("+UPSD=0,1") == b'\r\n+UPSD: 0,1,"super"\r\n' + OK
    assert r5.at("+UPSDA=0,3", wait="1s") == OK + b'\r\n+UUPSDA: 0,"100.64.7.8"\r\n'
    assert r5.at("+UPSND=0,0") == b'\r\n+UPSND: 0,0,"100.64.7.8"\r\n' + OK
    assert r5.at("+UPSND=0,8") == b"\r\n+UPSND: 0,8,1\r\n" + OK
    assert r5.at("+USOCR=17,6969") == b"\r\n+USOCR: 0\r\n" + OK
    assert arrive(r5, b"x") == b"\r\n+UUSORF: 0,1\r\n"
    r5.modem.session_lost(1)
    assert r5.heard() == b"\r\n+UUSOCL: 0\r\n\r\n+UUPSDD: 0\r\n"
    assert r5.at("+UPSND=0,8") == b"\r\n+UPSND: 0,8,0\r\n" + OK


def test_the_r4_has_no_profiles(bench: Bench) -> None:
    assert bench.at("+UPSDA=0,3") == ERROR


def test_card_network_and_power(bench: Bench) -> None:
    assert bench.at("+CCID") == b"\r\n+CCID: 89883070000000000017\r\n" + OK
    assert bench.at("+UPINCNT") == b"\r\n+UPINCNT: 3,3,10,10\r\n" + OK
    assert bench.at("+UCGED=5;+UCGED?") == b'\r\n+RSRP: 257,5110,"-93.00"\r\n+RSRQ: 257,5110,"-10.00"\r\n' + OK
    assert bench.at("+URAT=7,8;+URAT?") == b"\r\n+URAT: 7,8\r\n" + OK
    assert bench.at("+UMNOPROF=100;+UPSV=4;+UPSV?") == b"\r\n+UPSV: 4,2000\r\n" + OK
    assert bench.at("+USIMSTAT=1") == OK
    bench.modem.remove_sim()
    assert bench.heard().endswith(b"\r\n+UUSIMSTAT: 0\r\n")
    assert bench.at("+CFUN=15", wait="1s") == OK
    assert bench.wait("10s") == b""  # no banner
    assert bench.at("+UMNOPROF?").endswith(b"\r\n+UMNOPROF: 100\r\n" + OK)  # kept over the restart
    bench.at("E0")
    assert bench.at("+CPWROFF", wait="1s") == OK
    assert not bench.modem.powered


def test_greeting_text(bench: Bench) -> None:
    assert bench.at('+CSGT=1,"hello there"') == OK
    assert bench.at("+CSGT?") == b'\r\n+CSGT: "hello there",1\r\n' + OK
    bench.modem.reboot()
    assert bench.wait("5s") == b"\r\nhello there\r\n"
    bench.at("E0")
    bench.at("+CSGT=0")
    bench.modem.reboot()
    assert bench.wait("5s") == b""


def test_an_empty_slot_is_an_error_here(bench: Bench) -> None:
    assert bench.at("+CMGR=1") == b"\r\n+CMS ERROR: 321\r\n"
    assert bench.at("+CMEE=2;+CMGR=1") == b"\r\n+CMS ERROR: Invalid memory index\r\n"


def test_what_tinygsm_sends_to_get_a_network_on_the_r4(bench: Bench) -> None:
    for command, answer in (
            ("", OK), ("E0", OK), ("+CMEE=0", OK), ("+CGMI", b"\r\nu-blox\r\n" + OK),
            ("+GMM", b"\r\nSARA-R410M-02B\r\n" + OK), ("+CPIN?", b"\r\n+CPIN: READY\r\n" + OK)):
        assert bench.at(command) == answer, command
    assert bench.at("+CGATT=1", wait="5s").endswith(OK)
    assert bench.at('+CGDCONT=1,"IP","super"') == OK
    assert bench.at("+CGACT=1,1", wait="1s") == OK
    assert bench.at("+CGATT?") == b"\r\n+CGATT: 1\r\n" + OK
    assert bench.at("+CGPADDR=1") == b'\r\n+CGPADDR: 1,"100.64.7.8"\r\n' + OK
    assert bench.at("+CIND?") == b"\r\n+CIND: 5,4,1,0,0,0,1\r\n" + OK
    assert bench.at("+UTEMP=0;+UTEMP?") == b"\r\n+UTEMP: 0,250\r\n" + OK


def test_what_tinygsm_sends_to_get_a_network_by_profiles(r5: Bench) -> None:
    for command in ('+UPSD=0,1,"super"', '+UPSD=0,2,"user"', '+UPSD=0,3,"secret"', "+UPSD=0,6,1",
                    '+UPSD=0,7,"0.0.0.0"'):
        assert r5.at(command) == OK, command
    assert r5.at("+UPSDA=0,3", wait="1s") == OK + b'\r\n+UUPSDA: 0,"100.64.7.8"\r\n'
    assert r5.at("+UPSND=0,8") == b"\r\n+UPSND: 0,8,1\r\n" + OK
    assert r5.at("+CGAUTH?") == b'\r\n+CGAUTH: 1,1,"user","secret"\r\n' + OK
    assert r5.at('+UPSD=0,7,"10.0.0.1"') == b"\r\n+CME ERROR: 50\r\n"
    assert r5.at("+CGACT=0,1") == OK  # takes the profile with it
    assert r5.at("+UPSND=0,8") == b"\r\n+UPSND: 0,8,0\r\n" + OK


def test_cell_data_with_and_without_a_cell(bench: Bench) -> None:
    """Two lines behind the mode, the second of 24 fields, as hosts' libraries count them."""
    camped = bench.at("+UCGED?").split(b"\r\n")
    assert camped[1:3] == [b"+UCGED: 2", b"6,4,310,410"]
    assert camped[3].startswith(b"5110,12,50,50,2f0b,a1b2c3,257,00000000,ffff,ff,48,20,15.00,")
    bench.at("+COPS=2")
    alone = bench.at("+UCGED?").split(b"\r\n")
    assert alone[1:3] == [b"+UCGED: 2", b"6,2,fff,fff"]
    assert camped[3].count(b",") == alone[3].count(b",") == 23
