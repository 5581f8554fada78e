"""Opening sockets, the same for every maker: ports checked, names resolved, connections awaited, one outcome told.

A dialect says what it wants and gets an :data:`Outcome`; it only has to know its maker's number for each failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from harness.virtual.internet.seams import CloseReason
from harness.virtual.modem.sockets import ANYBODY, Service

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem


class OpenFailure(Enum):
    """Why a socket could not be opened."""

    PORT_BUSY = auto()
    """The local port is in use."""
    GONE = auto()
    """Its number was taken, or the context ended, while the name was being resolved."""
    UNKNOWN_HOST = auto()
    REFUSED = auto()
    """Refused, or the host can't be reached."""
    TIMED_OUT = auto()
    CLOSED = auto()
    """Closed by a command, before it was open."""


Outcome: TypeAlias = OpenFailure | int | None
"""How an opening went: None is success, a number is the maker's own, as a fault plan wants it."""


def error_number(outcome: Outcome, numbers: Mapping[OpenFailure, int]) -> int:
    """Return the maker's number for an outcome, 0 for success."""
    if isinstance(outcome, OpenFailure):
        return numbers[outcome]
    return outcome or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is to be opened.

    Attributes:
        number: of the socket; must be free.
        cid: the active context it is on.
        host: the peer by name or address; of no use for servers.
        local_port: 0 takes any.
        access_mode: 0 keeps what arrives until it is read, others push it.
        limit: nanoseconds that a connection may take to be made, 0 if only the network's own patience ends that.
        delay: nanoseconds of the profile until an outcome that needs no network is told.
    """

    number: int
    cid: int
    service: Service
    host: str = ""
    remote_port: int = 0
    local_port: int = 0
    access_mode: int = 0
    limit: int = 0
    delay: int = 0


def open_socket(modem: VirtualModem, wanted: Opening, done: Callable[[Outcome], None]) -> None:
    """Open a socket; ``done`` is called once, in a later turn of the world, unless the power goes before."""
    sockets = modem.sockets

    def soon(failure: Outcome) -> None:
        modem.later(wanted.delay, lambda: done(failure), name="modem-socket")

    def resolved(address: str | None) -> None:
        if wanted.number in sockets.open or wanted.cid not in modem.packet.active:
            done(OpenFailure.GONE)
        elif address is None:
            done(OpenFailure.UNKNOWN_HOST)
        elif wanted.service is Service.UDP:
            sockets.bind(wanted.number, wanted.cid, Service.UDP, (address, wanted.remote_port), wanted.local_port,
                         wanted.access_mode, host=wanted.host)
            soon(None)
        else:
            socket = sockets.connect(wanted.number, wanted.cid, (address, wanted.remote_port), wanted.local_port,
                                     wanted.access_mode, lambda reason: done(_failure(reason)), host=wanted.host)
            if wanted.limit:
                modem.later(wanted.limit, lambda: sockets.give_up(socket), name="modem-socket", scaled=False)

    if struck := sockets.struck_error():
        soon(struck)
    elif wanted.local_port and sockets.port_taken(wanted.cid, wanted.local_port):
        soon(OpenFailure.PORT_BUSY)
    elif wanted.service is Service.UDP_SERVICE:
        sockets.bind(wanted.number, wanted.cid, Service.UDP_SERVICE, ANYBODY, wanted.local_port, wanted.access_mode,
                     host=wanted.host)
        soon(None)
    elif wanted.service is Service.TCP_LISTENER:
        sockets.listen(wanted.number, wanted.cid, wanted.local_port, wanted.access_mode)
        soon(None)
    else:
        modem.later(0, lambda: sockets.resolve(wanted.cid, wanted.host, resolved), name="modem-socket")


def _failure(reason: CloseReason | None) -> OpenFailure | None:
    if reason is None:
        return None
    return {CloseReason.TIMED_OUT: OpenFailure.TIMED_OUT, CloseReason.NETWORK_LOST: OpenFailure.GONE,
            CloseReason.LOCAL: OpenFailure.CLOSED}.get(reason, OpenFailure.REFUSED)
