"""SIMCom SIM7500 and SIM7600: the socket service (+NETOPEN) and its sockets (+CIP...)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from harness.virtual.internet.seams import CloseReason
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    ERROR,
    NO_PARAMETERS,
    OK,
    Call,
    Choice,
    Command,
    CommandError,
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
from harness.virtual.modem.features.power import power_down
from harness.virtual.modem.net_tools import TTL, Echo, EchoSummary, Pinger, ask_time, asking_time
from harness.virtual.modem.settings import Value
from harness.virtual.modem.socket_link import SocketLink
from harness.virtual.modem.socket_opening import OpenFailure, Opening, Outcome, error_number, open_socket
from harness.virtual.modem.socket_syntax import activate_for_sockets, address_of, drained, has_context, host_of
from harness.virtual.modem.sockets import Service, Socket
from harness.virtual.network.seams import Datagram, Session

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_MANUAL = "SIM7500/SIM7600 TCP/IP AT manual"
_LINKS = range(10)
_SERVERS = range(100, 104)  # sockets that no +CIP command can name
_MAX_DATA = 1_500
_RESULTS = {OpenFailure.PORT_BUSY: 7, OpenFailure.GONE: 6, OpenFailure.UNKNOWN_HOST: 12, OpenFailure.REFUSED: 1,
            OpenFailure.TIMED_OUT: 11, OpenFailure.CLOSED: 6}
_NOT_OPENED, _WRONG_PARAMETER, _LINK_USED = 2, 3, 4
_MILLISECOND = 1_000_000

# -- the socket service -----------------------------------------------------------------------------------------------


def _cid(modem: VirtualModem) -> int:
    return modem.settings.number("+CSOCKSETPN")


def _trouble(text: str) -> Reply:
    """Return what these commands answer where the state is wrong."""
    return Reply((f"+IP ERROR: {text}",), "ERROR")


def _open_service(call: Call) -> Result:
    modem = call.modem
    cid = _cid(modem)
    if has_context(modem, cid):
        return _trouble("Network is already opened")
    if not modem.radio.served:
        return Reply(("+NETOPEN: 1",), "ERROR")

    def told(session: Session | None) -> None:
        modem.urc(f"+NETOPEN: {int(session is None)}")

    modem.later(0, lambda: activate_for_sockets(modem, cid, told), name="modem-netopen")
    return OK


def _service(call: Call) -> Result:
    return info(f"+NETOPEN: {int(has_context(call.modem, _cid(call.modem)))}")


def _close_service(call: Call) -> Result:
    modem = call.modem
    cid = _cid(modem)
    if not has_context(modem, cid):
        return Reply(("+NETCLOSE: 2",), "ERROR")
    modem.packet.deactivate(cid)
    modem.socket_contexts.discard(cid)
    modem.later(0, lambda: modem.urc("+NETCLOSE: 0"), name="modem-netclose")
    return OK


def _address(call: Call) -> Result:
    modem = call.modem
    if not has_context(modem, _cid(modem)):
        return _trouble("Network not opened")
    return info(f"+IPADDR: {modem.packet.active[_cid(modem)].ip}")


# -- opening and closing ----------------------------------------------------------------------------------------------


def _failed(call: Call, link: int, error: int) -> CommandError:
    return CommandError(Reply((f"{call.command.name}: {link},{error}",), "ERROR"))


def _open(call: Call) -> Result:
    call.at_most(5)
    modem = call.modem
    link = call.number(0, high=9)
    service = {"TCP": Service.TCP, "UDP": Service.UDP_SERVICE}.get(call.text(1).upper())
    if service is None:
        raise _failed(call, link, _WRONG_PARAMETER)
    if not has_context(modem, _cid(modem)):
        raise _failed(call, link, _NOT_OPENED)
    if link in modem.sockets.open:
        raise _failed(call, link, _LINK_USED)
    transparent = service is Service.TCP and link == 0 and modem.settings.number("+CIPMODE")
    if service is Service.UDP_SERVICE:
        wanted = Opening(number=link, cid=_cid(modem), service=service, local_port=call.number(4, 0, high=65_535),
                         access_mode=_mode(modem))
        return Pending(lambda finish: open_socket(modem, wanted, lambda failure: finish(_opened(call, link, failure))))
    wanted = Opening(number=link, cid=_cid(modem), service=service, host=host_of(call, 2), access_mode=_mode(modem),
                     remote_port=call.number(3, low=1, high=65_535), local_port=call.number(4, 0, high=65_535),
                     limit=modem.settings.number("+CIPTIMEOUT", 1) * _MILLISECOND)
    if transparent:
        return Pending(lambda finish: open_socket(
            modem, wanted, lambda failure: finish(_connected(call, link, failure))))
    open_socket(modem, wanted, lambda failure: modem.urc(_outcome(link, failure)))
    return OK


def _mode(modem: VirtualModem) -> int:
    """Return the access mode that new sockets have: kept until read, or handed over."""
    return int(not modem.settings.number("+CIPRXGET"))


def _outcome(link: int, failure: Outcome) -> str:
    return f"+CIPOPEN: {link},{error_number(failure, _RESULTS)}"


def _opened(call: Call, link: int, failure: Outcome) -> Result:
    return Reply((_outcome(link, failure),), "OK" if failure is None else "ERROR")


def _connected(call: Call, link: int, failure: Outcome) -> Result:
    socket = call.modem.sockets.open.get(link)
    if failure is not None or socket is None:
        return Reply(final="CONNECT FAIL")
    return Connect(open=lambda port: SocketLink(call.modem, socket, port, closed_result="CLOSED"),
                   final="CONNECT 115200")


def _links(call: Call) -> Result:
    lines = []
    for link in _LINKS:
        socket = call.modem.sockets.open.get(link)
        if socket is None:
            lines.append(f"+CIPOPEN: {link}")
        elif socket.service is Service.UDP_SERVICE:
            lines.append(f'+CIPOPEN: {link},"UDP","",0,{socket.local_port}')
        else:
            server = -1 if socket.listener is None else socket.listener - _SERVERS.start
            lines.append(f'+CIPOPEN: {link},"TCP","{socket.remote[0]}",{socket.remote[1]},{server}')
    return Reply(tuple(lines))


def _close(call: Call) -> Result:
    call.at_most(1)
    modem = call.modem
    link = call.number(0, high=9)
    if not modem.sockets.close(link):
        raise _failed(call, link, _WRONG_PARAMETER if has_context(modem, _cid(modem)) else _NOT_OPENED)
    modem.later(0, lambda: modem.urc(f"+CIPCLOSE: {link},0"), name="modem-cipclose")
    return OK


def _link_states(call: Call) -> Result:
    opened = call.modem.sockets.open
    return info(f"+CIPCLOSE: {','.join(str(int(link in opened)) for link in _LINKS)}")


def _start_server(call: Call) -> Result:
    call.at_most(3)
    modem = call.modem
    port, server = call.number(0, low=1, high=65_535), call.number(1, 0, high=3)
    if not has_context(modem, _cid(modem)) or _SERVERS[server] in modem.sockets.open:
        return ERROR
    wanted = Opening(number=_SERVERS[server], cid=_cid(modem), service=Service.TCP_LISTENER, local_port=port,
                     access_mode=_mode(modem))
    return Pending(lambda finish: open_socket(modem, wanted, lambda failure: finish(OK if failure is None else ERROR)))


def _servers(call: Call) -> Result:
    opened = call.modem.sockets.open
    return Reply(tuple(f"+SERVERSTART: {number - _SERVERS.start},{opened[number].local_port}"
                       for number in _SERVERS if number in opened))


def _stop_server(call: Call) -> Result:
    call.at_most(2)
    server = call.number(0, high=3)
    if not call.modem.sockets.close(_SERVERS[server]):
        return Reply((f"+SERVERSTOP: {server},{_LINK_USED}",), "ERROR")
    return info(f"+SERVERSTOP: {server},0")


# -- data -------------------------------------------------------------------------------------------------------------


def _socket(call: Call, position: int) -> Socket:
    link = call.number(position, high=9)
    socket = call.modem.sockets.open.get(link)
    if socket is None:
        if not has_context(call.modem, _cid(call.modem)):
            raise _failed(call, link, _NOT_OPENED)
        raise _failed(call, link, _LINK_USED)
    return socket


def _send(call: Call) -> Result:
    call.at_most(4)
    modem = call.modem
    socket = _socket(call, 0)
    length = call.number(1, low=1, high=_MAX_DATA) if call.given(1) else None
    to = address_of(call, 2) if socket.service is Service.UDP_SERVICE else None

    def sent(payload: bytes) -> Result:
        if not modem.sockets.send(socket, payload, to):
            return Reply((f"+CIPSEND: {socket.number},{len(payload)},-1",), "ERROR")
        modem.later(0, lambda: modem.urc(f"+CIPSEND: {socket.number},{len(payload)},{len(payload)}"),
                    name="modem-cipsend")
        return OK

    return Prompt(length=length, text=b"\r\n>", limit=_MAX_DATA, then=sent)


def _acknowledged(call: Call) -> Result:
    """+CIPACK: octets sent, acknowledged by the peer, and received."""
    call.at_most(1)
    socket = _socket(call, 0)
    if not socket.service.is_connection:
        raise _failed(call, socket.number, _WRONG_PARAMETER)
    return info(f"+CIPACK: {socket.sent},{socket.sent},{socket.received}")


def _read(call: Call) -> Result:
    """+CIPRXGET: 0 and 1 choose how data comes, 2 and 3 read it as it is or in hex, 4 asks how much there is."""
    call.at_most(3)
    modem = call.modem
    action = call.number(0, high=4)
    if action < 2:
        modem.settings["+CIPRXGET"] = (action,)
        for number in _LINKS:
            if (socket := modem.sockets.open.get(number)) is not None:
                socket.access_mode = int(not action)
        return OK
    socket = _socket(call, 1)
    if not modem.settings.number("+CIPRXGET"):
        return _trouble("Not manual get mode")
    if action == 4:
        return info(f"+CIPRXGET: 4,{socket.number},{socket.buffered}")
    limit = call.number(2, _MAX_DATA, low=1, high=_MAX_DATA if action == 2 else _MAX_DATA // 2)
    part = socket.take_part(limit)
    rest = socket.buffered
    drained(modem, socket)
    if part is None:
        return _trouble("No data")
    payload = part.payload if action == 2 else part.payload.hex().upper().encode("ascii")
    return info(b"+CIPRXGET: %d,%d,%d,%d\r\n" % (action, socket.number, len(part.payload), rest) + payload)


def _reading(call: Call) -> Result:
    return info(f"+CIPRXGET: {call.modem.settings.number('+CIPRXGET')}")


class Sockets:
    """Tells of sockets by +CIPRXGET, +IPD and +IPCLOSE."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def __repr__(self) -> str:
        return f"Sockets({self._modem.name})"

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Announce what waits, once until it was read; in push mode hand it over."""
        modem = self._modem
        if socket.access_mode == 0:
            if not socket.announced:
                socket.announced = True
                modem.urc(f"+CIPRXGET: 1,{socket.number}")
            return
        settings, (ip, port), size = modem.settings, datagram.source, len(datagram.payload)
        head = f"RECV FROM:{ip}:{port}\r\n" if settings.number("+CIPSRIP") else ""
        if settings.number("+CIPCCFG", 4):
            head += f"+RECEIVE,{socket.number},{size}:\r\n"
        elif settings.number("+CIPHEAD"):
            head += f"+IPD{size}\r\n"
        modem.urc(head.encode("ascii") + datagram.payload)

    def closed(self, socket: Socket) -> None:
        """Tell that the peer closed, or answers no more; what came before can be read."""
        self._modem.urc(f"+IPCLOSE: {socket.number},{2 if socket.closed_by is CloseReason.TIMED_OUT else 1}")
        if not socket.buffer:
            self._modem.sockets.forget(socket)

    def incoming(self, listener: Socket, host: str, port: int) -> int | None:
        """Give a connection the lowest free link, and tell of it."""
        number = self._modem.sockets.free_number(_LINKS)
        if number is not None:
            self._modem.urc(f"+CLIENT: {number},{listener.number - _SERVERS.start},{host}:{port}")
        return number

    def dropped(self, socket: Socket, *, by_network: bool) -> None:
        """The service's own code tells of all of them."""

    def context_lost(self, cid: int) -> None:
        """Tell that the service is gone."""
        if cid in self._modem.socket_contexts:
            self._modem.socket_contexts.discard(cid)
            self._modem.urc("+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY")


