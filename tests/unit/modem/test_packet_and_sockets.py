"""Packet contexts and Quectel's sockets, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.virtual.modem.sockets import MAX_BUFFERED
from harness.virtual.network.seams import Address, Datagram, Registration, RegistrationStatus

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"
GATEWAY: Address = ("100.64.0.1", 6969)


def arrive(bench: Bench, payload: bytes, *, port: int = 6000, source: Address = GATEWAY, cid: int = 1) -> bytes:
    bench.modem.datagram_received(cid, Datagram(source=source, destination=("100.64.7.8", port), payload=payload))
    return bench.heard()


def activate(bench: Bench) -> None:
    assert bench.at('+QICSGP=1,1,"super","","",0') == OK
    assert bench.at("+QIACT=1", wait="1s") == OK


def listen(bench: Bench, mode: int = 0) -> None:
    activate(bench)
    assert bench.at(f'+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6000,{mode}', wait="1s") == OK + b"\r\n+QIOPEN: 0,0\r\n"


# -- contexts ---------------------------------------------------------------------------------------------------------


def test_define_activate_and_show(bench: Bench) -> None:
    assert bench.at("+CGDCONT?") == OK
    assert bench.at('+CGDCONT=1,"IP","super";+CGDCONT?') == (
        b'\r\n+CGDCONT: 1,"IP","super","0.0.0.0",0,0,0,0\r\n' + OK)
    assert bench.at("+CGACT?;+CGPADDR=1") == b"\r\n+CGACT: 1,0\r\n\r\n+CGPADDR: 1,0.0.0.0\r\n" + OK
    bench.at("+CGEREP=2,1")
    assert bench.at("+CGACT=1,1", wait="1s") == OK + b"\r\n+CGEV: ME PDN ACT 1\r\n"
    assert bench.at("+CGACT?;+CGPADDR") == b"\r\n+CGACT: 1,1\r\n\r\n+CGPADDR: 1,100.64.7.8\r\n" + OK
    assert bench.at("+CGCONTRDP=1") == (
        b'\r\n+CGCONTRDP: 1,5,"super","100.64.7.8.255.255.255.255",,"1.1.1.1","8.8.8.8"\r\n' + OK)
    assert bench.at("+CGDCONT=1") == b"\r\n+CME ERROR: 3\r\n"
    assert bench.at("+CGACT=0,1") == OK + b"\r\n+CGEV: ME PDN DEACT 1\r\n"
    assert bench.carrier.calls[-1] == "deactivate 1"
    assert bench.at("+CGDCONT=1;+CGDCONT?") == OK
    assert bench.at('+CGDCONT=16,"IP"') == bench.at('+CGDCONT=1,"X25"') == b"\r\n+CME ERROR: 50\r\n"


def test_the_network_may_refuse_a_context(bench: Bench) -> None:
    bench.at('+CGDCONT=1,"IP","hyper"')
    assert bench.at("+CGACT=1,1", wait="1s") == b"\r\n+CME ERROR: 133\r\n"
    assert bench.at("+CGACT=1,2") == b"\r\n+CME ERROR: 50\r\n"
    bench.at("+COPS=2")
    assert bench.at("+CGACT=1,1") == b"\r\n+CME ERROR: 30\r\n"


def test_on_lte_the_first_context_comes_with_the_registration(bench: Bench) -> None:
    bench.at('+CGDCONT=1,"IP","super"')
    bench.at("+COPS=2")
    bench.at("+COPS=0", wait="3s")
    assert bench.at("+CGACT?") == b"\r\n+CGACT: 1,1\r\n" + OK


def test_authentication_is_kept(bench: Bench) -> None:
    bench.at('+CGDCONT=2,"IP","super"')
    assert bench.at('+CGAUTH=2,1,"me","secret";+CGAUTH?') == b'\r\n+CGAUTH: 2,1,"me","secret"\r\n' + OK
    assert bench.at("+QICSGP=2") == b'\r\n+QICSGP: 1,"super","me","secret",1\r\n' + OK
    assert bench.at("+CGAUTH=3,0") == b"\r\n+CME ERROR: 50\r\n"


def test_loss_of_service_ends_contexts_and_sockets(bench: Bench) -> None:
    listen(bench)
    bench.at("+CGEREP=2,1;+CREG=1")
    bench.modem.registration_changed(Registration(status=RegistrationStatus.SEARCHING))
    assert bench.heard() == (b"\r\n+CREG: 2\r\n\r\n+CGEV: NW DETACH\r\n\r\n+CGEV: NW PDN DEACT 1\r\n"
                             b'\r\n+QIURC: "pdpdeact",1\r\n')
    assert bench.at("+QISTATE?;+QIACT?") == OK
    assert bench.events("socket_closed", "context_lost") == ["context_lost", "socket_closed"]


def test_the_network_ends_one_context(bench: Bench) -> None:
    listen(bench)
    bench.modem.session_lost(1)
    assert bench.heard() == b'\r\n+QIURC: "pdpdeact",1\r\n'
    bench.modem.session_lost(1)
    assert bench.heard() == b""
    assert bench.at("+QIACT=1", wait="1s") == OK


# -- sockets ----------------------------------------------------------------------------------------------------------


def test_activation_and_its_errors(bench: Bench) -> None:
    assert bench.at("+QIACT=1") == ERROR
    assert bench.at("+QIGETERROR") == b"\r\n+QIGETERROR: 573,APN not configured\r\n" + OK
    activate(bench)
    assert bench.at("+QIACT?") == b'\r\n+QIACT: 1,1,1,"100.64.7.8"\r\n' + OK
    assert bench.at("+QIACT=1") == ERROR
    assert bench.at("+QIDEACT=1") == OK
    assert bench.at("+QIACT?") == OK
    bench.at('+QICSGP=1,1,"hyper","","",0')
    assert bench.at("+QIACT=1", wait="1s") == ERROR
    assert bench.at("+QIGETERROR") == b"\r\n+QIGETERROR: 561,open PDP context failed\r\n" + OK


def test_udp_service_receives_and_answers(bench: Bench) -> None:
    listen(bench)
    assert bench.at("+QISTATE?") == (
        b'\r\n+QISTATE: 0,"UDP SERVICE","127.0.0.1",0,6000,3,1,0,0,"usbmodem"\r\n' + OK)
    assert arrive(bench, b"hello") == b'\r\n+QIURC: "recv",0\r\n'
    assert arrive(bench, b"\x00\r\nbye") == b""
    assert bench.at("+QIRD=0,0") == b"\r\n+QIRD: 11,0,11\r\n" + OK
    assert bench.at("+QIRD=0") == b'\r\n+QIRD: 5,"100.64.0.1",6969\r\nhello\r\n' + OK
    assert arrive(bench, b"again") == b""
    assert bench.at("+QIRD=0,1500") == b'\r\n+QIRD: 6,"100.64.0.1",6969\r\n\x00\r\nbye\r\n' + OK
    assert bench.at("+QIRD=0").endswith(b"again\r\n" + OK)
    assert bench.at("+QIRD=0") == b"\r\n+QIRD: 0\r\n" + OK
    assert arrive(bench, b"new") == b'\r\n+QIURC: "recv",0\r\n'
    assert bench.at('+QISEND=0,4,"100.64.0.1",6969') == b"\r\n> "
    assert bench.type(b"\x1a\x1b\r\n") == b"\r\nSEND OK\r\n"
    cid, datagram = bench.carrier.datagrams[0]
    assert (cid, datagram.payload, datagram.source, datagram.destination) == (
        1, b"\x1a\x1b\r\n", ("100.64.7.8", 6000), GATEWAY)
    assert bench.at("+QISEND=0,0") == b"\r\n+QISEND: 4,4,0\r\n" + OK
    assert bench.at("+QICLOSE=0") == OK
    assert arrive(bench, b"nobody") == b""
    assert bench.at("+QIRD=0") == ERROR


def test_push_mode(bench: Bench) -> None:
    listen(bench, mode=1)
    assert arrive(bench, b"hello") == b'\r\n+QIURC: "recv",0,5,"100.64.0.1",6969\r\nhello\r\n'
    assert bench.at("+QIRD=0") == ERROR


def test_connected_udp_hears_its_peer_only(bench: Bench) -> None:
    activate(bench)
    assert bench.at('+QIOPEN=1,3,"UDP","100.64.0.1",6969,6000', wait="1s") == OK + b"\r\n+QIOPEN: 3,0\r\n"
    assert bench.at("+QISTATE=1,3") == b'\r\n+QISTATE: 3,"UDP","100.64.0.1",6969,6000,2,1,3,0,"usbmodem"\r\n' + OK
    assert bench.at("+QISTATE=0,2") == OK
    assert arrive(bench, b"stranger", source=("9.9.9.9", 9)) == b""
    assert arrive(bench, b"friend") == b'\r\n+QIURC: "recv",3\r\n'
    assert bench.at("+QIRD=3") == b"\r\n+QIRD: 6\r\nfriend\r\n" + OK
    assert bench.at("+QISEND=3") == b"\r\n> "
    assert bench.type(b"to you\x1a") == b"\r\nSEND OK\r\n"
    assert bench.at("+QISEND=3") == b"\r\n> "
    assert bench.type(b"no\x1b") == OK
    assert bench.at('+QISENDEX=3,"00ff"') == b"\r\nSEND OK\r\n"
    assert bench.at('+QISENDEX=3,"0"') == ERROR
    assert [datagram.payload for _, datagram in bench.carrier.datagrams] == [b"to you", b"\x00\xff"]


def test_payload_is_echoed_unless_switched_off(bench: Bench) -> None:
    listen(bench)
    bench.at("E1")
    command = b'AT+QISEND=0,2,"100.64.0.1",6969\r'
    assert bench.type(command + b"hi") == command + b"\r\n> hi\r\nSEND OK\r\n"
    bench.at("+QISDE=0")
    assert bench.type(command + b"hi") == command + b"\r\n> \r\nSEND OK\r\n"


@pytest.mark.parametrize(("command", "error"), [
    ('2,1,"UDP SERVICE","127.0.0.1",0,6001', 561),
    ('1,12,"UDP SERVICE","127.0.0.1",0,6001', 552),
    ('1,1,"UDP SERVICE","127.0.0.1",0,0', 552),
    ('1,1,"UDP SERVICE","127.0.0.1",0,6001,2', 552),
    ('1,1,"SCTP","127.0.0.1",0,6001', 552),
    ('1,1,"UDP","100.64.0.1",0,6001', 552),
    ('1,1,"UDP"', 552),
    ('1,1,"UDP","100.64.0.1",70000', 552),
])
def test_opening_with_wrong_parameters(bench: Bench, command: str, error: int) -> None:
    listen(bench)
    assert bench.at(f"+QIOPEN={command}", wait="1s") == ERROR
    assert bench.at("+QIGETERROR").startswith(b"\r\n+QIGETERROR: %d," % error)


@pytest.mark.parametrize(("command", "error"), [
    ('1,1,"UDP SERVICE","127.0.0.1",0,6000', 574),
    ('1,1,"UDP","nobody.example",80', 565),
    ('1,1,"TCP","nobody.example",80', 565),
    ('1,1,"TCP LISTENER","127.0.0.1",0,6000', 574),
])
def test_opening_that_fails_later(bench: Bench, command: str, error: int) -> None:
    listen(bench)
    assert bench.at(f"+QIOPEN={command}") == OK
    assert bench.wait("1s") == b"\r\n+QIOPEN: 1,%d\r\n" % error
    assert list(bench.modem.sockets.open) == [0]


def test_a_number_in_use_is_told_after_ok(bench: Bench) -> None:
    """Hosts that restarted wait for it, close the stale socket, and open it again (mbed's BG96 stack)."""
    listen(bench)
    assert bench.at('+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6001') == OK
    assert bench.wait("1s") == b"\r\n+QIOPEN: 0,563\r\n"
    assert bench.at("+QIGETERROR").startswith(b"\r\n+QIGETERROR: 563,")
    assert bench.at("+QICLOSE=0") == OK
    assert bench.at('+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6001', wait="1s") == OK + b"\r\n+QIOPEN: 0,0\r\n"


def test_a_fixed_length_may_be_followed_by_ctrl_z(bench: Bench) -> None:
    """Zephyr, esp-modem and mbed send one, alone or with a carriage return: it changes nothing."""
    listen(bench)
    for tail in (b"\x1a", b"\x1a\r"):
        bench.at('+QISEND=0,2,"100.64.0.1",6969')
        assert bench.type(b"hi" + tail) == b"\r\nSEND OK\r\n"
        assert bench.at("") == OK
    assert [datagram.payload for _, datagram in bench.carrier.datagrams] == [b"hi", b"hi"]


def test_data_that_is_not_in_the_format_agreed_ends_the_command(bench: Bench) -> None:
    listen(bench)
    bench.at('+QICFG="dataformat",1,0')
    bench.at('+QISEND=0,3,"100.64.0.1",6969')
    assert bench.type(b"xyz") == ERROR
    assert bench.at("+QIGETERROR").startswith(b"\r\n+QIGETERROR: 552,")


def test_sending_checks_socket_length_and_destination(bench: Bench) -> None:
    listen(bench)
    for wrong in ("5,4", "0,1461", "0,4", '0,4,"example.com",1', '0,4,"1.2.3.4",0', "0,4,,"):
        assert bench.at(f"+QISEND={wrong}") == ERROR, wrong
    bench.at('+QISEND=0,4,"100.64.0.1",6969')
    bench.modem.session_lost(1)
    assert bench.type(b"late") == b'\r\nSEND FAIL\r\n\r\n+QIURC: "pdpdeact",1\r\n'


def test_receive_buffers_are_bounded(bench: Bench) -> None:
    listen(bench)
    for _ in range(MAX_BUFFERED // 1300 + 5):
        arrive(bench, b"x" * 1300)
    socket = bench.modem.sockets.open[0]
    assert socket.buffered <= MAX_BUFFERED
    assert socket.discarded == 5
    for _ in range(300):
        arrive(bench, b"")
    assert len(socket.buffer) <= 256


def test_names_are_resolved(bench: Bench) -> None:
    activate(bench)
    assert bench.at('+QIDNSGIP=1,"nobody.example"', wait="1s") == OK + b'\r\n+QIURC: "dnsgip",565\r\n'
    assert bench.at('+QIDNSGIP=1,"example.com"', wait="1s") == (
        OK + b'\r\n+QIURC: "dnsgip",0,1,600\r\n\r\n+QIURC: "dnsgip","192.0.2.1"\r\n')
    assert bench.at('+QIDNSGIP=1,"1.2.3.4"', wait="1s") == (
        OK + b'\r\n+QIURC: "dnsgip",0,1,600\r\n\r\n+QIURC: "dnsgip","1.2.3.4"\r\n')
    bench.carrier.hosts["many.example"] = ("192.0.2.1", "192.0.2.7")
    assert bench.at('+QIDNSGIP=1,"many.example"', wait="1s") == (
        OK + b'\r\n+QIURC: "dnsgip",0,2,600\r\n\r\n+QIURC: "dnsgip","192.0.2.1"\r\n'
             b'\r\n+QIURC: "dnsgip","192.0.2.7"\r\n')


def test_giving_up_an_activation_leaves_no_context_in_the_network(bench: Bench) -> None:
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("+CGACT=1,1") == b""
    bench.modem.packet.deactivate(1)
    assert bench.heard() == b"\r\n+CME ERROR: 133\r\n"
    bench.wait("1s")
    assert bench.carrier.calls[-1] == "deactivate 1"
    assert bench.at("+CGACT?") == b"\r\n+CGACT: 1,0\r\n" + OK


def test_loss_of_service_ends_an_activation_under_way(bench: Bench) -> None:
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("+QIACT=1") == b""
    bench.modem.registration_changed(Registration(status=RegistrationStatus.SEARCHING))
    assert bench.heard() == ERROR
    assert bench.at("+QIGETERROR").startswith(b"\r\n+QIGETERROR: 561,")


def test_the_attach_and_a_command_share_one_activation(bench: Bench) -> None:
    bench.at("+COPS=2")
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("+COPS=0", wait="2s") == OK
    assert bench.at("+QIACT=1", wait="1s") == OK
    assert bench.carrier.calls.count("activate 1 super") == 1


def test_the_name_of_the_first_context_brings_the_bearer_of_the_attach(bench: Bench) -> None:
    """Clients that name the access point after the attach open sockets without a further command."""
    bench.at('+CGDCONT=2,"IP","super"')
    bench.at('+CGDCONT=1,"IP",""')
    assert not bench.carrier.calls.count("activate 1 super")
    bench.at('+CGDCONT=1,"IP","super"')
    bench.wait("1s")
    assert bench.at("+CGACT?") == b"\r\n+CGACT: 1,1\r\n+CGACT: 2,0\r\n" + OK
    assert bench.at("+QIACT?") == OK  # what sockets use here is told by a command of its own
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.at("+CGACT=0,1", wait="1s") == OK
    assert bench.at("+CGACT?") == b"\r\n+CGACT: 1,0\r\n+CGACT: 2,0\r\n" + OK


@pytest.mark.parametrize("leave", ["+CGATT=0", "+COPS=2", "+CFUN=4"])
def test_who_leaves_by_itself_is_told_so(bench: Bench, leave: str) -> None:
    bench.at('+CGDCONT=1,"IP","super";+CGEREP=2,1')
    bench.wait("1s")
    said = bench.at(leave, wait="1s")
    assert b"\r\n+CGEV: ME DETACH\r\n\r\n+CGEV: ME PDN DEACT 1\r\n" in said
    assert b"NW" not in said


@pytest.mark.parametrize(("mode", "told"), [(1, False), (2, True)])
def test_events_wait_for_the_end_of_data_or_are_lost(bench: Bench, mode: int, told: bool) -> None:
    bench.at(f'+CGDCONT=1,"IP","super";+CGDCONT=2,"IP","super";+CGEREP={mode},1')
    bench.at("+CGACT=1,2", wait="1s")
    assert b"CONNECT" in bench.at("D*99***1#", wait="2s")
    bench.modem.session_lost(2)
    bench.wait("2s")
    bench.type(b"+++")
    assert (b"+CGEV: NW PDN DEACT 2" in bench.wait("2s")) is told


def test_what_a_definition_says_is_told_again(bench: Bench) -> None:
    bench.at('+CGDCONT=2,"IPV4V6","super","10.1.2.3",1,2,1,3')
    assert bench.at("+CGDCONT?") == b'\r\n+CGDCONT: 2,"IPV4V6","super","10.1.2.3",1,2,1,3\r\n' + OK
    bench.at('+CGDCONT=2,"IP","super"')
    assert bench.at("+CGDCONT?") == b'\r\n+CGDCONT: 2,"IP","super","0.0.0.0",0,0,0,0\r\n' + OK
    for wrong in ('2,"IP","super","",3', '2,"IP","super","",0,5', '2,"IP","super","",0,0,2', '2,"X25"', "0", "16"):
        assert bench.at(f"+CGDCONT={wrong}") == b"\r\n+CME ERROR: 50\r\n"
    assert bench.at("+CGDCONT=?").startswith(b'\r\n+CGDCONT: (1-15),"IP",,,(0-2),(0-4),(0-1),(0-4)\r\n')


# -- lines that end in CR LF ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("portions", [(b"AT+QISEND=1,5\r\n",), (b"AT+QISEND=1,5\r", b"\n"),
                                      (b"AT+QISEND=1,5", b"\r", b"\n")])
