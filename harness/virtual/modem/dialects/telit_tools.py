"""Telit ME910's small network tools: #QDNS and #PING (AT manual)."""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.modem.command import Call, Command, CommandError, Pending, Reply, Result, cme, info
from harness.virtual.modem.net_tools import Echo, EchoSummary, Pinger
from harness.virtual.modem.socket_syntax import host_of

_MANUAL = "Telit ME910 AT manual"
_NOT_OPENED, _NOT_FOUND = 556, 558


def _any_context(call: Call) -> int:
    cid = next((cid for cid in sorted(call.modem.packet.active)), None)
    if cid is None:
        raise CommandError(cme(_NOT_OPENED))
    return cid


def _resolve(call: Call) -> Result:
    call.at_most(2)
    modem, host, cid = call.modem, host_of(call, 0), _any_context(call)

    def start(finish: Callable[[Result], None]) -> None:
        def found(address: str | None) -> None:
            finish(info(f'#QDNS: "{host}","{address if address is not None else "NOT SOLVED"}"'))

        modem.later(0, lambda: modem.sockets.resolve(cid, host, found), name="modem-dns")

    return Pending(start)


def _ping(call: Call) -> Result:
    call.at_most(5)
    modem, host, cid = call.modem, host_of(call, 0), _any_context(call)
    count, size = call.number(1, 4, low=1, high=64), call.number(2, 32, low=32, high=1460)
    timeout, ttl = call.number(3, 50, low=1, high=600), call.number(4, 128, low=1, high=255)
    lines: list[str] = []

    def told(echo: Echo) -> None:
        lines.append(f'#PING: {echo.number:02d},"{echo.ip}",600,255' if echo.milliseconds is None
                     else f'#PING: {echo.number:02d},"{echo.ip}",{-(-echo.milliseconds // 100)},{ttl}')

    def start(finish: Callable[[Result], None]) -> None:
        def over(all_of: EchoSummary | None) -> None:
            finish(cme(_NOT_FOUND) if all_of is None else Reply(tuple(lines)))

        Pinger(modem, cid, size=size, count=count, timeout=timeout * 100_000_000, told=told, done=over,
               interval=0).start(host)

    return Pending(start)


COMMANDS = (
    Command(name="#QDNS", clause=_MANUAL, test="<hostName>", set=_resolve),
    Command(name="#PING", clause=_MANUAL, test="<IPaddr>,(1-64),(32-1460),(1-600),(1-255)", set=_ping),
)