# -- tools ------------------------------------------------------------------------------------------------------------


def _resolve(call: Call) -> Result:
    call.at_most(1)
    modem, host = call.modem, host_of(call, 0)
    cid = next(iter(sorted(modem.packet.active)), None)
    if cid is None:
        return Reply(("+CDNSGIP: 0,10",), "ERROR")

    def start(finish: Callable[[Result], None]) -> None:
        def found(address: str | None) -> None:
            finish(Reply(("+CDNSGIP: 0,10",), "ERROR") if address is None
                   else info(f'+CDNSGIP: 1,"{host}","{address}"'))

        modem.later(0, lambda: modem.sockets.resolve(cid, host, found), name="modem-dns")

    return Pending(start)


def _ping(call: Call) -> Result:
    call.at_most(7)
    modem, host = call.modem, host_of(call, 0)
    call.number(1, high=2)
    cid = next(iter(sorted(modem.packet.active)), None)
    if cid is None:
        return cme(Cme.NO_NETWORK)
    size = call.number(3, 64, low=4, high=188)

    def told(echo: Echo) -> None:
        modem.urc("+CPING: 2" if echo.milliseconds is None
                  else f"+CPING: 1,{echo.ip},{size},{echo.milliseconds},{TTL}")

    def over(all_of: EchoSummary | None) -> None:
        modem.urc("+CPING: 3,0,0,0,0,0,0" if all_of is None
                  else f"+CPING: 3,{all_of.sent},{all_of.received},{all_of.lost},{all_of.shortest},{all_of.longest},"
                       f"{all_of.mean}")

    Pinger(modem, cid, size=size, count=call.number(2, 4, low=1, high=100), told=told, done=over,
           interval=call.number(4, 1_000, low=1_000, high=10_000) * _MILLISECOND,
           timeout=call.number(5, 10_000, low=10_000, high=100_000) * _MILLISECOND).start(host)
    return OK


