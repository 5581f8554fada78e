"""Quectel's small network tools: +QIDNSGIP, +QPING, +QNTP, +QICFG and +QIGETERROR."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.virtual.modem.codes import SOCKET_TEXT, SocketError
from harness.virtual.modem.command import NO_PARAMETERS, Call, Command, Reply, Result, info
from harness.virtual.modem.features.quectel_common import NOTE, command, done, fail, number_of
from harness.virtual.modem.packet import MAX_CONTEXTS
from harness.virtual.modem.settings import Value
from harness.virtual.modem.sockets import Service
from harness.virtual.network.seams import Datagram

_PING_SIZE = 32
_TTL = 255
_NTP_PORT = 123
_NTP_SOCKET = -1  # a number that no client can name
_NTP_ERA = datetime(1900, 1, 1, tzinfo=UTC)
_MILLISECOND = 1_000_000


def _context(call: Call) -> int:
    cid = number_of(call, 0, low=1, high=MAX_CONTEXTS)
    if cid not in call.modem.packet.active:
        raise fail(call, SocketError.OPEN_PDP_FAILED)
    return cid


def _host(call: Call) -> str:
    host = call.text(1, "", limit=253)
    if not host or not host.isascii() or not host.isprintable():
        raise fail(call, SocketError.INVALID_PARAMETERS)
    return host


def _resolve(call: Call) -> Result:
    call.at_most(2)
    modem, cid, host = call.modem, _context(call), _host(call)

    def tell(address: str | None) -> None:
        if address is None:
            modem.urc(f'+QIURC: "dnsgip",{int(SocketError.DNS_FAILED)}')
            return
        modem.urc('+QIURC: "dnsgip",0,1,600')
        modem.urc(f'+QIURC: "dnsgip","{address}"')

    modem.later(modem.profile.timing.get("socket", 0), lambda: modem.sockets.resolve(cid, host, tell), name="modem-dns")
    return done(call)


# -- +QPING -----------------------------------------------------------------------------------------------------------


class _Ping:
    """Echo requests one after the other, each told of, and what they came to."""

    def __init__(self, call: Call, cid: int, timeout: int, count: int) -> None:
        self._modem = call.modem
        self._cid = cid
        self._timeout = timeout * 1_000 * _MILLISECOND
        self._count = count
        self._times: list[int] = []
        self._sent = 0
        self._ip = ""

    def resolved(self, address: str | None) -> None:
        """Begin, or tell that there is no such host."""
        if address is None:
            self._modem.urc(f"+QPING: {int(SocketError.DNS_FAILED)}")
            return
        self._ip = address
        self._next()

    def _next(self) -> None:
        if self._sent == self._count:
            self._sum_up()
            return
        self._sent += 1
        number = self._sent
        power = self._modem.power_cycle
        over = False

        def answered(round_trip: int | None) -> None:
            nonlocal over
            if over or power != self._modem.power_cycle:
                return
            over = True
            if round_trip is None or round_trip > self._timeout:
                self._modem.urc(f"+QPING: {int(SocketError.TIMEOUT)}")
            else:
                self._times.append(max(1, round_trip // _MILLISECOND))
                self._modem.urc(f'+QPING: 0,"{self._ip}",{_PING_SIZE},{self._times[-1]},{_TTL}')
            self._modem.later(1_000 * _MILLISECOND if number < self._count else 0, self._next, name="modem-ping")

        self._modem.carrier.ping(self._modem, self._cid, self._ip, _PING_SIZE, answered)
        self._modem.later(self._timeout, lambda: answered(None), name="modem-ping", scaled=False)

    def _sum_up(self) -> None:
        times = self._times
        lost = self._sent - len(times)
        low, high, mean = (min(times), max(times), sum(times) // len(times)) if times else (0, 0, 0)
        self._modem.urc(f"+QPING: 0,{self._sent},{len(times)},{lost},{low},{high},{mean}")


def _ping(call: Call) -> Result:
    call.at_most(4)
    modem, cid, host = call.modem, _context(call), _host(call)
    ping = _Ping(call, cid, number_of(call, 2, 4, low=1, high=255), number_of(call, 3, 4, low=1, high=10))
    modem.later(0, lambda: modem.sockets.resolve(cid, host, ping.resolved), name="modem-ping")
    return done(call)


# -- +QNTP (RFC 4330: one request, one answer) ------------------------------------------------------------------------


def _ntp(call: Call) -> Result:
    call.at_most(4)
    modem, cid, host = call.modem, _context(call), _host(call)
    port = number_of(call, 2, _NTP_PORT, low=1, high=65_535)
    set_clock = number_of(call, 3, 0, high=1)
    if _NTP_SOCKET in modem.sockets.open:
        raise fail(call, SocketError.BUSY)

    def finish(error: SocketError, moment: datetime | None = None) -> None:
        modem.sockets.close(_NTP_SOCKET)
        if moment is None:
            modem.urc(f"+QNTP: {int(error)}")
            return
        if set_clock:
            modem.clock.set(f"{moment:%y/%m/%d,%H:%M:%S}+00")
        modem.urc(f'+QNTP: 0,"{moment:%Y/%m/%d,%H:%M:%S}+00"')

    def answered(datagram: Datagram) -> None:
        payload = datagram.payload
        if len(payload) < 48 or payload[0] & 7 != 4:
            return
        finish(SocketError.NONE, _NTP_ERA + timedelta(seconds=int.from_bytes(payload[40:44], "big")))

    def given_up(number: int) -> None:
        socket = modem.sockets.open.get(_NTP_SOCKET)
        if socket is not None and socket.local_port == number:
            finish(SocketError.TIMEOUT)

    def resolved(address: str | None) -> None:
        if address is None or _NTP_SOCKET in modem.sockets.open:
            finish(SocketError.DNS_FAILED)
            return
        socket = modem.sockets.bind(_NTP_SOCKET, cid, Service.UDP, (address, port), 0, 1, host=host)
        socket.taker = answered
        modem.sockets.send(socket, bytes((0x23,)) + bytes(47))
        modem.later(5_000 * _MILLISECOND, lambda: given_up(socket.local_port), name="modem-ntp", scaled=False)

    modem.later(0, lambda: modem.sockets.resolve(cid, host, resolved), name="modem-ntp")
    return done(call)


# -- +QICFG -----------------------------------------------------------------------------------------------------------

_CONFIGURATION: dict[str, tuple[tuple[int, int, int], ...]] = {  # (low, high, factory value) of each parameter
    "transpktsize": ((1, 1460, 1024),),
    "transwaittm": ((0, 20, 2),),
    "dataformat": ((0, 1, 0), (0, 1, 0)),
    "viewmode": ((0, 1, 0),),
    "tcp/retranscfg": ((3, 20, 12), (5, 1000, 600)),
    "passiveclosed": ((0, 1, 0),),
    "tcp/keepalive": ((0, 1, 0), (1, 120, 120), (25, 100, 25), (3, 10, 3)),
}


def _configure(call: Call) -> Result:
    name = call.text(0, "").lower()
    ranges = _CONFIGURATION.get(name)
    if ranges is None:
        raise fail(call, SocketError.INVALID_PARAMETERS)
    key = f"+QICFG.{name}"
    values = list(call.modem.settings[key])
    if call.count == 1:
        return info(f'+QICFG: "{name}",{",".join(map(str, values))}')
    call.at_most(1 + len(ranges))
    for position, (low, high, _) in enumerate(ranges, start=1):
        if call.given(position):
            values[position - 1] = number_of(call, position, low=low, high=high)
    call.modem.settings[key] = tuple(values)
    return done(call)


def _configurations(call: Call) -> Result:
    return Reply(tuple(f'+QICFG: "{name}",' + ",".join(f"({low}-{high})" for low, high, _ in ranges)
                       for name, ranges in _CONFIGURATION.items()))


def _last_error(call: Call) -> Result:
    error = call.modem.socket_error
    return info(f"+QIGETERROR: {error},{SOCKET_TEXT.get(error, SOCKET_TEXT[550])}")


DEFAULTS: dict[str, Value] = {f"+QICFG.{name}": tuple(factory for _, _, factory in ranges)
                              for name, ranges in _CONFIGURATION.items()}

_CID = f"(1-{MAX_CONTEXTS})"

COMMANDS = (
    command("+QIDNSGIP", f"{_CID},<hostname>", set=_resolve),
    command("+QPING", f"{_CID},<host>,(1-255),(1-10)", set=_ping),
    command("+QNTP", f"{_CID},<server>,(1-65535),(0,1)", set=_ntp),
    Command(name="+QICFG", clause=NOTE, test=_configurations, set=_configure),
    Command(name="+QIGETERROR", clause=NOTE, test=NO_PARAMETERS, exec=_last_error),
)
