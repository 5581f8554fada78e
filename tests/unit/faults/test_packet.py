"""Attaches, contexts, sockets and datagrams that fail: what the client sees of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from harness.virtual.internet.seams import TcpConnection
from tests.unit.faults.conftest import Shout

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"


@pytest.mark.strikes("packet-attach-refused")
def test_attach_refused(bench: FaultBench) -> None:
    bench.at("+CEREG=3")
    bench.faults.packet.attach_refused(cause=7)
    assert OK in bench.at("+CGATT=0", wait="1s")
    assert b"+CME ERROR: 107" in bench.at("+CGATT=1", wait="30s")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 3,3,,,,0,7")
    bench.at("+CGATT=0", wait="1s")
    assert OK in bench.at("+CGATT=1", wait="30s")


@pytest.mark.strikes("packet-apn-refused")
def test_apn_refused(bench: FaultBench) -> None:
    bench.at('+CGDCONT=1,"IP","super"')
    bench.faults.packet.apn_refused(cause=33, times=2)
    assert bench.at("+CGACT=1,1", wait="2s") == b"\r\n+CME ERROR: 133\r\n"
    bench.at('+QICSGP=1,1,"super","","",0')
    assert bench.at("+QIACT=1", wait="2s") == b"\r\nERROR\r\n"
    assert bench.at("+QIGETERROR").startswith(b"\r\n+QIGETERROR: 561,")
    assert bench.at("+CGACT=1,1", wait="2s") == OK


@pytest.mark.strikes("packet-dropped", "packet-ip-changed")
def test_contexts_dropped_and_addresses_changed(bench: FaultBench) -> None:
    bench.at("+CGEREP=2,1")
    bench.online()
    bench.faults.packet.dropped()
    said = bench.wait("1s")
    assert b"+CGEV: NW PDN DEACT 1" in said
    assert b'+QIURC: "pdpdeact",1' in said
    assert bench.at("+QISTATE") == OK
    bench.at("+QIACT=1", wait="2s")
    before = bench.at("+CGPADDR=1")
    bench.faults.packet.ip_changed()
    said = bench.wait("2s")
    assert said.index(b"+CGEV: NW PDN DEACT 1") < said.index(b"+CGEV: ME PDN ACT 1")
    assert bench.at("+CGPADDR=1") != before
    assert bench.at("+CGPADDR=1").startswith(b"\r\n+CGPADDR: 1,100.")


@pytest.mark.strikes("packet-ip-changed")
def test_a_context_that_is_dead_and_does_not_know(bench: FaultBench) -> None:
    bench.online()
    bench.faults.packet.ip_changed(silent=True)
    assert bench.wait("5s") == b""
    assert bench.send_datagram(b"hello").endswith(b"SEND OK\r\n")
    assert bench.cloud.datagrams == []


@pytest.mark.strikes("packet-nat-timeout")
def test_nat_timeout(bench: FaultBench) -> None:
    host = bench.internet.add_host("echo.example", address="192.0.2.7")
    host.on_udp(7, lambda source, payload: b"heard")
    bench.online()
    assert b"heard" in bench.send_datagram(b"one", '"192.0.2.7",7')
    bench.faults.packet.nat_timeout(timeout="50ms", span="1min")  # less than the way there and back
    assert b"heard" not in bench.send_datagram(b"two", '"192.0.2.7",7')
    bench.wait("1min")
    assert b"heard" in bench.send_datagram(b"three", '"192.0.2.7",7')


@pytest.mark.strikes("packet-nat-timeout")
def test_nat_timeout_of_a_connection(bench: FaultBench) -> None:
    ends: list[Shout] = []

    def accept(connection: TcpConnection) -> Shout:
        ends.append(Shout(connection))
        return ends[-1]

    bench.internet.add_host("shout.example", address="192.0.2.7").on_tcp(7, accept)
    bench.online()
    assert b"+QIOPEN: 1,0" in bench.at('+QIOPEN=1,1,"TCP","192.0.2.7",7', wait="2s")
    nat = bench.faults.packet.nat_timeout(timeout="5min")
    bench.wait("301s")
    nat.remove()  # what is forgotten stays so
    bench.at("+QISEND=1,4")
    assert bench.type(b"data", wait="5min") == b"\r\nSEND OK\r\n"
    assert bench.at("+QISEND=1,0").startswith(b"\r\n+QISEND: 4,0,4\r\n")
    assert bench.wait("3min") == b'\r\n+QIURC: "closed",1\r\n'
    assert ends[0].data == b""


@pytest.mark.strikes("packet-socket-error", "packet-buffer-full")
def test_socket_errors(bench: FaultBench) -> None:
    bench.online()
    bench.faults.packet.socket_error(number=574)
    opened = bench.at('+QIOPEN=1,1,"UDP SERVICE","127.0.0.1",0,7000,0', wait="1s")
    assert opened == OK + b"\r\n+QIOPEN: 1,574\r\n"
    assert bench.at("+QIGETERROR").startswith(b"\r\n+QIGETERROR: 574,")
    assert b"+QISTATE: 1," not in bench.at("+QISTATE")
    bench.faults.packet.buffer_full()
    assert bench.send_datagram(b"lost") == b"\r\nSEND FAIL\r\n"
    assert bench.send_datagram(b"sent") == b"\r\nSEND OK\r\n"
    assert bench.cloud.datagrams == [b"sent"]


@pytest.mark.strikes("udp-loss", "udp-duplicate")
def test_loss_and_duplication(bench: FaultBench, make_bench: type[FaultBench]) -> None:
    def traffic(one: FaultBench) -> list[bytes]:
        one.online()
        one.faults.udp.loss(p=0.3, direction="up")
        one.faults.udp.duplicate(p=0.3)
        for number in range(40):
            one.send_datagram(b"%02d" % number)
        return one.cloud.datagrams

    first = traffic(bench)
    assert 15 < len(set(first)) < 40
    assert len(first) > len(set(first))
    assert traffic(make_bench()) == first
    assert traffic(make_bench(seed=9)) != first
    bench.faults.clear()
    bench.faults.udp.loss(direction="down")
    bench.datagram(b"to the device")
    assert bench.wait("1s") == b""
    bench.datagram(b"to the device")
    assert b"to the device" in bench.wait("1s")


@pytest.mark.strikes("udp-reorder", "udp-latency")
def test_reordering_and_latency(bench: FaultBench) -> None:
    bench.online()
    bench.faults.udp.reorder(by="1s", direction="down")
    for payload in (b"first", b"second"):
        bench.datagram(payload)
    assert bench.wait("500ms").endswith(b"second\r\n")
    assert bench.wait("1s").endswith(b"first\r\n")
    bench.faults.udp.latency(by="3s", sticky=True)
    bench.datagram(b"late")
    assert bench.wait("3s") == b""
    assert b"late" in bench.wait("200ms")
    bench.faults.clear()
    bench.faults.udp.latency(by="1s", jitter="10s", direction="down", sticky=True)
    for number in range(10):
        bench.datagram(b"number %d" % number)
    said = b""
    for _ in range(110):
        said += bench.wait("100ms")
    order = [int(found) for found in re.findall(rb"number (\d)", said)]
    assert sorted(order) == list(range(10))
    assert order != sorted(order)


@pytest.mark.strikes("udp-corrupt", "udp-mtu")
def test_corruption_and_mtu(bench: FaultBench) -> None:
    bench.online()
    bench.faults.udp.corrupt(octets=2)
    bench.send_datagram(bytes(100))
    (corrupted,) = bench.cloud.datagrams
    assert sum(octet != 0 for octet in corrupted) == 2
    bench.faults.udp.mtu(octets=128, sticky=True)
    bench.send_datagram(bytes(100))
    bench.send_datagram(bytes(101))
    assert [len(payload) for payload in bench.cloud.datagrams] == [100, 100]
    assert bench.world.journal.last("datagram_dropped").data["reason"] == "longer than the path takes"  # type: ignore[union-attr]
