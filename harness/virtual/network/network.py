"""The network as its neighbours see it: modems as a :class:`Carrier`, the cloud as :class:`Messaging`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness.clock import Duration
from harness.virtual.network.ip_gateway import Internet, IpGateway, Traffic
from harness.virtual.network.registration import Registrar
from harness.virtual.network.seams import (
    Cell,
    Datagram,
    Registration,
    Session,
    SmsOutcome,
    SmsProgress,
    Subscription,
    Subscriptions,
    Terminal,
)
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.network.sms_centre import SmsCentre
from harness.virtual.world import World


class Network:
    """A cellular network with an SMS centre and an IP gateway. Implements ``Carrier`` and ``Messaging``.

    All methods are called in a turn of the world; those under *conditions* take their own turn and may be called by
    tests from any thread.

        >>> from harness.virtual.world import World
        >>> network = Network(World(seed=1))
        >>> network.cells[0].plmn
        '310410'
    """

    def __init__(self, world: World, *, settings: NetworkSettings | None = None) -> None:
        self.settings = settings or NetworkSettings()
        self._world = world
        self._subscriptions: Subscriptions | None = None
        self._registrar = Registrar(world, self.settings, served=self._has_service, unserved=self._lost_service)
        self._gateway = IpGateway(world, self.settings, self._registrar)
        self._centre = SmsCentre(world, self.settings, self._registrar, self._subscription)

    def __repr__(self) -> str:
        return f"Network({self._registrar!r}, {self._centre!r}, {self._gateway!r})"

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of this network, best first: what an operator scan finds."""
        return self.settings.cells

    def connect_cloud(self, subscriptions: Subscriptions) -> None:
        """Let this cloud say who may do what, and give it what devices send."""
        self._subscriptions = subscriptions
        self._centre.connect(subscriptions)
        self._gateway.connect(subscriptions)
        self._registrar.connect(subscriptions)

    def connect_internet(self, internet: Internet) -> None:
        """Give what devices send past the IP gateway to these hosts; without any, nothing is reachable."""
        self._gateway.connect_internet(internet)

    # -- Carrier ------------------------------------------------------------------------------------------------------

    def attach(self, terminal: Terminal) -> None:
        """Start looking for a network; results come by :meth:`Terminal.registration_changed`."""
        self._registrar.attach(terminal)

    def detach(self, terminal: Terminal) -> None:
        """Leave: contexts end, SMS wait. No error if it was not attached."""
        self._registrar.detach(terminal)

    def registration(self, terminal: Terminal) -> Registration:
        """Return where the terminal stands now."""
        return self._registrar.registration(terminal)

    def sms_submit(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        """Hand an SMS-SUBMIT or SMS-COMMAND TPDU (no SCA) to the SMS centre."""
        self._centre.submit(terminal, tpdu, done)

    def memory_available(self, terminal: Terminal) -> None:
        """Tell the SMS centre that the terminal has room again (RP-SMMA)."""
        self._centre.memory_available(terminal)

    def activate(self, terminal: Terminal, cid: int, apn: str, done: Callable[[Session | None], None]) -> None:
        """Ask for a packet data context; None if the network refuses (not registered, APN, subscription)."""
        self._gateway.activate(terminal, cid, apn, done)

    def deactivate(self, terminal: Terminal, cid: int) -> None:
        """End a packet data context; no error if there is none."""
        self._gateway.deactivate(terminal, cid)

    def send_datagram(self, terminal: Terminal, cid: int, datagram: Datagram) -> None:
        """Send a datagram on a context; whether it arrives is nobody's promise."""
        self._gateway.send_from_terminal(terminal, cid, datagram)

    # -- Messaging ----------------------------------------------------------------------------------------------------

    def subscription_changed(self, iccid: str) -> None:
        """Look at the SIM card's subscription again: it may have to leave, or may come back now."""
        self._registrar.recheck(iccid)
        self._gateway.recheck(iccid)

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsProgress) -> None:
        """Send a text, or 8-bit data, to the device that holds this SIM card, store-and-forward for 24 hours.

        Raises:
            PduError: the text has no SMS form (more than 255 parts). Nothing was sent.
        """
        self._centre.send(iccid, text, progress)

    def send_ip(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None:
        """Send a datagram from the IP gateway to a device's port; the device's address, or None if not attached."""
        self._gateway.send_to_device(iccid, port, payload, done)

    # -- the virtual internet -----------------------------------------------------------------------------------------

    def send_from_internet(self, datagram: Datagram) -> bool:
        """Send a datagram from a host of the virtual internet to a device; False if no session has the address."""
        return self._gateway.send_from_internet(datagram)

    # -- conditions: for tests and fault plans ------------------------------------------------------------------------

    def lose_coverage(self, iccid: str, *, duration: Duration | None = None) -> None:
        """Take coverage from the terminal with this SIM card, for a while or until :meth:`restore_coverage`."""
        with self._world.turn():
            self._registrar.set_coverage(iccid, False)
            if duration is not None:
                self._world.call_later(duration, partial(self._registrar.set_coverage, iccid, True),
                                       name="network.coverage")

    def restore_coverage(self, iccid: str) -> None:
        """Give coverage back: the terminal searches and registers."""
        with self._world.turn():
            self._registrar.set_coverage(iccid, True)

    def deny(self, iccid: str, cause: int | None) -> None:
        """Deny service with this EMM cause (3GPP TS 24.301 clause 9.9.3.9) whatever the subscription; None ends it.

        Raises:
            UsageError: no such cause.
        """
        with self._world.turn():
            self._registrar.set_denial(iccid, cause)

    def end_sessions(self, iccid: str) -> None:
        """End all packet contexts of this SIM card from the network's side."""
        with self._world.turn():
            self._gateway.end_all(iccid, "ended by the network", by_network=True)

    def sessions(self, iccid: str) -> list[Traffic]:
        """Return the open data sessions of this SIM card with what flowed in them."""
        return self._gateway.sessions(iccid)

    def sms_waiting(self, iccid: str) -> int:
        """Return how many SMS (parts counted singly) wait for this SIM card."""
        return self._centre.waiting(iccid)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _subscription(self, iccid: str) -> Subscription | None:
        return self._subscriptions.subscription(iccid) if self._subscriptions is not None else None

    def _has_service(self, iccid: str) -> None:
        self._centre.alert(iccid)

    def _lost_service(self, iccid: str, by_network: bool) -> None:
        self._gateway.end_all(iccid, "service lost" if by_network else "detached", by_network=by_network)
        self._centre.abandon(iccid)
