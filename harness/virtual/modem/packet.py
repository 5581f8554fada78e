"""Packet data contexts: what was defined, and which are active (3GPP TS 27.007 clause 10.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from harness.virtual.network.seams import Datagram, Session

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MAX_CONTEXTS = 15
NOT_CARRIED = frozenset({"IPV6", "Non-IP"})
"""Types that the network refuses: it gives IPv4 addresses only (3GPP TS 24.301 clause 6.5.1.4.1, cause 50)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextDefinition:
    """What +CGDCONT (or a maker's command) says of a context.

    Attributes:
        address: what the client wants to have, which no network here gives; it is only told again.
        options: data and header compression, how the address is allocated, what the request is for; likewise.
    """

    pdp_type: str = "IP"
    apn: str = ""
    address: str = "0.0.0.0"
    options: tuple[int, int, int, int] = (0, 0, 0, 0)
    user: str = ""
    password: str = ""
    authentication: int = 0


@dataclass(slots=True, eq=False)
class _Request:
    """An activation under way, and who waits for it."""

    waiting: list[Callable[[Session | None], None]]


class Tap(Protocol):
    """Something that has a context for itself: a dial-up link."""

    def datagram_received(self, datagram: Datagram) -> None:
        """Take a datagram that arrived on the context."""

    def context_lost(self) -> None:
        """Learn that the context has ended."""


class PacketContexts:
    """The contexts of one modem.

    Attributes:
        taps: contexts whose datagrams do not go to sockets.
    """

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.definitions: dict[int, ContextDefinition] = {}
        self.active: dict[int, Session] = {}
        self.taps: dict[int, Tap] = {}
        self._requests: dict[int, _Request] = {}

    def __repr__(self) -> str:
        return f"PacketContexts(defined={sorted(self.definitions)}, active={sorted(self.active)})"

    def activate(self, cid: int, done: Callable[[Session | None], None]) -> None:
        """Activate a defined context; ``done`` gets the session, or None if the network refuses."""
        if cid in self.active:
            done(self.active[cid])
            return
        if cid in self._requests:
            self._requests[cid].waiting.append(done)
            return
        definition = self.definitions.get(cid, ContextDefinition())
        if definition.pdp_type in NOT_CARRIED:
            self._modem.record("context_refused", cid=cid, kind=definition.pdp_type)
            done(None)
            return
        request = self._requests[cid] = _Request([done])
        apn = definition.apn
        self._modem.carrier.activate(self._modem, cid, apn, partial(self._answered, cid, request))

    def _answered(self, cid: int, request: _Request, session: Session | None) -> None:
        if self._requests.get(cid) is not request:  # given up meanwhile
            if session is not None and cid not in self._requests and cid not in self.active:
                self._modem.carrier.deactivate(self._modem, cid)
            return
        if session is not None:
            self.active[cid] = session
            self._modem.record("context_activated", cid=cid, apn=session.apn, ip=session.ip)
            self._event(f"ME PDN ACT {cid}")
        self._end_request(cid, session)

    def _end_request(self, cid: int, session: Session | None) -> None:
        request = self._requests.pop(cid, None)
        for done in request.waiting if request is not None else ():
            done(session)

    def deactivate(self, cid: int) -> None:
        """End a context, or the attempt to activate it, at the device's own wish; no error if there is neither."""
        self._end_request(cid, None)
        if self.active.pop(cid, None) is not None:
            self._modem.carrier.deactivate(self._modem, cid)
            self._modem.record("context_deactivated", cid=cid)
            self._modem.sockets.context_ended(cid, by_network=False)
            self._event(f"ME PDN DEACT {cid}")
            self._untap(cid)

    def lost(self, cid: int, *, by: str = "NW") -> None:
        """The network ended a context, or the device (``ME``) left the network with it."""
        if self.active.pop(cid, None) is not None:
            self._modem.record("context_lost", cid=cid)
            self._event(f"{by} PDN DEACT {cid}")
            self._untap(cid)
            self._modem.sockets.context_ended(cid, by_network=True)

    def service_lost(self) -> None:
        """No network, no contexts."""
        for cid in sorted(self._requests):
            self._end_request(cid, None)
        by = "ME" if self._modem.radio.leaving else "NW"
        if self.active:
            self._event(f"{by} DETACH")
            for cid in sorted(self.active):
                self.lost(cid, by=by)

    def define(self, cid: int, definition: ContextDefinition) -> None:
        """Say what a context is.

        A client that names the access point of the first context after the attach, and then opens sockets, has the
        bearer of the attach on a real module: here it comes with the name.
        """
        self.definitions[cid] = definition
        if cid == 1 and self._modem.radio.served:
            self.service_found()
        elif cid == 1:
            self._modem.radio.try_again()

    @property
    def attach_apn(self) -> str:
        """The access point name of the first context, which an attach on LTE asks for; empty if it has none."""
        return self.definitions.get(1, ContextDefinition()).apn

    def service_found(self) -> None:
        """On LTE the first context comes with the attach, once it has an access point name."""
        if self._modem.radio.on_lte and self.attach_apn:
            self.activate(1, lambda session: None)

    def _untap(self, cid: int) -> None:
        if (tap := self.taps.pop(cid, None)) is not None:
            tap.context_lost()

    def reset(self) -> None:
        """Forget what was active, without a word."""
        self.taps.clear()
        self._requests.clear()
        self.active.clear()

    def _event(self, text: str) -> None:
        if mode := self._modem.settings.number("+CGEREP"):
            self._modem.urc(f"+CGEV: {text}", kept=mode == 2)