def _time_server(call: Call) -> Result:
    call.at_most(2)
    call.modem.settings["+CNTP"] = (host_of(call, 0), call.number(1, 0, low=-96, high=96))
    return OK


def _time_servers(call: Call) -> Result:
    server, zone = call.modem.settings["+CNTP"]
    return info(f'+CNTP: "{server}",{zone}')


def _ask_time(call: Call) -> Result:
    modem = call.modem
    server, cid = modem.settings.text("+CNTP"), next(iter(sorted(modem.packet.active)), None)
    if not server or cid is None or asking_time(modem):
        return ERROR

    def answered(moment: datetime | None, host_known: bool) -> None:
        if moment is not None:
            modem.clock.set(f"{moment:%y/%m/%d,%H:%M:%S}+00")
        modem.urc(f"+CNTP: {0 if moment is not None else 3 if host_known else 5}")

    ask_time(modem, cid, server, 123, answered)
    return OK


# -- power and identity -----------------------------------------------------------------------------------------------


def _battery(call: Call) -> Result:
    return info(f"+CBC: {call.modem.profile.number('supply_mv') / 1000:.3f}V")


def _revision(call: Call) -> Result:
    return info(f"+CGMR: {call.modem.profile.revision}")


DEFAULTS: dict[str, Value] = {
    **simcom.DEFAULTS, "+CSOCKSETPN": (1,), "+CIPMODE": (0,), "+CIPSENDMODE": (0,), "+CIPRXGET": (0,),
    "+CIPCCFG": (10, 0, 0, 0, 0, 0, 500), "+CIPTIMEOUT": (120_000, 120_000, 120_000), "+CIPHEAD": (1,),
    "+CIPSRIP": (1,), "+CNTP": ("", 0), "+CTCPKA": (0, 1, 5, 1),
}