def test_the_line_feed_after_a_command_is_no_data(bench: Bench, portions: tuple[bytes, ...]) -> None:
    activate(bench)
    bench.at('+QIOPEN=1,1,"UDP","100.64.0.1",6969,0,0', wait="1s")
    assert b"".join(bench.type(portion) for portion in portions) == b"\r\n> "
    assert bench.type(b"hello") == b"\r\nSEND OK\r\n"
    assert bench.carrier.datagrams[-1][1].payload == b"hello"


@pytest.mark.parametrize("payload", [b"\n", b"\nhell", b"\r\n", b"\n\n"])
def test_a_line_feed_that_is_data_is_sent(bench: Bench, payload: bytes) -> None:
    activate(bench)
    bench.at('+QIOPEN=1,1,"UDP","100.64.0.1",6969,0,0', wait="1s")
    assert bench.at(f"+QISEND=1,{len(payload)}") == b"\r\n> "
    assert bench.type(payload) == b"\r\nSEND OK\r\n"
    assert bench.carrier.datagrams[-1][1].payload == payload
    bench.at("+QISEND=1,2")
    bench.wait("5ms")
    assert bench.type(b"\n") + bench.type(b"x") == b"\r\nSEND OK\r\n"
    assert bench.carrier.datagrams[-1][1].payload == b"\nx"


