"""Quectel's small network tools: +QIDNSGIP, +QPING, +QNTP, +QICFG and +QIGETERROR."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address

from harness.virtual.modem.codes import SOCKET_TEXT, SocketError
from harness.virtual.modem.command import NO_PARAMETERS, Call, Command, Reply, Result, info
from harness.virtual.modem.features.quectel_common import NOTE, command, done, fail, number_of
from harness.virtual.modem.net_tools import TTL, Echo, EchoSummary, Pinger, ask_time, asking_time
from harness.virtual.modem.packet import MAX_CONTEXTS
from harness.virtual.modem.settings import Value

_PING_SIZE = 32
_NTP_PORT = 123
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

    def tell(addresses: tuple[str, ...]) -> None:
        if not addresses:
            modem.urc(f'+QIURC: "dnsgip",{int(SocketError.DNS_FAILED)}')
            return
        modem.urc(f'+QIURC: "dnsgip",0,{len(addresses)},600')
        for address in addresses:
            modem.urc(f'+QIURC: "dnsgip","{address}"')

    modem.later(modem.timings.stage("socket"), lambda: modem.sockets.resolve_all(cid, host, tell), name="modem-dns")
    return done(call)


def _servers(call: Call) -> Result:
    """+QIDNSCFG: the servers that answer for names on a context; those of the network unless others were set."""
    call.at_most(3)
    settings, cid = call.modem.settings, number_of(call, 0, low=1, high=MAX_CONTEXTS)
    key = f"+QIDNSCFG.{cid}"
    if call.count > 1:
        first = _server(call, 1)
        settings[key] = (first, _server(call, 2) if call.given(2) else "0.0.0.0")
        return done(call)
    if key in settings:
        servers: Value = settings[key]
    elif (session := call.modem.packet.active.get(cid)) is not None:
        servers = (*session.dns, "0.0.0.0")
    else:
        raise fail(call, SocketError.OPEN_PDP_FAILED)
    return done(call, f'+QIDNSCFG: {cid},"{servers[0]}","{servers[1]}"')


def _server(call: Call, position: int) -> str:
    try:
        return str(IPv4Address(call.text(position, "")))
    except ValueError:
        raise fail(call, SocketError.INVALID_PARAMETERS) from None


# -- +QPING -----------------------------------------------------------------------------------------------------------


def _ping(call: Call) -> Result:
    call.at_most(4)
    modem, cid, host = call.modem, _context(call), _host(call)
    timeout = number_of(call, 2, 4, low=1, high=255) * 1_000 * _MILLISECOND

    def told(echo: Echo) -> None:
        modem.urc(f"+QPING: {int(SocketError.TIMEOUT)}" if echo.milliseconds is None
                  else f'+QPING: 0,"{echo.ip}",{_PING_SIZE},{echo.milliseconds},{TTL}')

    def over(all_of: EchoSummary | None) -> None:
        modem.urc(f"+QPING: {int(SocketError.DNS_FAILED)}" if all_of is None
                  else f"+QPING: 0,{all_of.sent},{all_of.received},{all_of.lost},{all_of.shortest},{all_of.longest},"
                       f"{all_of.mean}")

    Pinger(modem, cid, size=_PING_SIZE, count=number_of(call, 3, 4, low=1, high=10), timeout=timeout, told=told,
           done=over).start(host)
    return done(call)


# -- +QNTP ------------------------------------------------------------------------------------------------------------


def _ntp(call: Call) -> Result:
    call.at_most(4)
    modem, cid, host = call.modem, _context(call), _host(call)
    port = number_of(call, 2, _NTP_PORT, low=1, high=65_535)
    set_clock = number_of(call, 3, 0, high=1)
    if asking_time(modem):
        raise fail(call, SocketError.BUSY)

    def answered(moment: datetime | None, host_known: bool) -> None:
        if moment is None:
            modem.urc(f"+QNTP: {int(SocketError.TIMEOUT if host_known else SocketError.DNS_FAILED)}")
            return
        if set_clock:
            modem.clock.set(f"{moment:%y/%m/%d,%H:%M:%S}+00")
        modem.urc(f'+QNTP: 0,"{moment:%Y/%m/%d,%H:%M:%S}+00"')

    ask_time(modem, cid, host, port, answered)
    return done(call)


# -- +QICFG -----------------------------------------------------------------------------------------------------------

_CONFIGURATION: dict[str, tuple[tuple[int, int, int], ...]] = {  # (low, high, factory value) of each parameter
    "transpktsize": ((1, 1460, 1024),),
    "transwaittm": ((0, 20, 2),),
    "dataformat": ((0, 1, 0), (0, 1, 0)),
    "viewmode": ((0, 1, 0),),
    "recvind": ((0, 1, 0),),
    "sack": ((0, 1, 1),),
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
    command("+QIDNSCFG", f"{_CID},<pridnsaddr>,<secdnsaddr>", set=_servers),
    command("+QPING", f"{_CID},<host>,(1-255),(1-10)", set=_ping),
    command("+QNTP", f"{_CID},<server>,(1-65535),(0,1)", set=_ntp),
    Command(name="+QICFG", clause=NOTE, test=_configurations, set=_configure),
    Command(name="+QIGETERROR", clause=NOTE, test=NO_PARAMETERS, exec=_last_error),
)
