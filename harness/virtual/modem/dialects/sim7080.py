"""SIMCom SIM7070, SIM7080 and SIM7090: application networks (+CNACT) and their sockets (+CA...)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    ERROR,
    NO_PARAMETERS,
    OK,
    Call,
    Choice,
    Command,
    Connect,
    Needs,
    Number,
    Pending,
    Prompt,
    Reply,
    Result,
    cme,
    info,
    setting,
)
from harness.virtual.modem.dialects import simcom
from harness.virtual.modem.features.identity import iccid
from harness.virtual.modem.net_tools import Echo, EchoSummary, Pinger, ask_time, asking_time
from harness.virtual.modem.packet import ContextDefinition
from harness.virtual.modem.settings import Value
from harness.virtual.modem.socket_link import SocketLink
from harness.virtual.modem.socket_opening import OpenFailure, Opening, error_number, open_socket
from harness.virtual.modem.socket_syntax import (
    activate_for_sockets,
    address_of,
    has_context,
    host_of,
    socket_numbered,
)
from harness.virtual.modem.sockets import Service, Socket, SocketState
from harness.virtual.network.seams import Datagram, Session

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_MANUAL = "SIM7070/7080/7090 AT manual"
_SOCKETS = range(13)
_NETWORKS = range(4)  # application networks; number n is packet context n + 1
_MAX_SEND = 1_459
_MAX_READ = 1_459
_RESULTS = {OpenFailure.PORT_BUSY: 12, OpenFailure.GONE: 1, OpenFailure.UNKNOWN_HOST: 20, OpenFailure.REFUSED: 23,
            OpenFailure.TIMED_OUT: 27, OpenFailure.CLOSED: 1}
_NOT_ACTIVE = 21
_MILLISECOND = 1_000_000

# -- application networks ---------------------------------------------------------------------------------------------


def _configure_network(call: Call) -> Result:
    call.at_most(6)
    index = call.number(0, high=3)
    kind = ("IPV4V6", "IP", "IPV6", "IP", "IP")[call.number(1, high=4)]
    definitions = call.modem.packet.definitions
    old = definitions.get(index + 1, ContextDefinition())
    kept = (old.apn, old.user, old.password)
    texts = [call.text(position, before, limit=127) for position, before in enumerate(kept, start=2)]
    if not all(text.isascii() and text.isprintable() for text in texts):
        raise call.bad()
    definitions[index + 1] = replace(old, pdp_type=kind, apn=texts[0], user=texts[1], password=texts[2],
                                     authentication=call.number(5, old.authentication, high=3))
    return OK


def _network_configurations(call: Call) -> Result:
    lines = []
    for index in _NETWORKS:
        context = call.modem.packet.definitions.get(index + 1, ContextDefinition())
        kind = {"IPV4V6": 0, "IP": 1, "IPV6": 2}[context.pdp_type]
        lines.append(f'+CNCFG: {index},{kind},"{context.apn}","{context.user}","{context.password}",'
                     f"{context.authentication}")
    return Reply(tuple(lines))


def _switch_network(call: Call) -> Result:
    call.at_most(2)
    modem = call.modem
    index, action = call.number(0, high=3), call.number(1, high=2)
    cid = index + 1
    if not action:
        if has_context(modem, cid):
            modem.packet.deactivate(cid)
            modem.socket_contexts.discard(cid)
            modem.later(0, lambda: modem.urc(f"+APP PDP: {index},DEACTIVE"), name="modem-cnact")
        return OK
    if has_context(modem, cid):
        return cme(Cme.NOT_ALLOWED)
    if not modem.radio.served:
        return cme(Cme.NO_NETWORK)

    def told(session: Session | None) -> None:
        modem.urc(f"+APP PDP: {index},{'DEACTIVE' if session is None else 'ACTIVE'}")

    modem.later(0, lambda: activate_for_sockets(modem, cid, told), name="modem-cnact")
    return OK


def _networks(call: Call) -> Result:
    modem = call.modem
    return Reply(tuple(f'+CNACT: {index},1,"{modem.packet.active[index + 1].ip}"' if has_context(modem, index + 1)
                       else f'+CNACT: {index},0,"0.0.0.0"' for index in _NETWORKS))


def _network_apn(call: Call) -> Result:
    session = next(iter(call.modem.packet.active.values()), None)
    return info(f'+CGNAPN: {int(session is not None)},"{session.apn if session is not None else ""}"')


# -- opening ----------------------------------------------------------------------------------------------------------


def _choose(call: Call) -> Result:
    call.at_most(1)
    call.modem.settings["+CACID"] = (call.number(0, high=12),)
    return OK


def _chosen(call: Call) -> Result:
    number = call.modem.settings.number("+CACID")
    return OK if number < 0 else info(f"+CACID: {number}")


def _configure_tls(call: Call) -> Result:
    """+CASSLCFG: TLS can't be switched on; the other values are kept."""
    call.at_most(3)
    number, name = call.number(0, high=12), call.text(1).lower()
    if name not in _TLS_NAMES:
        raise call.bad()
    if name == "ssl" and call.number(2, high=1):
        return cme(Cme.NOT_SUPPORTED)
    if name == "localport":
        call.modem.settings[f"LOCALPORT {number}"] = (call.number(2, high=65_535),)
    return OK


