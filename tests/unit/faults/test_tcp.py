"""Connections and names that fail: what the client sees of it, with every maker's commands and over dial-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from tests.unit.faults.conftest import Shout

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"
NAME, ADDRESS = "shout.example", "192.0.2.7"


@dataclass(frozen=True)
class Maker:
    """One maker's commands, and what tells of success and failure.

    Attributes:
        closed: what tells that the peer ended a connection.
        left: what is asked for the octets that were not acknowledged, and the answer for four of four.
        gave_up: what tells that nobody acknowledged what was sent, where it is not ``closed``.
        closes_too: whether the module closes a connection by itself when its peer has.
    """

    context: tuple[str, ...]
    connect: tuple[str, ...]
    opened: bytes
    refused: bytes
    timed_out: bytes
    unknown: bytes
    send: str
    arrived: bytes
    read: str
    closed: bytes
    left: tuple[str, bytes]
    gave_up: bytes = b""
    closes_too: bool = True


MAKERS = {
    "BG96": Maker(('+QICSGP=1,1,"super","","",0', "+QIACT=1"), ('+QIOPEN=1,0,"TCP","{host}",7,0,0',),
                  b"+QIOPEN: 0,0\r\n", b"+QIOPEN: 0,566\r\n", b"+QIOPEN: 0,569\r\n", b"+QIOPEN: 0,565\r\n",
                  "+QISEND=0,{length}", b'+QIURC: "recv",0', "+QIRD=0,1500", b'+QIURC: "closed",0',
                  ("+QISEND=0,0", b"+QISEND: 4,0,4\r\n"), closes_too=False),
    "SIM7080G": Maker(('+CNCFG=0,1,"super"', "+CNACT=0,1"), ('+CAOPEN=0,0,"TCP","{host}",7',),
                      b"+CAOPEN: 0,0\r\n", b"+CAOPEN: 0,23\r\n", b"+CAOPEN: 0,27\r\n", b"+CAOPEN: 0,20\r\n",
                      "+CASEND=0,{length}", b"+CADATAIND: 0", "+CARECV=0,1459", b"+CASTATE: 0,0",
                      ("+CAACK=0", b"+CAACK: 4,4\r\n"), closes_too=False),
    "SIM7600": Maker(('+CGDCONT=1,"IP","super"', "+NETOPEN", "+CIPRXGET=1"), ('+CIPOPEN=0,"TCP","{host}",7',),
                     b"+CIPOPEN: 0,0\r\n", b"+CIPOPEN: 0,1\r\n", b"+CIPOPEN: 0,11\r\n", b"+CIPOPEN: 0,12\r\n",
                     "+CIPSEND=0,{length}", b"+CIPRXGET: 1,0", "+CIPRXGET=2,0,1500", b"+IPCLOSE: 0,1",
                     ("+CIPRXGET=4,0", b"+CIPRXGET: 4,0,0\r\n"), b"+IPCLOSE: 0,2\r\n"),
    "SARA-R4": Maker(('+CGDCONT=1,"IP","super"', "+CGACT=1,1"), ("+USOCR=6", '+USOCO=0,"{host}",7'),
                     b"OK\r\n", b"+CME ERROR: 3\r\n", b"+CME ERROR: 3\r\n", b"+CME ERROR: 3\r\n",
                     "+USOWR=0,{length}", b"+UUSORD: 0,", "+USORD=0,1024", b"+UUSOCL: 0",
                     ("+USOCTL=0,11", b"+USOCTL: 0,11,4\r\n")),
    "ME910": Maker(('+CGDCONT=1,"IP","super"', "#SGACT=1,1", "#SCFG=1,1,300,0,600,50"), ('#SD=1,0,7,"{host}",0,0,1',),
                   b"OK\r\n", b"+CME ERROR: 562\r\n", b"+CME ERROR: 559\r\n", b"+CME ERROR: 558\r\n",
                   "#SSENDEXT=1,{length}", b"SRING: 1", "#SRECV=1,1500", b"NO CARRIER",
                   ("#SI=1", b"#SI: 1,4,0,0,4\r\n")),
}


class Line:
    """A bench whose modem talks to a host that shouts."""

    def __init__(self, bench: FaultBench, profile: str) -> None:
        self.bench = bench
        self.maker = MAKERS[profile]
        self.faults = bench.faults
        self.ends: list[Shout] = []
        self.host = bench.internet.add_host(NAME, address=ADDRESS).on_tcp(7, self._accept)
        for command in self.maker.context:
            bench.at(command, wait="5s")

    def _accept(self, connection: object) -> Shout:
        self.ends.append(Shout(connection))  # type: ignore[arg-type]
        return self.ends[-1]

    def connect(self, *, host: str = NAME, wait: str = "5s") -> bytes:
        said = b""
        for command in self.maker.connect:
            said = self.bench.at(command.format(host=host), wait=wait)
        return said

    def open(self) -> None:
        said = self.connect()
        assert self.maker.opened in said, said

    def send(self, data: bytes, *, wait: str = "2s") -> bytes:
        self.bench.at(self.maker.send.format(length=len(data)))
        return self.bench.type(data, wait=wait)

    def read(self) -> bytes:
        return self.bench.at(self.maker.read)


@pytest.fixture(params=sorted(MAKERS))
def line(request: pytest.FixtureRequest, bench: FaultBench, make_bench: type[FaultBench]) -> Line:
    """A modem of each maker with a context for sockets; ``bench`` is what it stands on."""
    if request.param != "BG96":
        bench.__dict__.update(make_bench(profile=request.param).__dict__)
        bench.wait("30s")
    return Line(bench, request.param)


@pytest.mark.strikes("tcp-refused")
def test_refused(line: Line) -> None:
    line.faults.tcp.refused(host=NAME)
    assert line.maker.refused in line.connect()
    line.open()
    assert len(line.ends) == 1


@pytest.mark.strikes("tcp-slow-open")
def test_slow_to_open(line: Line) -> None:
    line.faults.tcp.slow_open(by="30s")
    said = line.connect(wait="20s")
    assert line.ends == []
    assert line.maker.opened in said + line.bench.wait("12s")
    assert len(line.ends) == 1


@pytest.mark.strikes("tcp-slow-open")
def test_given_up_before_it_opens(line: Line) -> None:
    line.faults.tcp.slow_open(by="2min")
    assert line.maker.timed_out in line.connect(wait="80s")
    line.bench.wait("1min")
    assert line.ends == []


@pytest.mark.strikes("tcp-reset")
def test_reset_after_some_octets(line: Line) -> None:
    line.faults.tcp.reset(after=6, direction="up")
    line.open()
    assert line.maker.arrived in line.send(b"four")
    assert b"FOUR" in line.read()
    said = line.send(b"four")
    assert line.maker.closed in said
    assert line.ends[0].data == b"fourfo"
    assert line.ends[0].ends == ["reset by the peer"]
    line.send(b"late")
    assert line.ends[0].data == b"fourfo"


@pytest.mark.strikes("tcp-reset")
def test_an_idle_connection_is_reset_at_once(line: Line) -> None:
    line.open()
    line.faults.tcp.reset()
    assert line.maker.closed in line.bench.wait("1s")
    assert line.ends[0].ends == ["reset by the peer"]


@pytest.mark.strikes("tcp-cut")
def test_closed_after_some_octets_down(line: Line) -> None:
    line.faults.tcp.cut(after=6, direction="down")
    line.open()
    line.send(b"four")
    assert b"FOUR" in line.read()
    said = line.send(b"four")
    said += line.read() + line.bench.wait("1s")  # some tell of the end when its data was read
    assert line.maker.closed in said
    assert b"FO" in said
    assert b"FOU" not in said
    assert line.ends[0].ends == ["closed by the peer"]


@pytest.mark.strikes("tcp-half-close")
def test_the_host_closes_its_half(line: Line) -> None:
    line.faults.tcp.half_close(after=4, direction="down")
    line.open()
    said = line.send(b"four")
    said += line.read() + line.bench.wait("1s")
    assert said.index(line.maker.arrived) < said.index(line.maker.closed)
    assert b"FOUR" in said  # data that came before can be read
    assert line.ends[0].ends == (["closed by the peer"] if line.maker.closes_too else [])


@pytest.mark.strikes("tcp-stall")
def test_a_stall_that_ends(line: Line) -> None:
    line.open()
    line.faults.tcp.stall(span="1min")
    said = line.send(b"four", wait="50s")
    assert line.maker.arrived not in said
    assert line.ends[0].data == b""
    command, answer = line.maker.left
    assert answer in line.bench.at(command)
    assert line.maker.arrived in line.bench.wait("20s")
    assert b"FOUR" in line.read()
    assert [entry.event for entry in line.bench.world.journal.select(source="fault")] == [
        "fault_set", "fault_injected", "fault_ended"]


@pytest.mark.strikes("tcp-stall")
def test_a_stall_without_end(line: Line) -> None:
    stall = line.faults.tcp.stall(direction="up")
    line.open()
    said = line.send(b"four", wait="8min")
    assert said.endswith(line.maker.gave_up or line.maker.closed + b"\r\n")
    assert line.ends[0].data == b""
    stall.remove()
    line.bench.wait("1s")
    assert line.ends[0].ends == ["reset by the peer"]


@pytest.mark.strikes("tcp-delay")
def test_octets_that_come_late_keep_their_order(line: Line) -> None:
    line.open()
    line.faults.tcp.delay(by="5s", direction="up")
    line.send(b"one ", wait="1s")
    line.send(b"two ", wait="1s")
    assert line.ends[0].data == b""
    line.bench.wait("4s")
    assert line.ends[0].data == b"one two "


@pytest.mark.strikes("dns-fail")
def test_a_name_without_an_address(line: Line) -> None:
    line.faults.dns.fail(host="SHOUT.example.")
    assert line.maker.unknown in line.connect()
    line.open()


@pytest.mark.strikes("dns-fail")
def test_a_name_server_that_does_not_answer(line: Line) -> None:
    line.faults.dns.fail(answer="none")
    said = line.connect(wait="50s")
    assert line.maker.unknown not in said
    assert line.maker.unknown in line.bench.wait("20s")


@pytest.mark.strikes("dns-slow")
def test_a_name_server_that_is_slow(line: Line) -> None:
    line.faults.dns.slow(by="20s")
    said = line.connect(wait="15s")
    assert line.ends == []
    assert line.maker.opened in said + line.bench.wait("10s")
    assert len(line.ends) == 1


@pytest.mark.strikes("dns-wrong")
def test_a_name_with_another_address(line: Line) -> None:
    line.bench.internet.add_host("elsewhere.example", address="192.0.2.8")
    line.faults.dns.wrong(address="192.0.2.8")
    assert line.maker.refused in line.connect()
    line.open()


# -- what a selector can say ------------------------------------------------------------------------------------------


@pytest.fixture
def quectel(bench: FaultBench) -> Line:
    return Line(bench, "BG96")


def test_a_host_and_a_port(quectel: Line) -> None:
    quectel.host.on_tcp(8, quectel._accept)
    quectel.faults.tcp.refused(host=ADDRESS, port=8, sticky=True)
    quectel.faults.tcp.reset(host="other.example", sticky=True)
    quectel.open()
    assert b"+QIOPEN: 1,566" in quectel.bench.at(f'+QIOPEN=1,1,"TCP","{NAME}",8', wait="2s")
    assert b"+QIOPEN: 1,566" in quectel.bench.at(f'+QIOPEN=1,1,"TCP","{NAME}",8', wait="2s")


def test_the_second_connection_whatever_it_carries(quectel: Line) -> None:
    quectel.faults.tcp.reset(nth=2, after=4)
    quectel.open()
    quectel.bench.at(f'+QIOPEN=1,1,"TCP","{NAME}",7', wait="2s")
    assert b"closed" not in quectel.send(b"a first")
    quectel.bench.at("+QISEND=1,6")
    assert b'+QIURC: "closed",1' in quectel.bench.type(b"second", wait="2s")
    assert [end.data for end in quectel.ends] == [b"a first", b"seco"]


def test_a_share_of_the_connections_by_the_seed(bench: FaultBench, make_bench: type[FaultBench]) -> None:
    def struck(one: FaultBench) -> list[bool]:
        line = Line(one, "BG96")
        line.faults.tcp.reset(p=0.4)
        found = []
        for _ in range(20):
            found.append(b"closed" in line.connect() + one.wait("2s"))
            one.at("+QICLOSE=0", wait="1s")
        return found

    first = struck(bench)
    assert 2 < sum(first) < 14
    assert struck(make_bench()) == first
    assert struck(make_bench(seed=8)) != first


def test_at_an_instant_in_a_state_and_on_a_command(quectel: Line) -> None:
    quectel.open()
    quectel.faults.after("10s").tcp.reset()
    assert b"closed" not in quectel.bench.wait("9s")
    assert b"closed" in quectel.bench.wait("2s")
    quectel.bench.at("+QICLOSE=0")
    quectel.faults.when(socket=True).tcp.cut()
    assert b'+QIURC: "closed",0' in quectel.connect()
    quectel.bench.at("+QICLOSE=0")
    quectel.faults.on("AT+QISEND", nth=2).tcp.reset()
    quectel.open()
    assert b"closed" not in quectel.send(b"one")
    assert b"closed" in quectel.send(b"two")
    assert quectel.ends[-1].data == b"one"
    assert len(quectel.faults) == 0


@pytest.mark.strikes("tcp-reset", "tcp-half-close")
def test_connections_that_hosts_open(quectel: Line) -> None:
    bench = quectel.bench
    bench.at('+QIOPEN=1,0,"TCP LISTENER","127.0.0.1",0,2020,0', wait="1s")
    device = (bench.modem.packet.active[1].ip, 2020)
    bench.faults.tcp.half_close(nth=1, after=3, direction="down", host=NAME)
    bench.faults.tcp.reset(nth=2, host=ADDRESS)

    def call() -> Shout:
        with bench.world.turn():
            end = Shout(None)  # type: ignore[arg-type]
            end.connection = quectel.host.connect(device, end)
        return end

    first = call()
    assert b'+QIURC: "incoming",1,0,' in bench.wait("1s")
    with bench.world.turn():
        first.connection.send(b"hello")
    said = bench.wait("1s")
    assert said.endswith(b'\r\n+QIURC: "recv",1\r\n\r\n+QIURC: "closed",1\r\n')
    assert b"+QIRD: 3\r\nhel\r\n" in bench.at("+QIRD=1,100")
    second = call()
    assert bench.wait("1s").endswith(b'\r\n+QIURC: "closed",2\r\n')
    assert second.ends == ["reset by the peer"]


def test_a_sticky_stall_is_lifted_from_all_connections(quectel: Line) -> None:
    stall = quectel.faults.tcp.stall(direction="down", sticky=True)
    quectel.open()
    quectel.bench.at(f'+QIOPEN=1,1,"TCP","{NAME}",7', wait="2s")
    quectel.send(b"four")
    quectel.bench.at("+QISEND=1,4")
    quectel.bench.type(b"five", wait="5s")
    assert [end.data for end in quectel.ends] == [b"four", b"five"]
    assert stall.struck == 2
    stall.remove()
    said = quectel.bench.wait("1s")
    assert b'"recv",0' in said
    assert b'"recv",1' in said


def test_every_strike_is_in_the_journal(quectel: Line) -> None:
    quectel.faults.tcp.reset(after=2)
    quectel.faults.dns.slow(by="1s")
    quectel.open()
    quectel.send(b"four")
    entries = quectel.bench.world.journal.select("fault_injected", source="fault")
    assert [(entry.data["kind"], entry.device) for entry in entries] == [
        ("dns-slow", "modem-1"), ("tcp-reset", "modem-1")]
    assert entries[0].data["name"] == NAME
    assert entries[1].data["host"] == f"{ADDRESS}:7"


def test_udp_faults_of_one_host(bench: FaultBench) -> None:
    bench.internet.add_host("echo.example", address=ADDRESS).on_udp(7, lambda source, payload: payload)
    bench.online()
    bench.faults.udp.loss(host="echo.example", direction="up", sticky=True)
    bench.send_datagram(b"to the cloud")
    bench.send_datagram(b"lost", f'"{ADDRESS}",7')
    assert bench.cloud.datagrams == [b"to the cloud"]
    assert bench.injected("udp-loss") == 1


@pytest.mark.parametrize(("described", "message"), [
    ({"kind": "dns-wrong", "address": "nowhere"}, "^address: must be an IPv4 address"),
    ({"kind": "tcp-reset", "port": 0}, "^port: must be a whole number from 1"),
    ({"kind": "tcp-reset", "afer": 1}, "did you mean 'after'"),
    ({"kind": "tcp-resett"}, "did you mean 'tcp-reset'"),
])
def test_what_is_wrong_is_told(bench: FaultBench, described: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bench.faults.set(described)
