"""Packet data contexts: what was defined, and which are active (3GPP TS 27.007 clause 10.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from harness.virtual.network.seams import Session

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MAX_CONTEXTS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextDefinition:
    """What +CGDCONT (or a maker's command) says of a context."""

    pdp_type: str = "IP"
    apn: str = ""
    user: str = ""
    password: str = ""
    authentication: int = 0


class PacketContexts:
    """The contexts of one modem."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.definitions: dict[int, ContextDefinition] = {}
        self.active: dict[int, Session] = {}
        self._generation = 0
        self._wanted: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"PacketContexts(defined={sorted(self.definitions)}, active={sorted(self.active)})"

    def activate(self, cid: int, done: Callable[[Session | None], None]) -> None:
        """Activate a defined context; ``done`` gets the session, or None if the network refuses."""
        if cid in self.active:
            done(self.active[cid])
            return
        apn = self.definitions[cid].apn if cid in self.definitions else ""
        serial = self._wanted[cid] = self._wanted.get(cid, 0) + 1
        self._modem.carrier.activate(self._modem, cid, apn,
                                     partial(self._activated, cid, self._generation, serial, done))

    def _activated(self, cid: int, generation: int, serial: int, done: Callable[[Session | None], None],
                   session: Session | None) -> None:
        if generation != self._generation:
            done(None)
            return
        if serial != self._wanted.get(cid):  # given up meanwhile: what came is not wanted any longer
            done(self.active.get(cid))
            return
        if session is not None and cid not in self.active:
            self.active[cid] = session
            self._modem.record("context_activated", cid=cid, apn=session.apn, ip=session.ip)
            self._event(f"ME PDN ACT {cid}")
        done(session)

    def deactivate(self, cid: int) -> None:
        """End a context at the device's own wish; no error if it is not active."""
        self._wanted[cid] = self._wanted.get(cid, 0) + 1
        if self.active.pop(cid, None) is not None:
            self._modem.carrier.deactivate(self._modem, cid)
            self._modem.record("context_deactivated", cid=cid)
            self._modem.sockets.context_ended(cid, by_network=False)
            self._event(f"ME PDN DEACT {cid}")

    def lost(self, cid: int) -> None:
        """The network ended a context."""
        if self.active.pop(cid, None) is not None:
            self._modem.record("context_lost", cid=cid)
            self._event(f"NW PDN DEACT {cid}")
            self._modem.sockets.context_ended(cid, by_network=True)

    def service_lost(self) -> None:
        """No network, no contexts."""
        self._generation += 1
        if self.active:
            self._event("NW DETACH")
            for cid in sorted(self.active):
                self.lost(cid)

    def service_found(self) -> None:
        """On LTE the first context comes with the attach, once it has an access point name."""
        if self._modem.radio.on_lte and self.definitions.get(1, ContextDefinition()).apn:
            self.activate(1, lambda session: None)

    def reset(self) -> None:
        """Forget what was active, without a word."""
        self._generation += 1
        self.active.clear()
        self._wanted.clear()

    def _event(self, text: str) -> None:
        if self._modem.settings.number("+CGEREP"):
            self._modem.urc(f"+CGEV: {text}")
