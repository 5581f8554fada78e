"""Telit ME910: sockets (#SD, #SL, #SLUDP, #SRECV, #SSEND...), contexts for them, card, network, clock, power."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.virtual.internet.seams import CloseReason
from harness.virtual.modem.command import (
    OK,
    Call,
    Command,
    CommandError,
    Connect,
    Needs,
    Pending,
    Prompt,
    Reply,
    Result,
    cme,
    info,
)
from harness.virtual.modem.dialects import telit_module, telit_tools
from harness.virtual.modem.engine import State
from harness.virtual.modem.settings import Value
from harness.virtual.modem.socket_link import SocketLink
from harness.virtual.modem.socket_opening import OpenFailure, Opening, Outcome, error_number, open_socket
from harness.virtual.modem.socket_syntax import (
    activate_for_sockets,
    address_of,
    drained,
    has_context,
    hex_of,
    host_of,
)
from harness.virtual.modem.sockets import ANYBODY, Service, Socket, SocketState
from harness.virtual.network.seams import Address, Datagram, Session

if TYPE_CHECKING:
    from harness.virtual.modem.engine import Session as Port
    from harness.virtual.modem.modem import VirtualModem

_MANUAL = "Telit ME910 AT manual"
_IDS = range(1, 7)
_MAX_DATA = 1_500
_WRONG_STATE, _ACTIVE_ALREADY, _ACTIVATION_FAILED, _NOT_OPENED, _LISTENING = 551, 553, 555, 556, 564
_ERRORS = {OpenFailure.PORT_BUSY: 557, OpenFailure.GONE: 557, OpenFailure.UNKNOWN_HOST: 558, OpenFailure.REFUSED: 562,
           OpenFailure.TIMED_OUT: 559, OpenFailure.CLOSED: 560}
_CAUSES = {CloseReason.CLOSED_BY_PEER: 1, CloseReason.LOCAL: 3, CloseReason.NETWORK_LOST: 4}  # others: 2

# -- contexts ---------------------------------------------------------------------------------------------------------


def _activate(call: Call) -> Result:
    call.at_most(4)
    modem = call.modem
    cid, state = call.number(0, low=1, high=6), call.number(1, high=1)
    if not state:
        if has_context(modem, cid):
            modem.packet.deactivate(cid)
            modem.socket_contexts.discard(cid)
        return OK
    if has_context(modem, cid):
        return cme(_ACTIVE_ALREADY)
    if cid not in modem.packet.definitions and cid not in modem.packet.active:
        return cme(_NOT_OPENED)

    def start(finish: Callable[[Result], None]) -> None:
        def told(session: Session | None) -> None:
            finish(cme(_ACTIVATION_FAILED) if session is None else info(f"#SGACT: {session.ip}"))

        activate_for_sockets(modem, cid, told)

    return Pending(start)


def _activations(call: Call) -> Result:
    modem = call.modem
    return Reply(tuple(f"#SGACT: {cid},{int(has_context(modem, cid))}"
                       for cid in sorted({*modem.packet.definitions, *modem.packet.active}) if cid <= 6))


def _addresses(call: Call) -> Result:
    call.at_most(1)
    modem = call.modem
    wanted = [call.number(0, low=1, high=6)] if call.count else sorted(modem.packet.definitions)
    return Reply(tuple(f'#CGPADDR: {cid},"{modem.packet.active[cid].ip if cid in modem.packet.active else ""}"'
                       for cid in wanted))


# -- settings of connections ------------------------------------------------------------------------------------------

_BASIC = ((1, 6, 1), (0, 1500, 300), (0, 65535, 90), (10, 1200, 600), (0, 255, 50))  # low, high, factory value
_EXTENDED = ((0, 3, 0), (0, 1, 0), (0, 240, 0), (0, 1, 0), (0, 1, 0))
_IDLE_LIMIT, _CONNECT_LIMIT = 2, 3  # of the basic ones: in seconds, and in tenths of a second
_SRING_MODE, _HEX_RECEIVED, _AUTO_ACCEPT, _HEX_SENT = 0, 1, 3, 4  # of the extended ones
_SECOND = 1_000_000_000


def _keeper(name: str, ranges: tuple[tuple[int, int, int], ...], required: int) -> Command:
    """Return a command with a row of numbers for each of the six connections."""

    def assign(call: Call) -> Result:
        call.at_most(1 + len(ranges))
        if call.count <= required:
            raise call.bad()
        key = f"{name}.{call.number(0, low=1, high=6)}"
        values = [call.number(position, old, low=low, high=high) for position, ((low, high, _), old) in enumerate(
            zip(ranges, map(int, call.modem.settings[key]), strict=True), start=1)]
        call.modem.settings[key] = tuple(values)
        return OK

    def read(call: Call) -> Result:
        return Reply(tuple(f"{name}: {number},{','.join(map(str, call.modem.settings[f'{name}.{number}']))}"
                           for number in _IDS))

    test = "(1-6)," + ",".join(f"({low}-{high})" for low, high, _ in ranges)
    return Command(name=name, clause=_MANUAL, test=test, read=read, set=assign)


def _basic(modem: VirtualModem, number: int, what: int) -> int:
    return modem.settings.number(f"#SCFG.{number}", what)


def _extended(modem: VirtualModem, number: int, what: int) -> int:
    return modem.settings.number(f"#SCFGEXT.{number}", what)


# -- opening and closing ----------------------------------------------------------------------------------------------


def _cid(call: Call, number: int) -> int:
    """Return the context of a connection; it must be active."""
    cid = call.modem.settings.number(f"#SCFG.{number}")
    if not has_context(call.modem, cid):
        raise CommandError(cme(_NOT_OPENED))
    return cid


def _dial(call: Call) -> Result:
    """#SD: to a host that is 127.0.0.1, UDP takes from and sends to anybody."""
    call.at_most(9)
    modem = call.modem
    number = call.number(0, low=1, high=6)
    is_udp, port, host = bool(call.number(1, high=1)), call.number(2, low=1, high=65_535), host_of(call, 3)
    call.number(4, 0, high=255)
    local, online = call.number(5, 0, high=65_535), not call.number(6, 0, high=1)
    cid = _cid(call, number)
    if number in modem.sockets.open:
        return cme(_WRONG_STATE)
    service = Service.TCP if not is_udp else Service.UDP_SERVICE if host == "127.0.0.1" else Service.UDP
    wanted = Opening(number=number, cid=cid, service=service, host=host, remote_port=port, local_port=local,
                     limit=_basic(modem, number, _CONNECT_LIMIT) * _SECOND // 10)

    def opened(failure: Outcome) -> Result:
        socket = modem.sockets.open.get(number)
        if failure is not None or socket is None:
            return Reply(final="NO CARRIER") if online else cme(error_number(failure or OpenFailure.GONE, _ERRORS))
        _end_when_idle(modem, socket)
        return _online(modem, socket) if online else OK

    return Pending(lambda finish: open_socket(modem, wanted, lambda failure: finish(opened(failure))))


def _end_when_idle(modem: VirtualModem, socket: Socket) -> None:
    if limit := _basic(modem, socket.number, _IDLE_LIMIT):
        modem.sockets.close_when_idle(socket, limit * _SECOND)


def _online(modem: VirtualModem, socket: Socket) -> Connect:
    """Return the way to a connection in online mode; what waited already comes first."""
    return Connect(open=lambda port: SocketLink(modem, socket, port, keep=True), left="OK")


def _resume(call: Call) -> Result:
    call.at_most(2)
    socket = _socket(call)
    if socket.state is not SocketState.OPEN:
        return cme(_WRONG_STATE)
    return _online(call.modem, socket)


def _listen(call: Call) -> Result:
    call.at_most(4)
    modem = call.modem
    number, state, port = call.number(0, low=1, high=6), call.number(1, high=1), call.number(2, low=1, high=65_535)
    call.number(3, 0, high=255)
    if not state:
        modem.sockets.close(number + 100)
        return OK
    cid = _cid(call, number)
    if number + 100 in modem.sockets.open or modem.sockets.port_taken(cid, port):
        return cme(_LISTENING)
    if struck := modem.sockets.struck_error():
        return cme(struck)
    modem.sockets.listen(number + 100, cid, port, 0)
    if isinstance(dialect := modem.sockets.dialect, Sockets):
        dialect.listening[number] = call.session
    return OK


def _listen_udp(call: Call) -> Result:
    call.at_most(3)
    modem = call.modem
    number, state, port = call.number(0, low=1, high=6), call.number(1, high=1), call.number(2, low=1, high=65_535)
    if not state:
        modem.sockets.close(number)
        return OK
    cid = _cid(call, number)
    if number in modem.sockets.open or modem.sockets.port_taken(cid, port):
        return cme(_LISTENING)
    if struck := modem.sockets.struck_error():
        return cme(struck)
    modem.sockets.bind(number, cid, Service.UDP_SERVICE, ANYBODY, port, 0)
    return OK


def _listeners(call: Call) -> Result:
    """#SL? and #SLUDP?: connection, local port and context of those that listen."""
    opened = call.modem.sockets.open
    if call.command.name == "#SL":
        found = [(number, opened[number + 100]) for number in _IDS if number + 100 in opened]
    else:
        found = [(number, opened[number]) for number in _IDS
                 if number in opened and opened[number].service is Service.UDP_SERVICE]
    return Reply(tuple(f"{call.command.name}: {number},{socket.local_port},{socket.cid}" for number, socket in found))


def _accept(call: Call) -> Result:
    """#SA: take a connection that rang, or the sender of a datagram as the peer from now on."""
    call.at_most(2)
    modem = call.modem
    socket = _socket(call)
    online = not call.number(1, 0, high=1)
    if socket.listener is None and socket.service is not Service.UDP_SERVICE:
        return cme(_WRONG_STATE)
    if socket.service is Service.UDP_SERVICE:
        if not socket.buffer:
            return cme(_WRONG_STATE)
        socket.remote = socket.buffer[-1].source
    socket.announced = False
    socket.listener = None
    _end_when_idle(modem, socket)
    if online:
        return _online(modem, socket)
    dialect = modem.sockets.dialect
    if isinstance(dialect, Sockets):
        modem.later(0, lambda: dialect.announce(socket), name="modem-sring")
    return OK


def _shut(call: Call) -> Result:
    call.at_most(2)
    number = call.number(0, low=1, high=6)
    call.modem.sockets.close(number)
    return OK


def _last_closure(call: Call) -> Result:
    """#SLASTCLOSURE: what ended the last connection of a number, 0 if nothing or a command did."""
    call.at_most(1)
    ended = call.modem.sockets.ended
    wanted = [call.number(0, low=1, high=6)] if call.count else list(_IDS)
    return Reply(tuple(f"#SLASTCLOSURE: {number},{_CAUSES.get(ended[number], 2) if number in ended else 0}"
                       for number in wanted))


# -- data -------------------------------------------------------------------------------------------------------------


def _socket(call: Call) -> Socket:
    socket = call.modem.sockets.open.get(call.number(0, low=1, high=6))
    if socket is None or socket.taker is not None:
        raise CommandError(cme(_WRONG_STATE))
    return socket


def _sender(length_at: int | None, address_at: int | None) -> Callable[[Call], Result]:
    """Return a command that prompts for data: up to Ctrl-Z, or of a length; to the peer, or to an address."""

    def send(call: Call) -> Result:
        call.at_most(5)
        modem = call.modem
        socket = _socket(call)
        in_hex = bool(_extended(modem, socket.number, _HEX_SENT))
        length = None if length_at is None else call.number(length_at, low=1, high=_MAX_DATA)
        to: Address | None = None
        if address_at is not None:
            to = address_of(call, address_at)
            if socket.service.is_connection:
                return cme(_WRONG_STATE)
        elif not socket.remote[1]:
            return cme(_WRONG_STATE)
        if socket.state is not SocketState.OPEN:
            return cme(_WRONG_STATE)

        def sent(payload: bytes) -> Result:
            octets = hex_of(call, payload.decode("latin-1")) if in_hex else payload
            return OK if modem.sockets.send(socket, octets, to) else cme(563)

        return Prompt(length=None if length is None else length * (2 if in_hex else 1), limit=_MAX_DATA * 2, then=sent)

    return send


def _receive(call: Call) -> Result:
    """#SRECV: up to so many octets; with 1 as third parameter, of UDP with their source and what is left."""
    call.at_most(3)
    modem = call.modem
    socket = _socket(call)
    limit, with_source = call.number(1, low=1, high=_MAX_DATA), call.number(2, 0, high=1)
    part = socket.take_part(limit)
    drained(modem, socket)
    socket.announced = False
    if part is None:
        return cme(_WRONG_STATE)
    dialect = modem.sockets.dialect
    if isinstance(dialect, Sockets):
        modem.later(0, lambda: dialect.announce(socket), name="modem-sring")
    payload = part.payload
    head = f"#SRECV: {socket.number},{len(payload)}"
    if with_source and not socket.service.is_connection:
        ip, port = part.source
        head = f'#SRECV: "{ip}",{port},{socket.number},{len(payload)},{socket.buffered}'
    if _extended(modem, socket.number, _HEX_RECEIVED):
        payload = payload.hex().upper().encode("ascii")
    return info(head.encode("ascii") + b"\r\n" + payload)


class Sockets:
    """Tells of sockets by SRING and NO CARRIER."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.listening: dict[int, Port] = {}
        """The port that asked to listen, by connection."""

    def __repr__(self) -> str:
        return f"Sockets({self._modem.name})"

    def announce(self, socket: Socket) -> None:
        """Tell of data as #SCFGEXT has it told, once until something was read."""
        if not socket.buffered or socket.announced or socket.taker is not None:
            return
        socket.announced = True
        modem, number = self._modem, socket.number
        mode = _extended(modem, number, _SRING_MODE)
        if mode < 2:
            modem.urc(f"SRING: {number}" + (f",{socket.buffered}" if mode else ""))
            return
        part = socket.take_part(_MAX_DATA)
        if part is None:
            return
        drained(modem, socket)
        socket.announced = False
        octets = part.payload.hex().upper().encode("ascii") if _extended(modem, number, _HEX_RECEIVED) else part.payload
        source = f'"{part.source[0]}",{part.source[1]},' if mode == 3 and not socket.service.is_connection else ""
        left = f",{socket.buffered}" if mode == 3 else ""
        modem.urc(f"SRING: {source}{number},{len(part.payload)}{left},".encode("ascii") + octets)
        self.announce(socket)

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Announce what waits, but on a connection that nobody has accepted."""
        if socket.listener is None:
            self.announce(socket)

    def closed(self, socket: Socket) -> None:
        """Tell that the peer closed; what came before can be read."""
        self._modem.urc("NO CARRIER")
        if not socket.buffer:
            self._modem.sockets.forget(socket)

    def incoming(self, listener: Socket, host: str, port: int) -> int | None:
        """Ring for a connection, if the listener's own is free."""
        number = listener.number - 100
        if number in self._modem.sockets.open:
            return None
        if _extended(self._modem, number, _AUTO_ACCEPT):
            self._modem.later(0, lambda: self._take(number), name="modem-sring")
        else:
            self._modem.urc(f"SRING: {number}")
        return number

    def _take(self, number: int) -> None:
        """Put the port that listens online with a connection that came; ring if it has something else to do."""
        socket, port = self._modem.sockets.open.get(number), self.listening.get(number)
        if socket is None or socket.listener is None:
            return
        if port is not None and port in self._modem.sessions and port.state is State.IDLE:
            socket.listener = None
            _end_when_idle(self._modem, socket)
            port.connect(_online(self._modem, socket))
        else:
            self._modem.urc(f"SRING: {number}")

    def dropped(self, socket: Socket, *, by_network: bool) -> None:
        """Tell that a socket ended with its context."""
        if by_network and socket.state is not SocketState.OPENING:  # then the answer to #SD tells
            self._modem.urc("NO CARRIER")

    def context_lost(self, cid: int) -> None:
        """Forget it; #SGACT? tells."""
        self._modem.socket_contexts.discard(cid)


# -- what connections are ---------------------------------------------------------------------------------------------


def _status_line(modem: VirtualModem, number: int) -> str:
    socket = modem.sockets.open.get(number)
    listener = modem.sockets.open.get(number + 100)
    if socket is None and listener is None:
        return f"#SS: {number},0"
    shown = socket if socket is not None else listener
    assert shown is not None
    session = modem.packet.active.get(shown.cid)
    ip = session.ip if session is not None else ""
    if socket is None or (socket.service is Service.UDP_SERVICE and not socket.remote[1] and not socket.buffer):
        return f"#SS: {number},4,{ip},{shown.local_port}"
    state = 1 if socket.link is not None else 5 if socket.listener is not None else 3 if socket.buffer else 2
    return f"#SS: {number},{state},{ip},{socket.local_port},{socket.remote[0]},{socket.remote[1]}"


def _status(call: Call) -> Result:
    call.at_most(1)
    wanted = [call.number(0, low=1, high=6)] if call.count else list(_IDS)
    return Reply(tuple(_status_line(call.modem, number) for number in wanted))


def _counters(call: Call) -> Result:
    call.at_most(1)
    wanted = [call.number(0, low=1, high=6)] if call.count else list(_IDS)
    lines = []
    for number in wanted:
        socket = call.modem.sockets.open.get(number)
        values = (0, 0, 0, 0) if socket is None else (
            socket.sent, socket.received, socket.buffered, socket.unacknowledged)
        lines.append(f"#SI: {number},{','.join(map(str, values))}")
    return Reply(tuple(lines))


DEFAULTS: dict[str, Value] = {
    **telit_module.DEFAULTS,
    **{f"#SCFG.{number}": tuple(factory for _, _, factory in _BASIC) for number in _IDS},
    **{f"#SCFGEXT.{number}": tuple(factory for _, _, factory in _EXTENDED) for number in _IDS},
}

COMMANDS = (
    *telit_module.COMMANDS,
    *telit_tools.COMMANDS,
    Command(name="#SGACT", clause=_MANUAL, test="(1-6),(0,1)", read=_activations, set=_activate, needs=Needs.UNLOCKED,
            read_needs=Needs.NOTHING),
    Command(name="#CGPADDR", clause=_MANUAL, test="(1-6)", set=_addresses, exec=_addresses),
    _keeper("#SCFG", _BASIC, 5), _keeper("#SCFGEXT", _EXTENDED, 3),
    Command(name="#SD", clause=_MANUAL, test="(1-6),(0,1),(1-65535),<ip>,(0,255),(0-65535),(0,1)", set=_dial),
    Command(name="#SO", clause=_MANUAL, test="(1-6)", set=_resume),
    Command(name="#SL", clause=_MANUAL, test="(1-6),(0,1),(1-65535),(0,255)", set=_listen, read=_listeners),
    Command(name="#SLUDP", clause=_MANUAL, test="(1-6),(0,1),(1-65535)", set=_listen_udp, read=_listeners),
    Command(name="#SA", clause=_MANUAL, test="(1-6),(0,1)", set=_accept),
    Command(name="#SH", clause=_MANUAL, test="(1-6)", set=_shut),
    Command(name="#SLASTCLOSURE", clause=_MANUAL, test="(1-6)", set=_last_closure, exec=_last_closure),
    Command(name="#SSEND", clause=_MANUAL, test="(1-6)", set=_sender(None, None)),
    Command(name="#SSENDEXT", clause=_MANUAL, test=f"(1-6),(1-{_MAX_DATA})", set=_sender(1, None)),
    Command(name="#SSENDUDP", clause=_MANUAL, test="(1-6),<remoteIP>,(1-65535)", set=_sender(None, 1)),
    Command(name="#SSENDUDPEXT", clause=_MANUAL, test=f"(1-6),(1-{_MAX_DATA}),<remoteIP>,(1-65535)", set=_sender(1, 2)),
    Command(name="#SRECV", clause=_MANUAL, test=f"(1-6),(1-{_MAX_DATA}),(0,1)", set=_receive),
    Command(name="#SS", clause=_MANUAL, test="(1-6)", set=_status, exec=_status),
    Command(name="#SI", clause=_MANUAL, test="(1-6)", set=_counters, exec=_counters),
)


def attach(modem: VirtualModem) -> None:
    """Let this dialect tell of the modem's sockets, card, clock and network."""
    modem.sockets.dialect = Sockets(modem)
    modem.watchers.append(telit_module.TelitWatcher(modem))
