"""SIMCom SIM7080G, byte for byte: what client libraries send to it, and what they must get."""

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
    made = make_bench(profile="SIM7080G", sim=make_card())
    made.heard()
    return made


@pytest.fixture
def online(bench: Bench) -> Bench:
    assert bench.at('+CNCFG=0,1,"super"') == OK
    assert bench.at("+CNACT=0,1", wait="1s") == OK + b"\r\n+APP PDP: 0,ACTIVE\r\n"
    return bench


def arrive(bench: Bench, payload: bytes, port: int = 6969, source: tuple[str, int] = GATEWAY) -> bytes:
    bench.modem.datagram_received(1, Datagram(source=source, destination=("100.64.7.8", port), payload=payload))
    return bytes(bench.heard())


def connect(bench: Bench, number: int = 0, mode: str = "") -> Any:
    """Open a connection as TinyGSM does and return its far end."""
    assert bench.at(f"+CACID={number}") == OK
    assert bench.at(f"+CASSLCFG={number},SSL,0") == OK
    assert bench.at(f'+CAOPEN={number},0,"TCP","example.com",80{mode}', wait="1s") == b""
    far = bench.carrier.connections[-1]
    assert far.remote == ("192.0.2.1", 80)
    far.handler.connected()
    assert bench.heard() == b"\r\n+CAOPEN: %d,0\r\n" % number + OK
    return far


