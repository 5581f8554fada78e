"""Quectel modules: sockets by QI* commands."""

from __future__ import annotations

import re
from types import MappingProxyType

from harness.drivers.modem.dialect import Dialect, TcpProcedure, UdpProcedure, Urc
from harness.drivers.modem.dialects.generic import GENERIC_IDENTITY, GENERIC_SETUP, GENERIC_TIMEOUTS, GENERIC_URCS
from harness.formats.at import PayloadHeader

QUECTEL = Dialect(
    name="quectel",
    modules=frozenset({"bg96", "bg95", "ec21", "ec25", "eg21", "eg25", "eg91"}),
    known_by=r"(?i)\bquectel\b",
    identity=MappingProxyType({**GENERIC_IDENTITY, "iccid": "AT+QCCID"}),
    setup=GENERIC_SETUP,
    urcs=(
        *GENERIC_URCS,
        Urc(prefix="+QIURC:"),
        Urc(prefix="+QIOPEN:", pattern=r"\+QIOPEN: *\d+,\d+"),
        Urc(prefix="+QIND:"),
        Urc(prefix="+QUSIM:"),
        Urc(prefix="+QSIMSTAT:"),
        Urc(prefix="+QPSMTIMER:"),
        Urc(prefix="RDY"),
        Urc(prefix="APP RDY"),
        Urc(prefix="SMS DONE"),
        Urc(prefix="PB DONE"),
        Urc(prefix="POWERED DOWN"),
        Urc(prefix="NORMAL POWER DOWN"),
    ),
    boot=frozenset({"RDY", "APP RDY"}),
    payload_headers=(
        PayloadHeader(pattern=re.compile(r'\+QIRD: *(\d+)(?:,"[^"]*",\d+)?')),
        PayloadHeader(pattern=re.compile(r'\+QIURC: *"recv",\d+,(\d+)(?:,"[^"]*",\d+)?')),
    ),
    timeouts=MappingProxyType({
        **GENERIC_TIMEOUTS, "AT+QIACT": "150s", "AT+QIDEACT": "40s", "AT+QIOPEN": "150s", "AT+QISEND": "30s",
        "AT+QICLOSE": "12s", "AT+QPOWD": "65s",
    }),
    timeout="5s",
    sends=("AT+QISEND",),
    connects=("AT+QIOPEN", "AT+QISWTMD"),
    registration=("AT+CEREG?", "AT+CREG?"),
    udp=UdpProcedure(
        sockets=range(12),
        max_payload=1_460,
        active=("AT+QIACT?", r'\+QIACT: *(?P<context>\d+),1,\d+,"(?P<ip>[^"]+)".*'),
        configure=('AT+QICSGP=1,1,"{apn}","","",0',),
        activate="AT+QIACT=1",
        open='AT+QIOPEN=1,{socket},"UDP SERVICE","127.0.0.1",0,{port},0',
        opened=r"\+QIOPEN: *(?P<socket>\d+),(?P<error>\d+)",
        send='AT+QISEND={socket},{length},"{ip}",{port}',
        arrived=r'\+QIURC: *"recv",(?P<socket>\d+)',
        read="AT+QIRD={socket}",
        read_header=r'\+QIRD: *(?P<length>\d+)(?:,"(?P<ip>[^"]*)",(?P<port>\d+))?',
        close="AT+QICLOSE={socket}",
        closed=r'\+QIURC: *"closed",(?P<socket>\d+)',
        context_lost=r'\+QIURC: *"pdpdeact",(?P<context>\d+)',
    ),
    tcp=TcpProcedure(
        max_payload=1_460,
        open='AT+QIOPEN=1,{socket},"TCP","{host}",{port},0,0',
        opened=r"\+QIOPEN: *(?P<socket>\d+),(?P<error>\d+)",
        send="AT+QISEND={socket},{length}",
        arrived=r'\+QIURC: *"recv",(?P<socket>\d+)',
        read="AT+QIRD={socket},1500",
        closed=r'\+QIURC: *"closed",(?P<socket>\d+)',
        close="AT+QICLOSE={socket}",
    ),
)
