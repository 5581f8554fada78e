"""Unsolicited codes of each family amid the lines of responses: neither is taken for the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.drivers.modem import DIALECTS, AtPort, Line, LineKind, SerialChannel
from harness.journal import Journal
from harness.rig.wires import SerialWire
from harness.virtual.world import World
from tests.unit.modem_driver.conftest import ScriptedPeer, ok

GENERIC = ('+CMTI: "SM",3', '+CREG: 5,"2F0B","A1B2C3",8', '+CEREG: 2', "RING", "+CGEV: NW DETACH",
           '+CMT: ,2\r\n0791448720003023240D', "+CTZV: \"+04\"", '+CEDRXP: 4,"0101","0101","0001"')

CODES: dict[str, tuple[str, ...]] = {
    "quectel": ('+QIURC: "recv",0', '+QIURC: "recv",1,5\r\nOK\r\nx', '+QIURC: "pdpdeact",1', "+QIND: SMS DONE",
                "+QUSIM: 1", "APP RDY", "+QIOPEN: 0,0"),
    "sim7080": ("+CADATAIND: 0", "+CASTATE: 0,0", "+APP PDP: 0,DEACTIVE", '+CANEW: 0,0,"100.64.0.1",6969', "SMS Ready",
                '*PSUTTZ: 26/11/25,02:20:00","+00",0', "DST: 0", '+CAURC: "recv",0,4,"192.0.2.1",80\r\nOK\r\n'),
    "sim7600": ("+CIPRXGET: 1,0", "+IPCLOSE: 0,1", "+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY", "+CIPOPEN: 0,0",
                "RECV FROM:100.64.0.1:6969\r\n+IPD4\r\nOK\r\n", "+SIMCARD: NOT AVAILABLE", "+NETOPEN: 0"),
    "sara-r4": ("+UUSORF: 0,10", "+UUSORD: 0,10", "+UUSOCL: 0", '+UUPSDA: 0,"10.0.0.1"', "+UUSIMSTAT: 0"),
    "sara-r5": ("+UUSORF: 0,10", "+UUPSDD: 0", "+UUSOCO: 0,0"),
    "telit": ("SRING: 1", "SRING: 1,20", "#QSS: 0", "#PSNT: 5", "NO CARRIER", "#NITZ: 26/11/25,02:20:00"),
}

RESPONSES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "quectel": (("AT+QISTATE?", ('+QISTATE: 0,"UDP SERVICE","127.0.0.1",0,6969,3,1,0,0,"usbmodem"',)),),
    "sim7080": (("AT+CNACT?", ('+CNACT: 0,1,"10.0.0.1"', '+CNACT: 1,0,"0.0.0.0"')),
                ("AT+CASTATE?", ("+CASTATE: 1,1", "+CASTATE: 2,2"))),
    "sim7600": (("AT+CIPRXGET=4,0", ("+CIPRXGET: 4,0,12",)), ("AT+CIPCLOSE?", ("+CIPCLOSE: 1,0,0,0,0,0,0,0,0,0",))),
    "sara-r4": (("AT+USOCR=17", ("+USOCR: 0",)), ("AT+USOCTL=0,10", ("+USOCTL: 0,10,4",))),
    "sara-r5": (("AT+UPSND=0,0", ('+UPSND: 0,0,"10.0.0.1"',)),),
    "telit": (("AT#SS", ("#SS: 1,0", "#SS: 2,4,10.0.0.1,6969")), ("AT#PSNT?", ("#PSNT: 1,4",))),
}
COMMON = (("AT+CGMI", ("Somebody",)), ("AT+CPIN?", ("+CPIN: READY",)), ("AT+CREG?", ('+CREG: 2,5,"2F0B","A1B2C3",8',)))

CASES = [(name, command, lines) for name, cases in RESPONSES.items() for command, lines in (*cases, *COMMON)]


@dataclass
class Wire:
    """A port of one dialect with a scripted modem behind it."""

    world: World
    peer: ScriptedPeer
    port: AtPort


@pytest.fixture
def wires() -> Iterator[dict[str, Wire]]:
    made: dict[str, Wire] = {}
    for name in CODES:
        world = World(seed=1)
        peer = ScriptedPeer()
        channel = SerialChannel(peer.path, world.clock, name, Journal(now=world.clock.now))
        world.clock.add_wire(SerialWire(channel, peer))  # type: ignore[union-attr]
        made[name] = Wire(world, peer, AtPort(channel, DIALECTS[name], world.clock, world.journal, name))
        made[name].port.open()
    yield made
    for wire in made.values():
        wire.port.channel.close()
        wire.peer.hang_up()
        wire.world.close()


@pytest.mark.parametrize(("name", "command", "lines"), CASES)
def test_codes_at_every_place_of_a_response(name: str, command: str, lines: tuple[str, ...],
                                            wires: dict[str, Wire]) -> None:
    wire = wires[name]
    pieces = [f"\r\n{line}\r\n" for line in (*lines, "OK")]
    for code in (*GENERIC, *CODES[name]):
        for place in range(len(pieces) + 1):
            if place == 0 and _alike(code, command):
                continue  # before any line of its own command, nobody can tell them apart
            wire.peer.script[command] = "".join([*pieces[:place], f"\r\n{code}\r\n", *pieces[place:]])
            since = wire.port.mark()
            assert wire.port.command(command).lines == lines, (code, place)
            wire.world.clock.sleep("10ms")
            told = [line for line in wire.port.lines if line.seq >= since and line.kind is LineKind.UNSOLICITED]
            assert _shown(told) == code.rstrip("\r\n"), (code, place)


def _alike(code: str, command: str) -> bool:
    return code.split(":")[0] == command.removeprefix("AT").split("=")[0].split("?")[0]


def _shown(told: list[Line]) -> str:
    return "\r\n".join("\r\n".join((line.text, *line.body, *([line.data.decode()] if line.data else [])))
                       for line in told).rstrip("\r\n")


def test_bursts_byte_by_byte(wires: dict[str, Wire]) -> None:
    for name, wire in wires.items():
        command, lines = RESPONSES[name][0]
        burst = "".join(f"\r\n{code}\r\n" for code in (*GENERIC, *CODES[name]) if not _alike(code, command))
        wire.peer.script[command] = ok(*lines)
        for octet in burst.encode():
            wire.peer.send(bytes([octet]))
            wire.world.clock.sleep("1ms")
        assert wire.port.command(command).lines == lines
        told = [line for line in wire.port.lines if line.kind is LineKind.UNSOLICITED]
        assert "\r\n".join(code.rstrip("\r\n") for code in (*GENERIC, *CODES[name])
                           if not _alike(code, command)) == _joined(told)


def _joined(told: list[Line]) -> str:
    return "\r\n".join(_shown([line]) for line in told)