def test_boot_banner(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(profile="SIM7080G", sim=make_card(), boot=False)
    bench.modem.power_on()
    assert bench.wait("10s") == b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nSMS Ready\r\n"


def test_what_tinygsm_sends_to_get_a_network(bench: Bench) -> None:
    for command, answer in (
            ("", OK), ("E0", OK), ("+CMEE=0", OK), ("+CLTS=1", OK), ("+CBATCHK=1", OK),
            ("+CPIN?", b"\r\n+CPIN: READY\r\n" + OK), ("+CNACT=0,0", OK), ('+CGDCONT=1,"IP","super"', OK)):
        assert bench.at(command) == answer, command
    assert bench.at("+CGATT=1", wait="5s").endswith(OK)
    assert bench.at("+CGNAPN") == b'\r\n+CGNAPN: 1,"super"\r\n' + OK
    assert bench.at('+CNCFG=0,1,"super"') == OK
    assert bench.at("+CNACT=0,1", wait="2s") == OK + b"\r\n+APP PDP: 0,ACTIVE\r\n"
    assert bench.at("+CNACT?") == (b'\r\n+CNACT: 0,1,"100.64.7.8"\r\n+CNACT: 1,0,"0.0.0.0"\r\n+CNACT: 2,0,"0.0.0.0"\r\n'
                                   b'+CNACT: 3,0,"0.0.0.0"\r\n' + OK)
    assert bench.at("+CNACT=0,1") == ERROR  # active already


def test_tcp_as_tinygsm_has_it(online: Bench) -> None:
    far = connect(online)
    assert online.at("+CASEND=0,4") == b"\r\n>"
    assert online.type(b"ping") == OK
    assert far.sent == b"ping"
    far.handler.received(b"0123456789")
    assert online.heard() == b"\r\n+CADATAIND: 0\r\n"
    assert online.at("+CARECV?") == b"\r\n+CARECV: 0,10\r\n" + OK
    assert online.at("+CASTATE?") == b"\r\n+CASTATE: 0,1\r\n" + OK
    assert online.at("+CARECV=0,4") == b"\r\n+CARECV: 4,0123\r\n" + OK
    assert online.at("+CARECV=0,100") == b"\r\n+CARECV: 6,456789\r\n" + OK
    assert online.at("+CARECV=0,100") == b"\r\n+CARECV: 0\r\n" + OK
    assert online.at("+CAACK=0") == b"\r\n+CAACK: 4,0\r\n" + OK
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\n+CASTATE: 0,0\r\n"
    assert online.at("+CACLOSE=0") == OK
    assert online.at("+CACLOSE=0") == NOT_ALLOWED
    assert online.at("+CASTATE?") == OK


def test_a_number_that_the_peer_closed_can_be_opened_again(online: Bench) -> None:
    """Zephyr closes only what is connected: what +CASTATE told of is opened again as it is, read or not."""
    far = connect(online)
    far.handler.received(b"bye")
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\n+CADATAIND: 0\r\n\r\n+CASTATE: 0,0\r\n"
    assert online.at("+CASEND=0,1") == NOT_ALLOWED
    assert online.at("+CARECV=0,100") == b"\r\n+CARECV: 3,bye\r\n" + OK
    assert online.at("+CARECV=0,100") == b"\r\n+CARECV: 0\r\n" + OK
    assert online.at("+CASTATE?") == b"\r\n+CASTATE: 0,0\r\n" + OK
    again = connect(online)
    assert again is not far
    assert online.at("+CASTATE?") == b"\r\n+CASTATE: 0,1\r\n" + OK


def test_what_zephyr_sends_to_get_a_network(bench: Bench) -> None:
    """It names no access point at +CNCFG, and relies on the one that was there before."""
    assert bench.at('+CGDCONT=1,"IP","super"') == OK
    assert bench.at("+CNCFG=0,0") == OK
    assert bench.at("+CNACT=0,1", wait="2s") == OK + b"\r\n+APP PDP: 0,ACTIVE\r\n"
    assert bench.at('+CAOPEN=0,0,"UDP","100.64.0.1",6969', wait="1s") == b"\r\n+CAOPEN: 0,0\r\n" + OK
    bench.at("+CASEND=0,2")
    assert bench.type(b"hi\x1a") == OK
    assert bench.at("") == OK


def test_ip_commands_as_the_super_sim_guide_for_the_pico_has_them(online: Bench) -> None:
    assert online.type(b'AT+CMEE=2;+CMGF=1;+CMGD=,4;+CNMP=38;+CMNB=1;+CGDCONT=1,"IP","super"\r\n') == OK
    assert online.at('+CASERVER=0,0,"UDP",6969', wait="1s") == b"\r\n+CASERVER: 0,0\r\n" + OK
    assert online.at('+CACFG="REMOTEADDR",0,100.64.0.1,6969') == OK
    assert arrive(online, b"NUM=1234") == b'\r\n+CANEW: 0,0,"100.64.0.1",6969\r\n\r\n+CADATAIND: 0\r\n'
    assert online.at("+CARECV=0,100") == b"\r\n+CARECV: 8,NUM=1234\r\n" + OK
    assert online.at("+CASEND=0,5") == b"\r\n>"
    assert online.type(b"hello\x1a\r\n") == OK
    assert online.carrier.datagrams == [(1, Datagram(source=("100.64.7.8", 6969), destination=GATEWAY,
                                                     payload=b"hello"))]
    assert online.at("+CASTATE?") == b"\r\n+CASTATE: 0,2\r\n" + OK
    assert online.at("+CASERVER?") == b'\r\n+CASERVER: 0,0,"UDP",6969\r\n' + OK


def test_a_udp_server_answers_the_last_one_that_wrote(online: Bench) -> None:
    online.at('+CASERVER=1,0,"UDP",7000', wait="1s")
    assert online.at("+CASEND=1,5") == NOT_ALLOWED  # nobody yet
    arrive(online, b"?", 7000, ("198.19.1.1", 5))
    online.at("+CASEND=1,1")
    assert online.type(b"!") == OK
    assert online.carrier.datagrams[0][1].destination == ("198.19.1.1", 5)


def test_a_udp_client_hears_its_peer_only(online: Bench) -> None:
    assert online.at('+CAOPEN=0,0,"UDP","192.0.2.1",53', wait="1s") == b"\r\n+CAOPEN: 0,0\r\n" + OK
    port = online.modem.sockets.open[0].local_port
    assert arrive(online, b"x", port) == b""
    assert arrive(online, b"y" * 10, port, ("192.0.2.1", 53)) == b"\r\n+CADATAIND: 0\r\n"
    assert online.at("+CARECV=0,6") == b"\r\n+CARECV: 6,yyyyyy\r\n" + OK
    assert online.at("+CARECV=0,6") == b"\r\n+CARECV: 4,yyyy\r\n" + OK
    assert online.at("+CAOPEN?") == b'\r\n+CAOPEN: 0,0,"UDP","192.0.2.1",53\r\n' + OK


def test_push_mode(online: Bench) -> None:
    far = connect(online, mode=",1")
    far.handler.received(b"news")
    assert online.heard() == b'\r\n+CAURC: "recv",0,4,"192.0.2.1",80\r\nnews\r\n'


def test_a_tcp_server(online: Bench) -> None:
    assert online.at('+CASERVER=0,0,"TCP",8080', wait="1s") == b"\r\n+CASERVER: 0,0\r\n" + OK
    incoming = online.carrier.connection(("100.64.7.8", 8080), ("198.19.1.1", 4000))
    incoming.handler = online.carrier.listeners[8080](incoming)
    assert online.heard() == b'\r\n+CANEW: 0,1,"198.19.1.1",4000\r\n'
    incoming.handler.received(b"hi")
    assert online.heard() == b"\r\n+CADATAIND: 1\r\n"
    assert online.at("+CASTATE?") == b"\r\n+CASTATE: 0,2\r\n+CASTATE: 1,1\r\n" + OK
    online.at("+CASEND=1,2")
    assert online.type(b"yo") == OK
    assert incoming.sent == b"yo"


def test_outcomes_by_number(bench: Bench, online: Bench) -> None:
    assert online.at('+CAOPEN=0,1,"TCP","example.com",80') == b"\r\n+CAOPEN: 0,21\r\n" + OK  # network 1 is not active
    assert online.at('+CAOPEN=0,0,"TCP","no.such.host",80', wait="1s") == b"\r\n+CAOPEN: 0,20\r\n" + OK
    for reason, number in ((CloseReason.REFUSED, 23), (CloseReason.TIMED_OUT, 27)):
        online.at('+CAOPEN=0,0,"TCP","192.0.2.1",80', wait="1s")
        online.carrier.connections[-1].handler.closed(reason)
        assert online.heard() == b"\r\n+CAOPEN: 0,%d\r\n" % number + OK
    online.at('+CASERVER=0,0,"UDP",6969', wait="1s")
    assert online.at('+CASERVER=1,0,"UDP",6969', wait="1s") == b"\r\n+CASERVER: 1,12\r\n" + OK
    assert online.at('+CASERVER=0,0,"UDP",6970', wait="1s") == b"\r\n+CME ERROR: 50\r\n"
    assert online.at("+CASSLCFG=0,SSL,1") == b"\r\n+CME ERROR: 4\r\n"  # there is no TLS


def test_the_network_ends_the_application_network(online: Bench) -> None:
    online.at('+CASERVER=0,0,"UDP",6969', wait="1s")
    online.modem.session_lost(1)
    assert online.heard() == b"\r\n+CASTATE: 0,0\r\n\r\n+APP PDP: 0,DEACTIVE\r\n"
    assert online.at("+CNACT?").startswith(b'\r\n+CNACT: 0,0,"0.0.0.0"')


def test_transparent_mode(online: Bench) -> None:
    far = connect(online)
    assert online.at("+CASWITCH=0,1") == b"\r\nCONNECT\r\n"
    online.type(b"AT+CSQ\r")
    assert far.sent == b"AT+CSQ\r"
    far.handler.received(b"raw")
    assert online.heard() == b"raw"
    far.handler.closed(CloseReason.CLOSED_BY_PEER)
    assert online.heard() == b"\r\nCLOSED\r\n"
    assert online.at("") == OK


def test_names_echo_requests_and_time(online: Bench) -> None:
    assert online.at('+CDNSGIP="example.com"', wait="1s") == OK + b'\r\n+CDNSGIP: 1,"example.com","192.0.2.1"\r\n'
    assert online.at('+CDNSGIP="no.such.host"', wait="1s") == OK + b"\r\n+CDNSGIP: 0,8\r\n"
    online.carrier.hosts["many.example"] = ("192.0.2.1", "192.0.2.7")
    assert online.at('+CDNSGIP="many.example"', wait="1s") == (
        OK + b'\r\n+CDNSGIP: 1,"many.example","192.0.2.1","192.0.2.7"\r\n')
    assert online.at('+SNPING4="example.com",2,16,1000', wait="5s") == (
        b"\r\n+SNPING4: 1,192.0.2.1,80\r\n+SNPING4: 2,192.0.2.1,80\r\n" + OK)
    assert online.at('+SNPING4="192.0.2.9",1,16,1000', wait="5s") == b"\r\n+SNPING4: 1,192.0.2.9,1000\r\n" + OK
    assert online.at('+CNTP="no.such.host",0') == OK
    assert online.at("+CNTP", wait="10s") == OK + b"\r\n+CNTP: 62\r\n"


def test_card_network_and_clock(bench: Bench) -> None:
    assert bench.at("+CCID") == b"\r\n89883070000000000017\r\n" + OK
    assert bench.at("+SPIC") == b"\r\n+SPIC: 3,10,3,10\r\n" + OK
    assert bench.at("+CPSI?") == (b"\r\n+CPSI: LTE CAT-M1,Online,310-410,0x2F0B,10597059,257,EUTRAN-BAND12,5110,3,3,"
                                  b"-10,-93,-73,15\r\n" + OK)
    assert bench.at("+CNMP=38;+CMNB=1") == OK
    assert bench.at("+CNSMOD?") == b"\r\n+CNSMOD: 0,7\r\n" + OK
    assert bench.at("+CLTS=1;+CNSMOD=1;+CFUN=0", wait="1s") == OK + b"\r\n+CNSMOD: 0\r\n"
    assert bench.at("+CPSI?") == b"\r\n+CPSI: NO SERVICE,Low Power Mode\r\n" + OK
    said = bench.at("+CFUN=1", wait="10s")
    assert b'\r\nDST: 0\r\n\r\n*PSUTTZ: ' in said
    assert said.endswith(b'","+00",0\r\n\r\n+CNSMOD: 7\r\n')
    bench.modem.remove_sim()
    assert bench.heard().endswith(b"\r\n+CPIN: NOT INSERTED\r\n")


def test_cpsi_by_itself(bench: Bench) -> None:
    bench.at("+CPSI=5")
    assert bench.wait("11s").count(b"\r\n+CPSI: LTE CAT-M1,") == 2
    bench.at("+CPSI=0")
    assert bench.wait("11s") == b""


def test_power_down(bench: Bench) -> None:
    assert bench.at("+CPOWD=1", wait="1s") == b"\r\nNORMAL POWER DOWN\r\n"
    assert not bench.modem.powered
    bench.modem.power_on()
    bench.wait("10s")
    bench.at("E0")
    assert bench.at("+CPOWD=0", wait="1s") == OK
    assert not bench.modem.powered


def test_errors_are_plain_until_cmee_says_otherwise(make_bench: Callable[..., Bench],
                                                   make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(profile="SIM7080G", sim=make_card())
    bench.modem.power_off()
    bench.modem.power_on()
    bench.wait("10s")
    assert bench.at("+CACLOSE=3") == b"AT+CACLOSE=3\r" + ERROR
    bench.at("+CMEE=2")
    assert bench.at("+CACLOSE=3") == b"AT+CACLOSE=3\r\r\n+CME ERROR: operation not allowed\r\n"


def test_data_that_does_not_come_in_time(online: Bench) -> None:
    far = connect(online)
    assert online.at("+CASEND=0,10,1000") == b"\r\n>"
    assert online.type(b"half") == b""
    assert online.wait("2s") == ERROR
    assert far.sent == b""
    assert online.at("") == OK
    online.at("+CASEND=0,4,1000")
    assert online.type(b"ping") == OK
    assert online.wait("2s") == b""


def test_boot_without_a_card(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(profile="SIM7080G", boot=False)
    bench.modem.power_on()
    assert bench.wait("10s") == b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: NOT INSERTED\r\n"