COMMANDS = (
    *simcom.COMMANDS,
    Command(name="+CICCID", clause=_MANUAL, test=NO_PARAMETERS, exec=iccid("+ICCID: "), needs=Needs.SIM),
    Command(name="+CGMR", clause="27.007 5.3", test=NO_PARAMETERS, exec=_revision),
    Command(name="+CBC", clause=_MANUAL, test="(2.8-4.5)V", exec=_battery, read=_battery),
    Command(name="+CPMUTEMP", clause=_MANUAL, test=NO_PARAMETERS, exec=lambda call: info("+CPMUTEMP: 32")),
    Command(name="+CPOF", clause=_MANUAL, test=NO_PARAMETERS, exec=power_down),
    Command(name="+CRESET", clause=_MANUAL, test=NO_PARAMETERS, exec=simcom.reset),
    setting("+CSOCKSETPN", Number(1, 16), clause=_MANUAL),
    Command(name="+NETOPEN", clause=_MANUAL, test=NO_PARAMETERS, read=_service, exec=_open_service,
            needs=Needs.UNLOCKED, read_needs=Needs.NOTHING),
    Command(name="+NETCLOSE", clause=_MANUAL, test=NO_PARAMETERS, exec=_close_service),
    Command(name="+IPADDR", clause=_MANUAL, test=NO_PARAMETERS, exec=_address),
    setting("+CIPMODE", Choice((0, 1)), clause=_MANUAL), setting("+CIPSENDMODE", Choice((0, 1)), clause=_MANUAL),
    setting("+CIPCCFG", Number(0, 10), Number(0, 1000), Choice((0, 1)), Choice((0, 1)), Choice((0, 1)), Choice((0, 1)),
            Number(500, 120_000), clause=_MANUAL, optional=6),
    setting("+CIPTIMEOUT", Number(3_000, 120_000), Number(3_000, 120_000), Number(3_000, 120_000), clause=_MANUAL,
            optional=2),
    setting("+CIPHEAD", Choice((0, 1)), clause=_MANUAL), setting("+CIPSRIP", Choice((0, 1)), clause=_MANUAL),
    Command(name="+CIPOPEN", clause=_MANUAL, test='(0-9),("TCP","UDP"),<ip>,(1-65535),(0-65535)', read=_links,
            set=_open),
    Command(name="+CIPSEND", clause=_MANUAL, test=f"(0-9),(1-{_MAX_DATA})", set=_send),
    Command(name="+CIPACK", clause=_MANUAL, test="(0-9)", set=_acknowledged),
    setting("+CTCPKA", Choice((0, 1)), Number(1, 60), Number(1, 20), Choice((0, 1)), clause=_MANUAL, optional=3),
    Command(name="+CIPRXGET", clause=_MANUAL, test=f"(0-4),(0-9),(1-{_MAX_DATA})", read=_reading, set=_read),
    Command(name="+CIPCLOSE", clause=_MANUAL, test="(0-9)", read=_link_states, set=_close),
    Command(name="+SERVERSTART", clause=_MANUAL, test="(1-65535),(0-3)", read=_servers, set=_start_server),
    Command(name="+SERVERSTOP", clause=_MANUAL, test="(0-3)", set=_stop_server),
    Command(name="+CDNSGIP", clause=_MANUAL, test="<domain>", set=_resolve),
    Command(name="+CPING", clause=_MANUAL, test="<host>,(1,2),(1-100),(4-188),(1000-10000),(10000-100000)", set=_ping),
    Command(name="+CNTP", clause=_MANUAL, test="<server>,(-96-96)", read=_time_servers, set=_time_server,
            exec=_ask_time),
)


def attach(modem: VirtualModem) -> None:
    """Let this dialect tell of the modem's sockets, card and network."""
    modem.sockets.dialect = Sockets(modem)
    modem.watchers.append(SimcomCard(modem))


class SimcomCard(simcom.SimcomWatcher):
    """Tells of the card, too."""

    def sim_changed(self, inserted: bool) -> None:
        """Tell that a card was put in or pulled out."""
        self.modem.urc(f"+SIMCARD: {'AVAILABLE' if inserted else 'NOT AVAILABLE'}")
