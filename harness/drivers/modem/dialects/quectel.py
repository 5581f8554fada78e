"""Quectel modules: sockets by QI* commands."""

from __future__ import annotations

import re
from types import MappingProxyType

from harness.drivers.modem.dialect import Dialect, SetupStep, UdpProcedure, Urc
from harness.drivers.modem.dialects.generic import GENERIC_URCS
from harness.formats.at import PayloadHeader

QUECTEL = Dialect(
    name="quectel",
    modules=frozenset({"bg96", "bg95", "ec21", "ec25", "eg21", "eg25", "eg91"}),
    identity=MappingProxyType({"manufacturer": "AT+CGMI", "model": "AT+CGMM", "revision": "AT+CGMR",
                               "imei": "AT+CGSN", "imsi": "AT+CIMI", "iccid": "AT+QCCID"}),
    setup=(
        SetupStep(command="ATE0"),
        SetupStep(command="ATV1"),
        SetupStep(command="AT+CMEE=1"),
        SetupStep(command="AT+CMGF=0", required=False),
        SetupStep(command="AT+CNMI=2,1,0,0,0", required=False),
        SetupStep(command="AT+CREG=2", required=False),
        SetupStep(command="AT+CEREG=2", required=False),
    ),
    urcs=(
        *GENERIC_URCS,
        Urc(prefix="+QIURC:"),
        Urc(prefix="+QIOPEN:", pattern=r"\+QIOPEN: *\d+,\d+"),
        Urc(prefix="+QIND:"),
        Urc(prefix="+QUSIM:"),
        Urc(prefix="+QSIMSTAT:"),
        Urc(prefix="+QPSMTIMER:"),
        Urc(prefix="+CEDRXP:"),
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
        "AT+CMGS": "120s", "AT+CMSS": "120s", "AT+QIACT": "150s", "AT+QIDEACT": "40s", "AT+QIOPEN": "150s",
        "AT+QISEND": "30s", "AT+QICLOSE": "12s", "AT+COPS": "180s", "AT+CGATT": "140s", "AT+CGACT": "150s",
        "AT+CFUN": "15s", "AT+CPIN": "5s", "AT+CMGL": "30s", "AT+CMGD": "30s", "AT+QPOWD": "65s", "ATD": "180s",
    }),
    timeout="5s",
    registration=("AT+CEREG?", "AT+CREG?"),
    udp=UdpProcedure(
        sockets=12,
        max_payload=1_460,
        active=("AT+QIACT?", r'\+QIACT: *(?P<context>\d+),1,\d+,"(?P<ip>[^"]+)".*'),
        configure=('AT+QICSGP={context},1,"{apn}","","",0',),
        activate="AT+QIACT={context}",
        open='AT+QIOPEN={context},{socket},"UDP SERVICE","127.0.0.1",0,{port},0',
        opened=r"\+QIOPEN: *(?P<socket>\d+),(?P<error>\d+)",
        send='AT+QISEND={socket},{length},"{ip}",{port}',
        arrived=r'\+QIURC: *"recv",(?P<socket>\d+)',
        read="AT+QIRD={socket}",
        read_header=r'\+QIRD: *(?P<length>\d+)(?:,"(?P<ip>[^"]*)",(?P<port>\d+))?',
        close="AT+QICLOSE={socket}",
        closed=r'\+QIURC: *"closed",(?P<socket>\d+)',
        context_lost=r'\+QIURC: *"pdpdeact",(?P<context>\d+)',
    ),
)
