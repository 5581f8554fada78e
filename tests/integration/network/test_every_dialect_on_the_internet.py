"""A connection to a host of the virtual internet, a name and echo requests, with each maker's own commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.virtual.internet.seams import CloseReason, TcpConnection
from harness.virtual.modem import profile_names

if TYPE_CHECKING:
    from tests.integration.network.conftest import Lab, MakeLab


class Shout:
    """Sends everything back in capitals; closes at a full stop."""

    def __init__(self, connection: TcpConnection) -> None:
        self._connection = connection

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None:
        self._connection.send(data.upper())
        if data.endswith(b"."):
            self._connection.close()

    def closed(self, reason: CloseReason) -> None: ...


@dataclass(frozen=True)
class Procedure:
    """One maker's commands; where a pair, the second is the code to wait for afterwards."""

    context: tuple[tuple[str, str], ...]
    connect: tuple[tuple[str, str], ...]
    send: str
    arrived: str
    read: str
    closed: str
    resolve: tuple[str, str]
    ping: tuple[str, str]


QUECTEL = Procedure(
    context=(('AT+QICSGP=1,1,"super","","",0', ""), ("AT+QIACT=1", "")),
    connect=(('AT+QIOPEN=1,0,"TCP","shout.example.com",7,0,0', r"\+QIOPEN: 0,0"),),
    send="AT+QISEND=0,{length}", arrived=r'\+QIURC: "recv",0', read="AT+QIRD=0,1500", closed=r'\+QIURC: "closed",0',
    resolve=('AT+QIDNSGIP=1,"shout.example.com"', r'\+QIURC: "dnsgip","{ip}"'),
    ping=('AT+QPING=1,"shout.example.com",4,2', r"\+QPING: 0,2,2,0,"))
SIM7080 = Procedure(
    context=(('AT+CNCFG=0,1,"super"', ""), ("AT+CNACT=0,1", r"\+APP PDP: 0,ACTIVE")),
    connect=(('AT+CAOPEN=0,0,"TCP","shout.example.com",7', ""),),
    send="AT+CASEND=0,{length}", arrived=r"\+CADATAIND: 0", read="AT+CARECV=0,1459", closed=r"\+CASTATE: 0,0",
    resolve=('AT+CDNSGIP="shout.example.com"', r'\+CDNSGIP: 1,"shout.example.com","{ip}"'),
    ping=('AT+SNPING4="shout.example.com",2,32,1000', ""))
SIM7600 = Procedure(
    context=(('AT+CGDCONT=1,"IP","super"', ""), ("AT+NETOPEN", r"\+NETOPEN: 0"), ("AT+CIPRXGET=1", "")),
    connect=(('AT+CIPOPEN=0,"TCP","shout.example.com",7', r"\+CIPOPEN: 0,0"),),
    send="AT+CIPSEND=0,{length}", arrived=r"\+CIPRXGET: 1,0", read="AT+CIPRXGET=2,0,1500", closed=r"\+IPCLOSE: 0,1",
    resolve=('AT+CDNSGIP="shout.example.com"', ""),
    ping=('AT+CPING="shout.example.com",1,2', r"\+CPING: 3,2,2,0,"))
SARA_R4 = Procedure(
    context=(('AT+CGDCONT=1,"IP","super"', ""), ("AT+CGACT=1,1", "")),
    connect=(("AT+USOCR=6", ""), ('AT+USOCO=0,"shout.example.com",7', "")),
    send="AT+USOWR=0,{length}", arrived=r"\+UUSORD: 0,\d+", read="AT+USORD=0,1024", closed=r"\+UUSOCL: 0",
    resolve=('AT+UDNSRN=0,"shout.example.com"', ""),
    ping=('AT+UPING="shout.example.com",2', r'\+UUPING: 2,32,"shout.example.com","{ip}"'))
SARA_R5 = Procedure(**{**SARA_R4.__dict__, "context": (
    ('AT+CGDCONT=1,"IP","super"', ""), ("AT+UPSD=0,100,1", ""), ("AT+UPSDA=0,3", r'\+UUPSDA: 0,"'))})
TELIT = Procedure(
    context=(('AT+CGDCONT=1,"IP","super"', ""), ("AT#SGACT=1,1", "")),
    connect=(('AT#SD=1,0,7,"shout.example.com",0,0,1', ""),),
    send="AT#SSENDEXT=1,{length}", arrived=r"SRING: 1", read="AT#SRECV=1,1500", closed="NO CARRIER",
    resolve=('AT#QDNS="shout.example.com"', ""),
    ping=('AT#PING="shout.example.com",2', ""))

PROCEDURES = {"quectel": QUECTEL, "sim7080": SIM7080, "sim7600": SIM7600, "sara-r4": SARA_R4, "sara-r5": SARA_R5,
              "telit": TELIT}


@pytest.mark.parametrize("profile", profile_names())
def test_a_modem_talks_to_a_host(profile: str, make_lab: MakeLab) -> None:
    lab = make_lab(profile=profile, dialect=None)
    host = lab.internet.add_host("shout.example.com").on_tcp(7, Shout)
    lab.far.power_on()
    lab.modem.open(within="60s")
    lab.modem.registered()
    procedure = PROCEDURES[lab.modem.dialect.name]
    do(lab, *procedure.context, *procedure.connect)
    for text in (b"hello", b"\r\nOK\r\n \x1a\x00"):
        since = lab.modem.mark()
        lab.modem.command(procedure.send.format(length=len(text)), data=text)
        lab.modem.expect_urc("", matching=f"^{procedure.arrived}", since=since, within="30s")
        assert lab.modem.command(procedure.read).blocks == (text.upper(),)
    since = lab.modem.mark()
    lab.modem.command(procedure.send.format(length=4), data=b"bye.")
    lab.modem.expect_urc("", matching=f"^{procedure.arrived}", since=since, within="30s")
    assert lab.modem.command(procedure.read).blocks == (b"BYE.",)
    lab.modem.expect_urc("", matching=f"^{procedure.closed}", since=since, within="30s")  # some tell it after the data
    for command, code in (procedure.resolve, procedure.ping):
        said = do(lab, (command, code.format(ip=host.ip)))
        assert code or host.ip in said


def do(lab: Lab, *steps: tuple[str, str]) -> str:
    """Send commands, wait for the codes that follow, and return what the last one was answered with."""
    lines: tuple[str, ...] = ()
    for command, code in steps:
        since = lab.modem.mark()
        lines = lab.modem.command(command).lines
        if code:
            lab.modem.expect_urc("", matching=f"^{code}", since=since, within="60s")
    return "\n".join(lines)