@pytest.mark.parametrize("kind", ["IPV6", "Non-IP", "PPP"])
def test_types_that_no_network_here_carries(bench: Bench, kind: str) -> None:
    bench.at(f'+CGDCONT=1,"{kind}","super"', wait="2s")
    if kind != "PPP":
        assert bench.at("+CGACT?") == b"\r\n+CGACT: 1,0\r\n" + OK
        assert bench.at("D*99#", wait="2s") == b"\r\nNO CARRIER\r\n"
        assert bench.at("+CGACT=1,1", wait="2s") == b"\r\n+CME ERROR: 132\r\n"
    else:  # dialled, it is as good as any
        assert bench.at("D*99#", wait="2s").startswith(b"\r\nCONNECT")


def test_a_context_of_both_kinds_gets_an_address_of_the_older(bench: Bench) -> None:
    bench.at('+CGDCONT=1,"IPV4V6","super"', wait="2s")
    assert bench.at("+CGPADDR=1") == b"\r\n+CGPADDR: 1,100.64.7.8\r\n" + OK


def test_a_makers_own_definition_of_the_other_kind_is_refused_as_well(bench: Bench) -> None:
    bench.at('+QICSGP=1,2,"super","","",0')
    assert bench.at("+QIACT=1", wait="2s") == b"\r\nERROR\r\n"
    assert bench.at("+QIGETERROR") == b"\r\n+QIGETERROR: 561,open PDP context failed\r\n" + OK
