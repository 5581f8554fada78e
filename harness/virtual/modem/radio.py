"""Functionality, network selection and registration of one modem, with the URCs of the three domains.

The network tells one registration; +CREG, +CGREG and +CEREG each show it as the circuit switched, packet switched and
EPS domain see it. Which domain shows what on an LTE cell differs between makers and is profile data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from harness.clock import NANOSECONDS
from harness.formats.at import CME_ERRORS
from harness.virtual.network.seams import LTE, AccessTechnology, Cell, Registration, RegistrationStatus
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

DOMAINS = ("+CREG", "+CGREG", "+CEREG")
OFFLINE = Registration(status=RegistrationStatus.NOT_REGISTERED)
SERVED = (RegistrationStatus.HOME, RegistrationStatus.ROAMING)
_TECHNOLOGIES = {"gsm": AccessTechnology.GSM, "utran": AccessTechnology.UTRAN, "lte": AccessTechnology.E_UTRAN,
                 "lte-m": AccessTechnology.EMTC, "nb-iot": AccessTechnology.NB_IOT}
_LTE_CARRIERS = (AccessTechnology.E_UTRAN, AccessTechnology.EMTC)

Waiter = Callable[[Registration | None], None]


class Radio:
    """The radio side of one modem.

    Attributes:
        functionality: ``<fun>`` of +CFUN: 0 minimum, 1 full, 4 RF off.
        selection: ``<mode>`` of +COPS: 0 automatic, 1 manual, 2 deregistered.
        registration: what the network told last.
        leaving: whether service ends just now because the device wants it to.
    """

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.functionality = 1
        self.selection = 0
        self.registration = OFFLINE
        self.leaving = False
        self._attached = False
        self._fresh = True  # switched on, and not yet attached since
        self._pardoned: frozenset[str] = frozenset()
        self._shown: dict[str, tuple[int, Cell | None, int]] = {}
        self._waiters: list[tuple[Waiter, Event]] = []

    def __repr__(self) -> str:
        return f"Radio(fun={self.functionality}, {self.registration.status.name})"

    @property
    def served(self) -> bool:
        """Whether it is registered, at home or roaming."""
        return self.registration.status in SERVED

    @property
    def searching(self) -> bool:
        """Whether it looks for a network, which has not refused it."""
        return self._attached and not self.served and self.registration.status is not RegistrationStatus.DENIED

    @property
    def cell(self) -> Cell | None:
        """The cell it camps on."""
        return self.registration.cell

    @property
    def on_lte(self) -> bool:
        """Whether it camps on an LTE cell of any kind."""
        return self.cell is not None and self.cell.act in LTE

    def reset(self) -> None:
        """Begin as after power-on."""
        self.functionality, self.selection = 1, 0
        self._shown.clear()
        self.freshen()

    def freshen(self) -> None:
        """Learn that the radio was switched on: operators that are forbidden are tried once more."""
        self._fresh = True

    def receives(self, act: AccessTechnology) -> bool:
        """Tell whether this type of module works with cells of an access technology. LTE-M is a part of LTE."""
        words = self._modem.profile.text("technologies").split(",")
        return any(_TECHNOLOGIES[word] is act for word in words) or (
            act in _LTE_CARRIERS and not {"lte", "lte-m"}.isdisjoint(words))

    # -- forbidden operators ------------------------------------------------------------------------------------------

    def forbidden_plmns(self) -> frozenset[str]:
        """Return what the card's EF_FPLMN holds, but for what has not been tried since the radio was switched on."""
        card = self._modem.slot.card
        return card.files.forbidden_plmns() - self._pardoned if card is not None else frozenset()

    def forbid_plmn(self, plmn: str, forbidden: bool) -> None:
        """Write a PLMN to the card's EF_FPLMN, or take it out."""
        self._pardoned -= {plmn}
        if (card := self._modem.slot.card) is not None:
            card.files.forbid_plmn(plmn, forbidden)

    # -- looking for service and leaving ------------------------------------------------------------------------------

    def search(self) -> None:
        """Look for a network if functionality, SIM card and selection allow it."""
        if self.functionality == 1 and self.selection != 2 and self._modem.slot.ready and not self._attached:
            self._attached = True
            if self._fresh:
                self._pardoned = card.files.forbidden_plmns() if (card := self._modem.slot.card) else frozenset()
                self._fresh = False
            self._modem.carrier.attach(self._modem)

    def try_again(self) -> None:
        """Ask once more for service that was denied, because what is asked for has changed."""
        if self._attached and self.registration.status is RegistrationStatus.DENIED:
            self._modem.carrier.attach(self._modem)

    def leave(self) -> None:
        """Leave the network; contexts end."""
        was_attached, self._attached = self._attached, False
        if was_attached:
            self._modem.carrier.detach(self._modem)
        self.leaving = True
        self.changed(OFFLINE)
        self.leaving = False

    def when_served(self, limit: int, waiter: Waiter) -> None:
        """Call ``waiter`` with the registration as soon as there is service or a refusal, None after ``limit`` ns."""
        if self.served:
            waiter(self.registration)
            return
        expiry = self._modem.world.call_later(limit / NANOSECONDS, partial(self._expire, waiter), name="modem-search")
        self._waiters.append((waiter, expiry))

    def forget_waiter(self, waiter: Waiter) -> None:
        """Let a waiter wait no longer."""
        for entry in tuple(self._waiters):
            if entry[0] is waiter:
                entry[1].cancel()
                self._waiters.remove(entry)

    def _expire(self, waiter: Waiter) -> None:
        self.forget_waiter(waiter)
        waiter(None)

    # -- what the network tells ---------------------------------------------------------------------------------------

    def network_says(self, registration: Registration) -> None:
        """Take what the network tells; nothing while the modem does not want service."""
        if self._attached:
            cell = registration.cell
            self.changed(registration if cell is None else replace(registration, cell=self.seen(cell)))

    def seen(self, cell: Cell) -> Cell:
        """Return a cell as this module uses it: one of wide bandwidth takes the LTE carrier that LTE-M is a part of."""
        if cell.act is AccessTechnology.EMTC and self._modem.profile.flag("wide_band"):
            return replace(cell, act=AccessTechnology.E_UTRAN)
        return cell

    def changed(self, registration: Registration) -> None:
        """Take over a registration and tell of it."""
        before, self.registration = self.registration, registration
        if before == registration:
            return
        modem = self._modem
        if self.served and registration.cell is not None and modem.slot.card is not None:
            modem.slot.card.files.locate(registration.cell.plmn, registration.cell.tac, on_lte=self.on_lte)
        if self.served and before.status not in SERVED:
            cell = registration.cell
            if cell is not None and cell.plmn in self._pardoned:
                self.forbid_plmn(cell.plmn, False)
            modem.record("registered", status=int(registration.status), plmn=cell.plmn if cell else "",
                         act=int(cell.act) if cell else 0)
        elif not self.served:
            if before.status in SERVED:
                modem.record("registration_lost", status=int(registration.status))
            if registration.status is RegistrationStatus.DENIED:
                modem.record("registration_denied", cause=registration.cause)
                modem.last_error = CME_ERRORS.get(100 + registration.cause, f"EMM cause {registration.cause}")
        for domain in DOMAINS:
            self._tell(domain)
        modem.service_changed(before.status in SERVED, self.served)
        if before.cell != registration.cell:
            modem.cell_changed()
        if self.served or registration.status is RegistrationStatus.DENIED:
            for waiter, expiry in tuple(self._waiters):
                expiry.cancel()
                self._waiters.remove((waiter, expiry))
                waiter(registration)

    def _tell(self, domain: str) -> None:
        settings = self._modem.settings
        if domain not in settings:
            return
        mode = settings.number(domain)
        now = (self.status(domain), self.cell, self.registration.cause)
        before = self._shown.get(domain, (0, None, 0))
        self._shown[domain] = now
        if mode and (now[0] != before[0] or (mode >= 2 and now != before)):
            self._modem.urc(f"{domain}: {self.describe(domain, mode)}")

    # -- how it is shown ----------------------------------------------------------------------------------------------

    def status(self, domain: str) -> int:
        """Return ``<stat>`` of a domain."""
        profile = self._modem.profile
        status = int(self.registration.status)
        if self.cell is None:
            return status
        if domain == "+CEREG":
            return status if self.on_lte else 0
        if domain == "+CGREG" and self.on_lte:
            shown = profile.text("cgreg_on_lte")
            return int(shown) if shown.isdigit() else status
        if domain == "+CREG" and self.on_lte and not profile.flag("creg_on_lte"):
            return 0
        return status

    def describe(self, domain: str, mode: int) -> str:
        """Return ``<stat>[,<tac>,<ci>,<AcT>[,...]]`` as much as ``mode`` shows (3GPP TS 27.007 clause 10.1.22).

        Groups that are left out at the end leave no commas behind.
        """
        status = self.status(domain)
        cell, settings = self.cell, self._modem.settings
        place, cause, timers = ["", "", ""], ["", ""], ["", ""]
        if mode >= 2 and cell is not None and status in SERVED:
            place = [f'"{cell.tac:X}"', f'"{cell.ci:X}"', str(int(cell.act))]
            if mode in (4, 5) and "+CPSMS" in settings and settings.number("+CPSMS"):
                timers = [f'"{settings.text("+CPSMS", position)}"' for position in (2, 1)]
        if self.registration.status is RegistrationStatus.DENIED and mode in (3, 5):
            cause = ["0", str(self.registration.cause)]
        return ",".join((str(status), *place, *cause, *timers)).rstrip(",")
