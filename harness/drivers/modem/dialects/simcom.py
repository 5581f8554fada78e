"""SIMCom modules: SIM7080G with sockets by +CA..., SIM7600 with sockets by +CIP..."""

from __future__ import annotations

import re
from types import MappingProxyType

from harness.drivers.modem.dialect import Dialect, UdpProcedure, Urc
from harness.drivers.modem.dialects.generic import GENERIC_IDENTITY, GENERIC_SETUP, GENERIC_TIMEOUTS, GENERIC_URCS
from harness.formats.at import PayloadHeader

_URCS = (
    *GENERIC_URCS,
    Urc(prefix="RDY"),
    Urc(prefix="SMS Ready"),
    Urc(prefix="SMS DONE"),
    Urc(prefix="PB DONE"),
    Urc(prefix="+SMS FULL"),
    Urc(prefix="+SIMCARD:"),
    Urc(prefix="*PSUTTZ:"),
    Urc(prefix="*PSNWID:"),
    Urc(prefix="DST:"),
    Urc(prefix="+CPSMSTATUS:"),
    Urc(prefix="+CNSMOD:", pattern=r"\+CNSMOD: *\d+"),
    Urc(prefix="NORMAL POWER DOWN"),
)

SIM7080 = Dialect(
    name="sim7080",
    modules=frozenset({"sim7070g", "sim7080g", "sim7090g"}),
    known_by=r"SIM70[789]0",
    identity=GENERIC_IDENTITY,
    setup=GENERIC_SETUP,
    urcs=(
        *_URCS,
        Urc(prefix="+APP PDP:"),
        Urc(prefix="+CADATAIND:"),
        Urc(prefix="+CANEW:"),
        Urc(prefix="+CDNSGIP:"),
        Urc(prefix="+CAURC:"),
        Urc(prefix="+CASTATE:", pattern=r"\+CASTATE: *\d+,0"),
    ),
    boot=frozenset({"RDY"}),
    payload_headers=(
        PayloadHeader(pattern=re.compile(r"\+CARECV: *(\d+),"), inline=True),
        PayloadHeader(pattern=re.compile(r'\+CAURC: *"recv",\d+,(\d+),"[^"]*",\d+')),
    ),
    timeouts=MappingProxyType({
        **GENERIC_TIMEOUTS, "AT+CNACT": "60s", "AT+CAOPEN": "75s", "AT+CASERVER": "10s", "AT+CASEND": "30s",
        "AT+CACLOSE": "10s", "AT+SNPING4": "180s",
    }),
    timeout="5s",
    connects=("AT+CASWITCH",),
    registration=("AT+CEREG?", "AT+CREG?"),
    udp=UdpProcedure(
        sockets=range(13),
        max_payload=1_459,
        active=("AT+CNACT?", r'\+CNACT: *(?P<context>\d+),[12],"(?P<ip>[^"]+)"'),
        configure=('AT+CNCFG=0,1,"{apn}"',),
        activate="AT+CNACT=0,1",
        activated=r"\+APP PDP: *0,ACTIVE",
        context=0,
        open='AT+CASERVER={socket},0,"UDP",{port}',
        opened=r"\+CASERVER: *(?P<socket>\d+),(?P<error>\d+)",
        before_send=('AT+CACFG="REMOTEADDR",{socket},{ip},{port}',),
        send="AT+CASEND={socket},{length}",
        arrived=r"\+CADATAIND: *(?P<socket>\d+)",
        read="AT+CARECV={socket},1459",
        read_header=r"\+CARECV: *(?P<length>\d+),?",
        close="AT+CACLOSE={socket}",
        closed=r"\+CASTATE: *(?P<socket>\d+),0",
        context_lost=r"\+APP PDP: *(?P<context>\d+),DEACTIVE",
    ),
)

SIM7600 = Dialect(
    name="sim7600",
    modules=frozenset({"sim7500", "sim7600"}),
    known_by=r"SIM7[56]00",
    identity=MappingProxyType({**GENERIC_IDENTITY, "iccid": "AT+CICCID"}),
    setup=GENERIC_SETUP,
    urcs=(
        *_URCS,
        Urc(prefix="+NETOPEN:", pattern=r"\+NETOPEN: *\d+"),
        Urc(prefix="+NETCLOSE:"),
        Urc(prefix="+CIPOPEN:", pattern=r"\+CIPOPEN: *\d+,\d+ *"),
        Urc(prefix="+CIPSEND:"),
        Urc(prefix="+CIPCLOSE:", pattern=r"\+CIPCLOSE: *\d+,\d+"),
        Urc(prefix="+CIPRXGET:", pattern=r"\+CIPRXGET: *1,\d+"),
        Urc(prefix="+IPCLOSE:"),
        Urc(prefix="+CIPEVENT:"),
        Urc(prefix="+CLIENT:"),
        Urc(prefix="RECV FROM:"),
        Urc(prefix="+IPD"),
        Urc(prefix="+RECEIVE,"),
    ),
    boot=frozenset({"RDY"}),
    payload_headers=(
        PayloadHeader(pattern=re.compile(r"\+CIPRXGET: *2,\d+,(\d+),\d+")),
        PayloadHeader(pattern=re.compile(r"\+IPD(\d+)")),
        PayloadHeader(pattern=re.compile(r"\+RECEIVE,\d+,(\d+):")),
    ),
    timeouts=MappingProxyType({
        **GENERIC_TIMEOUTS, "AT+NETOPEN": "120s", "AT+NETCLOSE": "120s", "AT+CIPOPEN": "120s", "AT+CIPSEND": "120s",
        "AT+CIPCLOSE": "10s", "AT+CPING": "30s", "AT+CDNSGIP": "30s",
    }),
    timeout="9s",
    connects=("AT+CIPOPEN",),
    registration=("AT+CEREG?", "AT+CREG?"),
    udp=UdpProcedure(
        sockets=range(10),
        max_payload=1_500,
        active=("AT+IPADDR", r"\+IPADDR: *(?P<ip>[\d.]+)"),
        configure=('AT+CGDCONT=1,"IP","{apn}"',),
        activate="AT+NETOPEN",
        activated=r"\+NETOPEN: *0",
        prepare=("AT+CIPRXGET=1",),
        open='AT+CIPOPEN={socket},"UDP",,,{port}',
        opened=r"\+CIPOPEN: *(?P<socket>\d+),(?P<error>\d+)",
        send='AT+CIPSEND={socket},{length},"{ip}",{port}',
        arrived=r"\+CIPRXGET: *1,(?P<socket>\d+)",
        read="AT+CIPRXGET=2,{socket},1500",
        read_header=r"\+CIPRXGET: *2,\d+,(?P<length>\d+),(?P<left>\d+)",
        empty_fails=True,
        close="AT+CIPCLOSE={socket}",
        closed=r"\+IPCLOSE: *(?P<socket>\d+),\d+",
        context_lost=r"\+CIPEVENT: *NETWORK CLOSED UNEXPECTEDLY",
    ),
)