_TLS_NAMES = ("cacert", "clientcert", "psktable", "timeout", "ssl", "crindex", "localport", "protocol")


def _new_socket(call: Call) -> tuple[int, int, int]:
    """Return number, context and receive mode of a socket to open."""
    call.at_most(6)
    modem = call.modem
    number, cid = call.number(0, high=12), call.number(1, high=3) + 1
    before = modem.sockets.open.get(number)
    if before is not None and before.state is SocketState.CLOSED_BY_PEER:
        modem.sockets.forget(before)  # clients do not close what the peer has closed
    elif before is not None:
        raise call.bad()
    return number, cid, call.number(5 if call.command.name == "+CAOPEN" else 4, 0, high=1)


def _open(call: Call) -> Result:
    number, cid, mode = _new_socket(call)
    service = {"TCP": Service.TCP, "UDP": Service.UDP}.get(call.text(2).upper())
    if service is None:
        raise call.bad()
    host, port = host_of(call, 3), call.number(4, low=1, high=65_535)
    settings = call.modem.settings
    local = settings.number(f"LOCALPORT {number}") if f"LOCALPORT {number}" in settings else 0
    return _opened(call, Opening(number=number, cid=cid, service=service, host=host, remote_port=port, local_port=local,
                                 access_mode=mode))


def _serve(call: Call) -> Result:
    number, cid, mode = _new_socket(call)
    service = {"TCP": Service.TCP_LISTENER, "UDP": Service.UDP_SERVICE}.get(call.text(2).upper())
    if service is None:
        raise call.bad()
    return _opened(call, Opening(number=number, cid=cid, service=service, access_mode=mode,
                                 local_port=call.number(3, low=1, high=65_535)))


def _opened(call: Call, wanted: Opening) -> Result:
    modem, name = call.modem, call.command.name
    if not has_context(modem, wanted.cid):
        return info(f"{name}: {wanted.number},{_NOT_ACTIVE}")

    def start(finish: Callable[[Result], None]) -> None:
        open_socket(modem, wanted, lambda outcome: finish(
            info(f"{name}: {wanted.number},{error_number(outcome, _RESULTS)}")))

    return Pending(start)


def _listed(service: tuple[Service, ...]) -> Callable[[Call], Result]:
    def tell(call: Call) -> Result:
        lines = []
        for number, socket in sorted(call.modem.sockets.open.items()):
            if socket.service in service:
                where = (f'"{socket.host}",{socket.remote[1]}' if service is _CLIENTS else str(socket.local_port))
                kind = "UDP" if socket.service in (Service.UDP, Service.UDP_SERVICE) else "TCP"
                lines.append(f'{call.command.name}: {number},{socket.cid - 1},"{kind}",{where}')
        return Reply(tuple(lines))

    return tell


_CLIENTS = (Service.TCP, Service.UDP)
_SERVERS = (Service.TCP_LISTENER, Service.UDP_SERVICE)


# -- +CACFG: parameters of connections --------------------------------------------------------------------------------

_PARAMETERS: dict[str, tuple[tuple[int, int, int], ...]] = {  # (low, high, factory value)
    "TRANSWAITTM": ((0, 2000, 200),), "TRANSPKTSIZE": ((1, 1460, 1459),), "KEEPALIVE": ((0, 1, 0), (30, 7200, 7200),
                                                                                       (1, 300, 75), (1, 10, 9)),
    "TCP_NODELAY": ((0, 1, 0),), "SACK": ((0, 1, 1),), "LINGER": ((0, 1, 0), (0, 65535, 0)),
    "ATOCLOSE": ((0, 1, 0), (0, 65535, 0)), "ACCEPTNUM": ((1, 12, 12),),
}


