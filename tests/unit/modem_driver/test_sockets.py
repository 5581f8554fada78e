"""UDP sockets of the driver against a scripted peer that speaks the QI commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.drivers.modem import DIALECTS, find_dialect
from harness.errors import CommandFailed, ModemError, TimeoutExpired, UsageError

if TYPE_CHECKING:
    from tests.unit.modem_driver.conftest import Bench

OPEN = 'AT+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6969,0'
ACTIVE = '+QIACT: 1,1,1,"100.64.7.9"'


@pytest.fixture
def bench(virtual: Bench) -> Bench:
    script = virtual.peer.script
    script["AT+QIACT?"] = [virtual.ok(), *[virtual.ok(ACTIVE)] * 50]
    script['AT+QICSGP=1,1,"super","","",0'] = virtual.ok()
    script["AT+QIACT=1"] = virtual.ok()
    script[OPEN] = virtual.ok() + "\r\n+QIOPEN: 0,0\r\n"
    script["AT+QICLOSE=0"] = virtual.ok()
    virtual.modem.open()
    return virtual


def test_opening_activates_the_context_once(bench: Bench) -> None:
    before = len(bench.peer.commands)
    socket = bench.modem.udp_open(6969)

    assert socket.address == "100.64.7.9"
    assert bench.peer.commands[before:] == ["AT+QIACT?", 'AT+QICSGP=1,1,"super","","",0', "AT+QIACT=1", "AT+QIACT?",
                                            OPEN]
    socket.close()
    socket.close()
    bench.modem.udp_open(6969)
    assert bench.peer.commands.count("AT+QIACT=1") == 1


def test_datagrams_are_sent_octet_for_octet(bench: Bench) -> None:
    socket = bench.modem.udp_open(6969)
    payload = bytes(range(256))

    def prompt(_: str) -> str:
        bench.peer.prompt(len(payload), "\r\nSEND OK\r\n")
        return ""

    bench.peer.script['AT+QISEND=0,256,"100.64.0.1",6969'] = prompt
    socket.send(payload, to=("100.64.0.1", 6969))

    assert bench.peer.data == [payload]


def test_a_datagram_that_could_not_be_sent_is_a_failure(bench: Bench) -> None:
    socket = bench.modem.udp_open(6969)

    def prompt(_: str) -> str:
        bench.peer.prompt(1, "\r\nSEND FAIL\r\n")
        return ""

    bench.peer.script['AT+QISEND=0,1,"100.64.0.1",6969'] = prompt
    with pytest.raises(CommandFailed, match="SEND FAIL"):
        socket.send(b"x", to=("100.64.0.1", 6969))


def test_datagrams_are_received_whole_whatever_they_hold(bench: Bench) -> None:
    socket = bench.modem.udp_open(6969)
    first, second = b"\r\nOK\r\n+QIURC: \"recv\",0\r\n", b"\n> \x1a"
    reads = [b'\r\n+QIRD: %d,"100.64.0.1",6969\r\n' % len(payload) + payload + b"\r\n\r\nOK\r\n"
             for payload in (first, second)]
    bench.peer.script["AT+QIRD=0"] = [*reads, bench.ok("+QIRD: 0")]
    bench.later("1s", '\r\n+QIURC: "recv",0\r\n')

    received = socket.expect(second, within="10s")

    assert (received.payload, received.source) == (second, ("100.64.0.1", 6969))
    assert [item.payload for item in socket.received] == [first, second]
    with pytest.raises(TimeoutExpired, match=r"^waited 2 s for datagram b'third' at UDP port 6969 of modem-1; saw"):
        socket.expect(b"third", within="2s")


def test_a_socket_that_the_network_closed_is_told(bench: Bench) -> None:
    socket = bench.modem.udp_open(6969)
    bench.later("1s", '\r\n+QIURC: "pdpdeact",1\r\n')

    with pytest.raises(ModemError, match="UDP port 6969 of modem-1 is gone: the network ended the packet"):
        socket.expect(within="10s")
    assert not socket.is_open


def test_a_socket_of_a_modem_that_restarted_is_gone(bench: Bench) -> None:
    socket = bench.modem.udp_open(6969)
    bench.later("1s", "\r\nRDY\r\n")

    with pytest.raises(ModemError, match="is gone: the modem was restarted"):
        socket.expect(within="10s")
    assert bench.modem.udp_open(6969).is_open


def test_an_opening_that_fails_carries_the_error(bench: Bench) -> None:
    bench.peer.script[OPEN] = bench.ok() + "\r\n+QIOPEN: 0,574\r\n"

    with pytest.raises(ModemError, match="modem-1 could not open UDP port 6969: socket error 574"):
        bench.modem.udp_open(6969)


def test_bounds_of_ports_payloads_and_sockets(bench: Bench) -> None:
    for port in (0, 65_536):
        with pytest.raises(UsageError, match="a UDP port is 1 to 65535"):
            bench.modem.udp_open(port)
    socket = bench.modem.udp_open(6969)
    for payload in (b"", b"x" * 1_461):
        with pytest.raises(UsageError, match="a datagram is 1 to 1460 octets"):
            socket.send(payload, to=("100.64.0.1", 6969))
    socket.close()
    with pytest.raises(UsageError, match="is closed"):
        socket.send(b"x", to=("100.64.0.1", 6969))


def test_dialects_are_found_by_name() -> None:
    assert find_dialect("quectel") is DIALECTS["quectel"]
    with pytest.raises(UsageError, match="no modem dialect 'hayes': there are quectel"):
        find_dialect("hayes")


@pytest.mark.parametrize("module", ["bg96", "BG96", "ec25", "eg21"])
def test_a_module_of_a_rig_file_finds_the_dialect_it_speaks(module: str) -> None:
    assert find_dialect(module) is DIALECTS["quectel"]
