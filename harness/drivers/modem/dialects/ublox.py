"""u-blox SARA-R4 and SARA-R5: sockets by +USO...; the R5 activates a profile of its own stack by +UPSDA first."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType

from harness.drivers.modem.dialect import Dialect, SetupStep, TcpProcedure, UdpProcedure, Urc
from harness.drivers.modem.dialects.generic import GENERIC_IDENTITY, GENERIC_SETUP, GENERIC_TIMEOUTS, GENERIC_URCS
from harness.formats.at import PayloadHeader

SARA_R4 = Dialect(
    name="sara-r4",
    modules=frozenset({"sara-r4", "sara-r410m", "sara-r412m", "sara-r422"}),
    known_by=r"SARA-[RN]4",
    identity=GENERIC_IDENTITY,
    setup=(*GENERIC_SETUP, SetupStep(command="AT+CGEREP=1,0", required=False)),
    urcs=(
        *GENERIC_URCS,
        Urc(prefix="+UUSORF:"),
        Urc(prefix="+UUSORD:"),
        Urc(prefix="+UUSOCL:"),
        Urc(prefix="+UUSOCO:"),
        Urc(prefix="+UUSOLI:"),
        Urc(prefix="+UUPSDA:"),
        Urc(prefix="+UUPSDD:"),
        Urc(prefix="+UUPING:"),
        Urc(prefix="+UUPINGER:"),
        Urc(prefix="+UUSIMSTAT:"),
        Urc(prefix="+UUPSMR:"),
    ),
    boot=frozenset(),
    payload_headers=(
        PayloadHeader(pattern=re.compile(r'\+USORF: *\d+,"[^"]*",\d+,(\d+),"'), inline=True),
        PayloadHeader(pattern=re.compile(r'\+USORD: *\d+,(\d+),"'), inline=True),
    ),
    timeouts=MappingProxyType({
        **GENERIC_TIMEOUTS, "AT+USOCO": "130s", "AT+USOCL": "120s", "AT+USOST": "10s", "AT+USOWR": "120s",
        "AT+UPSDA": "180s", "AT+UDNSRN": "70s", "AT+CPWROFF": "40s", "AT+CFUN": "180s",
    }),
    timeout="10s",
    registration=("AT+CEREG?", "AT+CREG?"),
    prompt_delay="50ms",
    connects=("AT+USODL",),
    udp=UdpProcedure(
        sockets=range(7),
        max_payload=1_024,
        active=("AT+CGPADDR=1", r'\+CGPADDR: *(?P<context>\d+),"(?P<ip>(?!0\.0\.0\.0)[\d.]+)"'),
        configure=('AT+CGDCONT=1,"IP","{apn}"',),
        activate="AT+CGACT=1,1",
        open="AT+USOCR=17,{port}",
        opened=r"\+USOCR: *(?P<socket>\d+)",
        send='AT+USOST={socket},"{ip}",{port},{length}',
        arrived=r"\+UUSOR[FD]: *(?P<socket>\d+),\d+",
        read="AT+USORF={socket},1024",
        read_header=r'\+USORF: *\d+,"(?P<ip>[^"]*)",(?P<port>\d+),(?P<length>\d+),"',
        close="AT+USOCL={socket}",
        closed=r"\+UUSOCL: *(?P<socket>\d+)",
        context_lost=r"\+CGEV: *NW (?:DETACH|PDN DEACT (?P<context>\d+))",
    ),
    tcp=TcpProcedure(
        max_payload=1_024,
        create=("AT+USOCR=6", r"\+USOCR: *(?P<socket>\d+)"),
        open='AT+USOCO={socket},"{host}",{port}',
        send="AT+USOWR={socket},{length}",
        arrived=r"\+UUSORD: *(?P<socket>\d+),\d+",
        read="AT+USORD={socket},1024",
        closed=r"\+UUSOCL: *(?P<socket>\d+)",
        close="AT+USOCL={socket}",
    ),
)

SARA_R5 = replace(
    SARA_R4,
    name="sara-r5",
    modules=frozenset({"sara-r5", "sara-r500s", "sara-r510s"}),
    known_by=r"SARA-R5",
    udp=replace(
        SARA_R4.udp,
        active=("AT+UPSND=0,0", r'\+UPSND: *(?P<context>\d+),0,"(?P<ip>[\d.]+)"'),
        configure=('AT+CGDCONT=1,"IP","{apn}"', "AT+UPSD=0,0,0", "AT+UPSD=0,100,1"),
        activate="AT+UPSDA=0,3",
        activated=r"\+UUPSDA: *0.*",
        context=0,
        context_lost=r"\+UUPSDD: *(?P<context>\d+)",
    ),
)