def _configure(call: Call) -> Result:
    name = call.text(0).upper()
    settings = call.modem.settings
    if name in ("TIMEOUT", "LOCALPORT"):
        call.at_most(3)
        settings[f"{name} {call.number(1, high=12)}"] = (call.number(2, high=65_535),)
        return OK
    if name == "REMOTEADDR":
        call.at_most(4)
        settings[f"{name} {call.number(1, high=12)}"] = address_of(call, 2)
        return OK
    ranges = _PARAMETERS.get(name)
    if ranges is None:
        raise call.bad()
    call.at_most(1 + len(ranges))
    values = list(settings[f"+CACFG.{name}"])
    for position, (low, high, _) in enumerate(ranges, start=1):
        if call.given(position):
            values[position - 1] = call.number(position, low=low, high=high)
    settings[f"+CACFG.{name}"] = tuple(values)
    return OK


def _configuration(call: Call) -> Result:
    return Reply(tuple(f'+CACFG: "{name}",{",".join(map(str, call.modem.settings[f"+CACFG.{name}"]))}'
                       for name in _PARAMETERS))


_CONFIGURATION_TEST = (
    *(f'"{name}",' + ",".join(f"({low}-{high})" for low, high, _ in ranges) for name, ranges in _PARAMETERS.items()),
    '"TIMEOUT",(0-12),(0-65535)', '"LOCALPORT",(0-12),(0-65535)', '"REMOTEADDR",(0-12),<ip>,(1-65535)')

# -- data -------------------------------------------------------------------------------------------------------------


def _send(call: Call) -> Result:
    call.at_most(3)
    modem = call.modem
    socket = socket_numbered(call, _SOCKETS)
    if not call.given(1):
        return info(f"+CASEND: {_MAX_SEND}")
    length = call.number(1, low=1, high=_MAX_SEND)
    timeout = call.number(2, 5_000, low=100, high=10_000) * _MILLISECOND
    to = _peer(modem, socket) if socket.service is Service.UDP_SERVICE else None
    if socket.service is Service.UDP_SERVICE and to is None:
        return cme(Cme.NOT_ALLOWED)
    if socket.state is not SocketState.OPEN:
        return cme(Cme.NOT_ALLOWED)
    return Prompt(length=length, text=b"\r\n>", echo=False, timeout=timeout,
                  then=lambda payload: OK if modem.sockets.send(socket, payload, to) else ERROR)


def _peer(modem: VirtualModem, socket: Socket) -> tuple[str, int] | None:
    """Return where a UDP server's datagrams go: as +CACFG set it, or to whom the last one came from."""
    key = f"REMOTEADDR {socket.number}"
    if key in modem.settings:
        ip, port = modem.settings[key]
        return str(ip), int(port)
    return socket.remote if socket.remote[1] else None


def _receive(call: Call) -> Result:
    call.at_most(2)
    socket = socket_numbered(call, _SOCKETS)
    part = socket.take_part(call.number(1, low=1, high=_MAX_READ))
    if not socket.buffer:
        socket.announced = False
    return info("+CARECV: 0") if part is None else info(b"+CARECV: %d," % len(part.payload) + part.payload)


def _waiting(call: Call) -> Result:
    return Reply(tuple(f"+CARECV: {number},{socket.buffered}"
                       for number, socket in sorted(call.modem.sockets.open.items()) if socket.buffered))


def _acknowledged(call: Call) -> Result:
    call.at_most(1)
    socket = socket_numbered(call, _SOCKETS)
    return info(f"+CAACK: {socket.sent},{socket.unacknowledged}")


_STATES = {SocketState.OPENING: 0, SocketState.OPEN: 1, SocketState.LISTENING: 2, SocketState.CLOSED_BY_PEER: 0}


def _states(call: Call) -> Result:
    return Reply(tuple(
        f"+CASTATE: {number},{2 if socket.service is Service.UDP_SERVICE else _STATES[socket.state]}"
        for number, socket in sorted(call.modem.sockets.open.items()) if number in _SOCKETS))


def _close(call: Call) -> Result:
    call.at_most(1)
    call.modem.sockets.close(socket_numbered(call, _SOCKETS).number)
    return OK


def _switch(call: Call) -> Result:
    call.at_most(2)
    socket = socket_numbered(call, _SOCKETS)
    if not call.number(1, high=1):
        return OK
    if socket.state is not SocketState.OPEN or not socket.service.is_connection:
        return cme(Cme.NOT_ALLOWED)
    return Connect(open=lambda port: SocketLink(call.modem, socket, port, closed_result="CLOSED"))


