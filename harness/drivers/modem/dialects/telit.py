"""Telit ME910: sockets by #SD, #SSENDUDPEXT, #SRECV."""

from __future__ import annotations

import re
from types import MappingProxyType

from harness.drivers.modem.dialect import NEVER, Dialect, SetupStep, TcpProcedure, UdpProcedure, Urc
from harness.drivers.modem.dialects.generic import GENERIC_IDENTITY, GENERIC_SETUP, GENERIC_TIMEOUTS, GENERIC_URCS
from harness.formats.at import PayloadHeader

TELIT = Dialect(
    name="telit",
    modules=frozenset({"me910", "me910c1", "me310", "ml865c1"}),
    known_by=r"(?i)\btelit\b",
    identity=MappingProxyType({**GENERIC_IDENTITY, "iccid": "AT#CCID"}),
    setup=(*GENERIC_SETUP, SetupStep(command="AT+CGEREP=1,0", required=False)),
    urcs=(
        *GENERIC_URCS,
        Urc(prefix="SRING:"),
        Urc(prefix="#QSS:", pattern=r"#QSS: *\d"),
        Urc(prefix="#PSNT:", pattern=r"#PSNT: *\d"),
        Urc(prefix="#NITZ:", pattern=r"#NITZ: *\d\d/.*"),
        Urc(prefix="#PSMURC:", pattern=r"#PSMURC: *\d+"),
    ),
    boot=frozenset(),
    payload_headers=(
        PayloadHeader(pattern=re.compile(r'#SRECV: *"?[\d.]+"?,\d+,\d+,(\d+),\d+')),
        PayloadHeader(pattern=re.compile(r"#SRECV: *\d+,(\d+)")),
    ),
    timeouts=MappingProxyType({
        **GENERIC_TIMEOUTS, "AT#SGACT": "150s", "AT#SD": "140s", "AT#SSENDUDPEXT": "30s", "AT#SH": "10s",
        "AT#QDNS": "170s", "AT#PING": "60s", "AT#SHDN": "10s",
    }),
    timeout="10s",
    connects=("AT#SD=", "AT#SO", "AT#SA="),
    registration=("AT+CEREG?", "AT+CREG?"),
    udp=UdpProcedure(
        sockets=range(1, 7),
        max_payload=1_500,
        active=("AT#SGACT?", r"#SGACT: *(?P<context>\d+),1"),
        address=("AT#CGPADDR=1", r'#CGPADDR: *(?P<context>\d+),"(?P<ip>[\d.]+)"'),
        configure=('AT+CGDCONT=1,"IP","{apn}"',),
        activate="AT#SGACT=1,1",
        prepare=("AT#SCFG={socket},1,300,0,600,50", "AT#SCFGEXT={socket},1,0,0"),  # 0: idle sockets stay,
        # a peer that is this host itself means any peer
        open='AT#SD={socket},1,1,"127.0.0.1",0,{port},1',
        opened="",
        send='AT#SSENDUDPEXT={socket},{length},"{ip}",{port}',
        arrived=r"SRING: *(?P<socket>\d+)(?:,\d+)?",
        read="AT#SRECV={socket},1500,1",
        read_header=r'#SRECV: *"?(?P<ip>[\d.]+)"?,(?P<port>\d+),\d+,(?P<length>\d+),(?P<left>\d+)',
        empty_fails=True,
        close="AT#SH={socket}",
        closed=NEVER,  # NO CARRIER does not tell whose
        context_lost=r"\+CGEV: *NW (?:DETACH|PDN DEACT (?P<context>\d+))",
    ),
    tcp=TcpProcedure(
        max_payload=1_500,
        prepare=("AT#SCFG={socket},1,300,0,600,50", "AT#SCFGEXT={socket},0,0,0"),
        open='AT#SD={socket},0,{port},"{host}",0,0,1',
        send="AT#SSENDEXT={socket},{length}",
        arrived=r"SRING: *(?P<socket>\d+)(?:,\d+)?",
        read="AT#SRECV={socket},1500",
        closed=r"NO CARRIER",
        state=("AT#SS={socket}", r"#SS: *\d+,0"),
        close="AT#SH={socket}",
    ),
)
