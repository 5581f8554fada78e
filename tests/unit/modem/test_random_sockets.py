"""Any order of socket commands, of what the network does and of what a client types: no crash, and no port stuck."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.clock import RandomStream, random_stream
from harness.virtual.internet.seams import CloseReason
from harness.virtual.modem import SimCard
from harness.virtual.network.seams import Datagram
from tests.unit.modem.conftest import BenchConnection

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OWN, PEER = "100.64.7.8", ("100.64.0.1", 9)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

GENERAL = ["O", "H", "+CFUN=4", "+CFUN=1", "+CMUX=0", "+CGACT={bit},1", "D*99#"]
QUECTEL = [
    "+QIACT=1", "+QIDEACT=1", '+QIOPEN=1,{id},"TCP","example.com",80,0,{mode}', "+QISWTMD={id},{mode}",
    '+QIOPEN=1,{id},"UDP","192.0.2.1",9,0,{mode}', '+QIOPEN=1,{id},"UDP SERVICE","127.0.0.1",0,{port},{mode}',
    '+QIOPEN=1,{id},"TCP LISTENER","127.0.0.1",0,{port},{mode}', "+QICLOSE={id}", "+QISEND={id}", "+QISEND={id},{size}",
    '+QISEND={id},{size},"100.64.0.1",9', '+QISENDEX={id},"3132"', "+QIRD={id}", "+QIRD={id},{size}", "+QISTATE",
    "+QISTATE=1,{id}", '+QICFG="dataformat",{bit},{bit}', '+QICFG="viewmode",{bit}', '+QICFG="passiveclosed",{bit}',
    '+QICFG="recvind",{bit}', '+QIDNSGIP=1,"example.com"', '+QPING=1,"example.com",1,1', '+QNTP=1,"example.com"']
SIM7080 = [
    "+CNACT=0,{bit}", '+CAOPEN={id},0,"TCP","example.com",80,{bit}', '+CAOPEN={id},0,"UDP","192.0.2.1",9,{bit}',
    '+CASERVER={id},0,"UDP",{port},{bit}', '+CASERVER={id},0,"TCP",{port},{bit}', "+CASEND={id},{size}",
    "+CARECV={id},{size}", "+CARECV?", "+CASTATE?", "+CACLOSE={id}", "+CASWITCH={id},1", "+CAACK={id}",
    '+CACFG="REMOTEADDR",{id},100.64.0.1,9', '+CDNSGIP="example.com"', '+SNPING4="example.com",1,8,100']
SIM7600 = [
    "+NETOPEN", "+NETCLOSE", '+CIPOPEN={id},"TCP","example.com",80', '+CIPOPEN={id},"UDP",,,{port}', "+CIPMODE={bit}",
    "+CIPSEND={id},{size}", "+CIPSEND={id}", '+CIPSEND={id},{size},"100.64.0.1",9', "+CIPRXGET={bit}",
    "+CIPRXGET=2,{id},{size}", "+CIPRXGET=3,{id},{size}", "+CIPRXGET=4,{id}", "+CIPCLOSE={id}", "+CIPCLOSE?",
    "+CIPOPEN?", "+SERVERSTART={port},{bit}", "+SERVERSTOP={bit}", "+CIPACK={id}", '+CPING="example.com",1,1']
UBLOX = [
    "+UPSDA=0,3", "+UPSDA=0,4", "+USOCR=6", "+USOCR=17,{port}", '+USOCO={id},"example.com",80', "+USOLI={id},{port}",
    '+USOCO={id},"example.com",80,1', "+USOWR={id},{size}", '+USOWR={id},2,"ab"', '+USOST={id},"100.64.0.1",9,{size}',
    '+USOST={id},"example.com",9,{size}', "+USORD={id},{size}", "+USORF={id},{size}", "+USOCL={id}", "+USOCL={id},1",
    "+USODL={id}", "+USOCTL={id},10", "+UDCONF=1,{bit}", "+USOER", '+UDNSRN=0,"example.com",{bit}',
    '+UPING="example.com",1']
TELIT = [
    "#SGACT=1,{bit}", '#SD={id},0,80,"example.com",0,0,{bit}', '#SD={id},1,9,"192.0.2.1",0,0,{bit}',
    '#SD={id},1,9,"127.0.0.1",0,{port},1', "#SL={id},{bit},{port}", "#SLUDP={id},{bit},{port}", "#SA={id},{bit}",
    "#SO={id}", "#SH={id}", "#SSEND={id}", "#SSENDEXT={id},{size}", '#SSENDUDP={id},"100.64.0.1",9',
    "#SRECV={id},{size}", "#SRECV={id},{size},1", "#SS", "#SI", "#SCFGEXT={id},{mode},{bit},0,{bit},{bit}",
    "#SCFG={id},1,300,{mode},100,50", "#SLASTCLOSURE", '#QDNS="example.com"', '#PING="example.com",1']
COMMANDS = {"BG96": (QUECTEL, "+QIACT=1"), "SIM7080G": (SIM7080, "+CNACT=0,1"), "SIM7600": (SIM7600, "+NETOPEN"),
            "SARA-R4": (UBLOX, "+CGACT=1,1"), "SARA-R5": (UBLOX, "+UPSDA=0,3"), "ME910": (TELIT, "#SGACT=1,1")}
TYPED = [b"abc", b"x\x1a", b"\x1b", b"616263", b"+++", b"\r"]
STEPS = ["command"] * 12 + ["typed"] * 3 + ["wait"] * 3 + ["connected", "received", "closed", "datagram", "incoming",
                                                           "lost", "unplugged", "restart"]
REASONS = [CloseReason.CLOSED_BY_PEER, CloseReason.RESET, CloseReason.TIMED_OUT, CloseReason.REFUSED]


def take(bench: Bench, step: str, pick: RandomStream, commands: Sequence[str]) -> None:
    carrier, modem = bench.carrier, bench.modem
    standing = [connection for connection in carrier.connections if not connection.closed]
    if step == "command":
        bench.at(pick.choice(commands).format(id=pick.randint(0, 3), mode=pick.randint(0, 2), bit=pick.randint(0, 1),
                                              port=pick.choice((3030, 8080)), size=pick.randint(0, 6)))
    elif step == "typed":
        bench.type(pick.choice(TYPED))
    elif step == "wait":
        bench.wait(pick.choice(("10ms", "500ms", "2s", "5s")))
    elif step == "connected" and standing:
        standing[-1].handler.connected()
    elif step == "received" and standing:
        pick.choice(standing).handler.received(b"data")
    elif step == "closed" and standing:
        over = pick.choice(standing)
        over.closed = True
        over.handler.closed(pick.choice(REASONS))
    elif step == "datagram":
        modem.datagram_received(1, Datagram(source=PEER, destination=(OWN, pick.choice((3030, 8080))), payload=b"hi"))
    elif step == "incoming" and carrier.listeners:
        port, accept = pick.choice(sorted(carrier.listeners.items()))
        far = BenchConnection((OWN, port), ("192.0.2.9", pick.randint(1000, 9000)))
        far.handler = accept(far)
    elif step == "lost" and pick.random() < 0.3:
        modem.session_lost(1)
    elif step == "unplugged":
        bench.port.client_gone()
    elif step == "restart" and pick.random() < 0.3:
        modem.reboot()
        bench.wait("10s")


@pytest.mark.parametrize("profile", COMMANDS)
@QUICK
@given(steps=st.lists(st.sampled_from(STEPS), max_size=60), seed=st.integers(0, 1 << 32))
def test_a_port_always_recovers(steps: Sequence[str], seed: int, profile: str,
                                make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    commands, begin = COMMANDS[profile]
    pick = random_stream(seed, "sockets")
    bench = make_bench(profile=profile, sim=make_card())
    for command in ('+CGDCONT=1,"IP","super"', '+QICSGP=1,1,"super"', '+CNCFG=0,1,"super"', begin):
        bench.at(command, wait="1s")
    for step in steps:
        take(bench, step, pick, [*commands, *GENERAL])
    for _ in range(4):  # commands that were typed ahead may each wait for a connection
        for connection in bench.carrier.connections:
            if not connection.closed:
                connection.closed = True
                connection.handler.closed(CloseReason.TIMED_OUT)
        bench.wait("150s")
        bench.type(b"\x1b")
    for leave in (b"+++", bytes.fromhex("F903EF05C301F2F9"), b"\r", b"\x1b\x1b"):  # data mode, a mux, a line, a prompt
        bench.wait("3s")
        bench.type(leave)
    bench.wait("3s")
    bench.at("E0")
    assert bench.at("") == b"\r\nOK\r\n"