class Sockets:
    """Tells of sockets by +CADATAIND and +CASTATE."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def __repr__(self) -> str:
        return f"Sockets({self._modem.name})"

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Announce what waits, once until it was read; in push mode hand it over."""
        modem, (ip, port) = self._modem, datagram.source
        if socket.access_mode:
            head = f'+CAURC: "recv",{socket.number},{len(datagram.payload)},"{ip}",{port}\r\n'
            modem.urc(head.encode("ascii") + datagram.payload)
            return
        if socket.service is Service.UDP_SERVICE:
            socket.remote = datagram.source
            modem.urc(f'+CANEW: {socket.number},{socket.number},"{ip}",{port}')
        if not socket.announced:
            socket.announced = True
            modem.urc(f"+CADATAIND: {socket.number}")

    def closed(self, socket: Socket) -> None:
        """Tell that the peer closed."""
        self._modem.urc(f"+CASTATE: {socket.number},0")

    def incoming(self, listener: Socket, host: str, port: int) -> int | None:
        """Give a connection the lowest free number."""
        number = self._modem.sockets.free_number(_SOCKETS)
        if number is not None:
            self._modem.urc(f'+CANEW: {listener.number},{number},"{host}",{port}')
        return number

    def dropped(self, socket: Socket, *, by_network: bool) -> None:
        """Tell that a socket ended with its network."""
        if socket.state is not SocketState.OPENING:  # then +CAOPEN's own answer tells
            self._modem.urc(f"+CASTATE: {socket.number},0")

    def context_lost(self, cid: int) -> None:
        """Tell that an application network is gone."""
        if cid in self._modem.socket_contexts:
            self._modem.socket_contexts.discard(cid)
            self._modem.urc(f"+APP PDP: {cid - 1},DEACTIVE")


# -- tools ------------------------------------------------------------------------------------------------------------


def _cid_in_use(call: Call) -> int:
    cid = next((cid for cid in sorted(call.modem.socket_contexts) if cid in call.modem.packet.active), None)
    if cid is None:
        raise call.bad()
    return cid


def _resolve(call: Call) -> Result:
    call.at_most(3)
    modem, host, cid = call.modem, host_of(call, 0), _cid_in_use(call)

    def tell(addresses: tuple[str, ...]) -> None:
        modem.urc(",".join((f'+CDNSGIP: 1,"{host}"', *(f'"{ip}"' for ip in addresses[:2]))) if addresses
                  else "+CDNSGIP: 0,8")

    modem.later(0, lambda: modem.sockets.resolve_all(cid, host, tell), name="modem-dns")
    return OK


def _ping(call: Call) -> Result:
    call.at_most(4)
    modem, host, cid = call.modem, host_of(call, 0), _cid_in_use(call)
    count, size = call.number(1, 4, low=1, high=500), call.number(2, 32, low=1, high=1400)
    timeout = call.number(3, 10_000, low=1, high=60_000)
    lines: list[str] = []

    def told(echo: Echo) -> None:
        lines.append(f"+SNPING4: {echo.number},{echo.ip},{timeout if echo.milliseconds is None else echo.milliseconds}")

    def start(finish: Callable[[Result], None]) -> None:
        def over(all_of: EchoSummary | None) -> None:
            finish(cme(Cme.NOT_ALLOWED) if all_of is None else Reply(tuple(lines)))

        Pinger(modem, cid, size=size, count=count, timeout=timeout * _MILLISECOND, told=told, done=over,
               interval=0).start(host)

    return Pending(start)


def _time_server(call: Call) -> Result:
    call.at_most(4)
    call.modem.settings["+CNTP"] = (host_of(call, 0), call.number(1, 0, low=-47, high=48))
    return OK


def _time_servers(call: Call) -> Result:
    server, zone = call.modem.settings["+CNTP"]
    return info(f'+CNTP: "{server}",{zone},0,2')


def _ask_time(call: Call) -> Result:
    modem, cid = call.modem, _cid_in_use(call)
    server = modem.settings.text("+CNTP")
    if not server or asking_time(modem):
        return cme(Cme.NOT_ALLOWED)

    def answered(moment: datetime | None, host_known: bool) -> None:
        if moment is None:
            modem.urc(f"+CNTP: {61 if host_known else 62}")
            return
        modem.clock.set(f"{moment:%y/%m/%d,%H:%M:%S}+00")
        modem.urc(f'+CNTP: 1,"{moment:%Y/%m/%d,%H:%M:%S}"')

    ask_time(modem, cid, server, 123, answered)
    return OK


def _power_down(call: Call) -> Result:
    """+CPOWD: a normal switch-off says so instead of OK, an urgent one says nothing more."""
    call.at_most(1)
    modem = call.modem
    normal = bool(call.number(0, high=1))
    modem.later(0, modem.power_off, name="modem-power-down")
    return Reply(final="NORMAL POWER DOWN") if normal else OK


DEFAULTS: dict[str, Value] = {
    **simcom.DEFAULTS, "+CACID": (-1,), "+CLTS": (0,), "+CMNB": (3,), "+CBATCHK": (0,), "+CPSMSTATUS": (0,),
    "+CNTP": ("", 0), "+CNTPCID": (0,),
    **{f"+CACFG.{name}": tuple(factory for _, _, factory in ranges) for name, ranges in _PARAMETERS.items()},
}

_RANGES = '(0-12),(0-3),("TCP","UDP")'

COMMANDS = (
    *simcom.COMMANDS,
    Command(name="+CCID", clause=_MANUAL, test=NO_PARAMETERS, exec=iccid(""), needs=Needs.SIM),
    setting("+CLTS", Choice((0, 1)), clause=_MANUAL), setting("+CMNB", Number(1, 3), clause=_MANUAL),
    setting("+CBATCHK", Choice((0, 1)), clause=_MANUAL), setting("+CPSMSTATUS", Choice((0, 1)), clause=_MANUAL),
    Command(name="+CPOWD", clause=_MANUAL, test="(0,1)", set=_power_down),
    Command(name="+CREBOOT", clause=_MANUAL, test=NO_PARAMETERS, exec=simcom.reset),
    Command(name="+CNCFG", clause=_MANUAL, test="(0-3),(0-4),127,127,127,(0-3)", read=_network_configurations,
            set=_configure_network),
    Command(name="+CNACT", clause=_MANUAL, test="(0-3),(0-2)", read=_networks, set=_switch_network,
            needs=Needs.UNLOCKED, read_needs=Needs.NOTHING),
    Command(name="+CGNAPN", clause=_MANUAL, test="(0,1),50", exec=_network_apn),
    Command(name="+CACID", clause=_MANUAL, test="(0-12)", read=_chosen, set=_choose),
    Command(name="+CASSLCFG", clause=_MANUAL, set=_configure_tls,
            test=tuple(f'(0-12),"{name}"' for name in _TLS_NAMES)),
    Command(name="+CAOPEN", clause=_MANUAL, test=f"{_RANGES},<server>,(1-65535),(0,1)", read=_listed(_CLIENTS),
            set=_open),
    Command(name="+CASERVER", clause=_MANUAL, test=f"{_RANGES},(1-65535),(0,1)", read=_listed(_SERVERS), set=_serve),
    Command(name="+CACFG", clause=_MANUAL, test=_CONFIGURATION_TEST, read=_configuration, set=_configure),
    Command(name="+CASEND", clause=_MANUAL, test=f"(0-12),(1-{_MAX_SEND}),(100-10000)", set=_send),
    Command(name="+CARECV", clause=_MANUAL, test=f"(0-12),(1-{_MAX_READ})", read=_waiting, set=_receive),
    Command(name="+CAACK", clause=_MANUAL, test="(0-12)", set=_acknowledged),
    Command(name="+CASTATE", clause=_MANUAL, read=_states),
    Command(name="+CASWITCH", clause=_MANUAL, test="(0-12),(0,1)", set=_switch),
    Command(name="+CACLOSE", clause=_MANUAL, test="(0-12)", set=_close),
    Command(name="+CDNSGIP", clause=_MANUAL, test="<domain>,(0-100),(0-60000)", set=_resolve),
    Command(name="+SNPING4", clause=_MANUAL, test="<host>,(1-500),(1-1400),(1-60000)", set=_ping),
    setting("+CNTPCID", Number(0, 3), clause=_MANUAL),
    Command(name="+CNTP", clause=_MANUAL, test="<server>,(-47-48)", read=_time_servers, set=_time_server,
            exec=_ask_time),
)


def attach(modem: VirtualModem) -> None:
    """Let this dialect tell of the modem's sockets, card and clock."""
    modem.sockets.dialect = Sockets(modem)
    modem.watchers.append(simcom.SimcomWatcher(modem))
