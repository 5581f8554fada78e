"""Where each terminal stands with the network: a table of states, and the search that takes its time.

Theory of operation. A terminal that wants service is *attached* in the table from :meth:`Registrar.attach` to
:meth:`Registrar.detach`; what it gets meanwhile is one of the states. Each change is told to the terminal by an event
of its own, in order, so that no callback runs inside the call that caused it.

A search tries the operators that can be received, the strongest first, and ends with the first that takes the terminal
in. Each that refuses is told to the cloud's books; those that refuse for good (causes 11 and 14), at the attach or
later, are remembered on the SIM card and not tried again until somebody selects them by hand or the card's file is
cleared, which terminals notice when they look around the next time. Super SIM cards are at home nowhere: where the IMSI
does not begin with the operator's own PLMN, service is roaming.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness.clock import to_ns
from harness.errors import UsageError
from harness.journal import Plain
from harness.virtual.network.cells import CellMap, operators
from harness.virtual.network.registration_states import TRANSITIONS, Cause, State
from harness.virtual.network.seams import (
    LTE,
    AccessTechnology,
    Attachment,
    Cell,
    FoundOperator,
    Registration,
    RegistrationStatus,
    Subscriptions,
    Terminal,
)
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.world import Event, World

if TYPE_CHECKING:
    from harness.virtual.network.faults import NetworkFaults


CONGESTED = 22
NETWORK_FAILURE = 17
ROAMING_NOT_ALLOWED = 13
UNKNOWN_APN = 27  # of session management (3GPP TS 24.301 clause 9.9.4.4)
FORBIDDING = frozenset({11, 14})
"""Causes after which the operator goes on the SIM card's list of forbidden ones (3GPP TS 24.301 clause 5.5.1.2.5)."""

_STATUS = {State.OFF: RegistrationStatus.NOT_REGISTERED, State.SEARCHING: RegistrationStatus.SEARCHING,
           State.SERVED: RegistrationStatus.ROAMING, State.DENIED: RegistrationStatus.DENIED,
           State.LOST: RegistrationStatus.SEARCHING}

OFF = Registration(status=RegistrationStatus.NOT_REGISTERED)


@dataclass(slots=True)
class _Entry:
    iccid: str  # as it was at the attach: the card may be pulled while the entry lives
    terminal: Terminal
    state: State = State.OFF
    cell: Cell | None = None
    cause: int = 0
    search: Event | None = None
    retry: Event | None = None
    selected: tuple[str, AccessTechnology | None] | None = None
    told: Registration = field(default=OFF)

    def registration(self, home_plmns: frozenset[str]) -> Registration:
        served, denied = self.state is State.SERVED, self.state is State.DENIED
        status = _STATUS[self.state]
        if served and self.cell is not None and (
                self.cell.plmn in home_plmns or self.terminal.imsi.startswith(self.cell.plmn)):
            status = RegistrationStatus.HOME
        return Registration(status=status, cell=self.cell if served else None, cause=self.cause if denied else 0)


class Registrar:
    """The terminals of one network, by ICCID.

    Args:
        served: called with the ICCID when a terminal has got service, after it was told.
        unserved: called with the ICCID when a terminal has lost service, and whether the network took it away.
        noted: called with every acceptance, refusal and departure.
    """

    def __init__(self, world: World, settings: NetworkSettings, cells: CellMap, *, served: Callable[[str], None],
                 unserved: Callable[[str, bool], None], noted: Callable[[Attachment], None]) -> None:
        self._world = world
        self._settings = settings
        self._cells = cells
        self._noted = noted
        self._served = served
        self._unserved = unserved
        self._entries: dict[str, _Entry] = {}
        self._denials: dict[str, int] = {}
        self._dark: dict[str, bool] = {}
        self._no_roaming: set[str] = set()
        self._searches: dict[str, int] = {}  # instants at which searches may end at the earliest
        self._subscriptions: Subscriptions | None = None
        self.faults: NetworkFaults | None = None

    def __repr__(self) -> str:
        return f"Registrar({len(self._entries)} terminals)"

    def connect(self, subscriptions: Subscriptions) -> None:
        """Ask this cloud whom to let in, from now on."""
        self._subscriptions = subscriptions
        for iccid in tuple(self._entries):
            self.recheck(iccid)

    # -- what terminals do --------------------------------------------------------------------------------------------

    def attach(self, terminal: Terminal) -> None:
        """Start a search for this terminal; no effect while it has service. A clone of its card loses service."""
        iccid = terminal.iccid
        clone = self._entries.get(iccid)
        if clone is not None and clone.terminal is not terminal:
            self._record("clone_cancelled", clone)
            self._leave(clone, by_network=True)
        entry = self._entry(terminal)
        if entry is not None and entry.iccid != iccid:  # another card, or another profile on it
            self._leave(entry, by_network=False)
            entry = None
        if entry is None:
            entry = self._entries[iccid] = _Entry(iccid, terminal)
        if self._dark.get(iccid) and entry.state is State.OFF:
            entry.state = State.LOST
            self._tell(entry)
        else:
            self._move(entry, Cause.ATTACH)

    def detach(self, terminal: Terminal) -> None:
        """Forget this terminal; no error if it is not known."""
        entry = self._entry(terminal)
        if entry is not None:
            self._leave(entry, by_network=False)

    def registration(self, terminal: Terminal) -> Registration:
        """Return where it stands now."""
        entry = self._entry(terminal)
        return entry.registration(self._settings.home_plmns) if entry is not None else OFF

    def scan(self, terminal: Terminal) -> tuple[FoundOperator, ...]:
        """Return what this terminal receives now, the best first."""
        entry = self._entry(terminal)
        if self._dark.get(terminal.iccid):
            return ()
        current = entry.cell if entry is not None and entry.state is State.SERVED else None
        forbidden = terminal.forbidden_plmns()

        def status(cell: Cell) -> int:
            if current is not None and (cell.plmn, cell.act) == (current.plmn, current.act):
                return 2
            return 3 if cell.plmn in forbidden else 1

        found = operators([cell for cell in self._cells.received() if terminal.receives(cell.act)])
        return tuple(FoundOperator(status=status(cell), cell=cell) for cell in found.values())

    def select(self, terminal: Terminal, plmn: str | None, act: AccessTechnology | None) -> None:
        """Let a terminal use one operator only, None any, and search anew."""
        entry = self._entry(terminal)
        if entry is None:
            return
        wanted = (plmn, act) if plmn is not None else None
        if plmn is not None and plmn in terminal.forbidden_plmns():
            terminal.forbid_plmn(plmn, False)  # who asks for it by hand shall try it
        if wanted == entry.selected and entry.state is State.SERVED:
            return
        entry.selected = wanted
        if entry.state is State.SERVED and self._fits(entry, entry.cell):
            return  # where it may choose again it chooses what it has
        dark = self._dark.get(entry.iccid, False)
        self._move(entry, Cause.COVERAGE_BACK if entry.state is State.LOST and not dark else Cause.SELECT)

    @staticmethod
    def _fits(entry: _Entry, cell: Cell | None) -> bool:
        return cell is not None and entry.terminal.receives(cell.act) and (entry.selected is None or (
            cell.plmn == entry.selected[0] and entry.selected[1] in (None, cell.act)))

    # -- what the network knows ---------------------------------------------------------------------------------------

    def knows(self, iccid: str) -> bool:
        """Tell whether a terminal with this SIM card is switched on."""
        return iccid in self._entries

    def reachable(self, iccid: str) -> Terminal | None:
        """Return the terminal that holds this SIM card if it has service."""
        entry = self._entries.get(iccid)
        return entry.terminal if entry is not None and entry.state is State.SERVED else None

    def served_iccid(self, terminal: Terminal) -> str | None:
        """Return the ICCID under which this very terminal has service, None if it has none."""
        entry = self._entry(terminal)
        return entry.iccid if entry is not None and entry.state is State.SERVED else None

    def listeners(self, cells: frozenset[int]) -> list[tuple[str, Terminal]]:
        """Return the terminals that have service on one of these cells, with their ICCIDs."""
        return [(iccid, entry.terminal) for iccid, entry in self._entries.items()
                if entry.state is State.SERVED and entry.cell is not None and entry.cell.ci in cells]

    def recheck(self, iccid: str) -> None:
        """Look at the subscription again."""
        entry = self._entries.get(iccid)
        if entry is None:
            return
        if entry.state is State.SERVED:
            cause = self._refusal(entry, entry.cell)
            if cause:
                entry.cause = cause
                self._note(entry, entry.cell, cause)
                if cause in FORBIDDING and entry.cell is not None:
                    entry.terminal.forbid_plmn(entry.cell.plmn, True)
                self._move(entry, Cause.REFUSED)
                if cause in (self._settings.unlisted_cause, *FORBIDDING) and len(self._cells.all) > 1:
                    self._move(entry, Cause.RECHECK)  # another operator may be allowed
                else:
                    self._look_around_later(entry)
        elif entry.state is not State.DENIED or self._is_worth_a_try(entry):
            self._move(entry, Cause.RECHECK)

    def _is_worth_a_try(self, entry: _Entry) -> bool:
        """Tell whether any operator would take a terminal that it has not been forbidden to ask."""
        forbidden = entry.terminal.forbidden_plmns()
        return any(cell.plmn not in forbidden and not self._refusal(entry, cell) for cell in self._cells.received()
                   if self._fits(entry, cell))

    def recheck_all(self) -> None:
        """Look at every terminal again: the cells have changed."""
        for entry in tuple(self._entries.values()):
            dark = self._dark.get(entry.iccid, False)
            if entry.state is State.SERVED and entry.cell is not None and not dark:
                self._follow(entry, entry.cell)
            elif entry.state is State.LOST and not dark and self._cells.received():
                self._move(entry, Cause.COVERAGE_BACK)
            elif entry.state is State.DENIED:
                self.recheck(entry.iccid)

    def _follow(self, entry: _Entry, cell: Cell) -> None:
        """Keep a terminal on its cell, hand it over to another one of its operator, or let it search."""
        if self._cells.is_received(cell):
            for better in self._cells.better(cell)[:1]:
                self._hand_over(entry, better)
            return
        other = next((found for found in self._cells.received() if found.plmn == cell.plmn and self._fits(entry, found)
                      and not self._refusal(entry, found)), None)
        if other is not None:
            self._hand_over(entry, other)
            return
        self._move(entry, Cause.COVERAGE_LOST)
        if self._cells.received():
            self._move(entry, Cause.COVERAGE_BACK)

    def hand_over(self, iccid: str, ci: int, *, forced: bool = False) -> None:
        """Move a terminal that has service to another cell; its contexts stay.

        Args:
            forced: whether its module need not be of the kind that works with such cells.

        Raises:
            UsageError: there is no such cell, it is not on the air, its operator is closed to the SIM card, the module
                does not work with it, or the terminal has no service.
        """
        entry = self._entries.get(iccid)
        cell = self._cells.cell(ci)
        if entry is None or entry.state is not State.SERVED:
            raise UsageError(f"the terminal of SIM card {iccid} has no service that could be handed over")
        if not self._cells.is_received(cell):
            raise UsageError(f"cell {ci:#x} is not on the air")
        if not forced and not entry.terminal.receives(cell.act):
            raise UsageError(f"the module of SIM card {iccid} does not work with {cell.act.name} of cell {ci:#x}")
        if cause := self._refusal(entry, cell):
            raise UsageError(f"SIM card {iccid} may not use operator {cell.plmn}, which refuses it with cause {cause}")
        self._hand_over(entry, cell)

    def _hand_over(self, entry: _Entry, cell: Cell) -> None:
        before, entry.cell = entry.cell, cell
        self._record("handed_over", entry, ci=cell.ci, plmn=cell.plmn)
        self._tell(entry)
        if before is None or before.plmn != cell.plmn:
            self._note(entry, cell, 0)

    def signal(self, terminal: Terminal) -> int | None:
        """Return the strength in dBm at which a terminal hears the cell it camps on, None if it camps on none."""
        entry = self._entry(terminal)
        if entry is None or entry.state is not State.SERVED or entry.cell is None:
            return None
        return self._cells.signal(entry.cell)

    def cell_of(self, iccid: str) -> Cell | None:
        """Return the cell that serves a SIM card's terminal, None if none does."""
        entry = self._entries.get(iccid)
        return entry.cell if entry is not None and entry.state is State.SERVED else None

    # -- conditions ---------------------------------------------------------------------------------------------------

    def set_coverage(self, iccid: str, present: bool) -> None:
        """Take coverage from a SIM card's terminal, or give it back."""
        if present:
            self._dark.pop(iccid, None)
        else:
            self._dark[iccid] = True
        entry = self._entries.get(iccid)
        if entry is not None:
            self._move(entry, Cause.COVERAGE_BACK if present else Cause.COVERAGE_LOST)

    def set_denial(self, iccid: str, cause: int | None) -> None:
        """Deny a SIM card service with this EMM cause whatever its subscription says; None ends that."""
        if cause is None:
            self._denials.pop(iccid, None)
        else:
            if not 1 <= cause <= 127:
                raise UsageError(f"an EMM cause is 1 to 127, not {cause}")
            self._denials[iccid] = cause
        self.recheck(iccid)

    def set_roaming(self, iccid: str, allowed: bool) -> None:
        """Let visited networks take a SIM card in, or refuse it with cause 13."""
        (self._no_roaming.discard if allowed else self._no_roaming.add)(iccid)
        self.recheck(iccid)

    def set_search(self, iccid: str, span: int | None) -> None:
        """Take service from a terminal and let it search for so many nanoseconds; None ends that."""
        entry = self._entries.get(iccid)
        if span is None:
            self._searches.pop(iccid, None)
            return
        self._searches[iccid] = self._world.now() + span
        if entry is not None:
            if entry.state is State.SEARCHING and entry.search is not None:
                entry.search.cancel()
                entry.search = None
                self._move(entry, Cause.ATTACH)
            else:
                self._move(entry, Cause.SELECT)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _entry(self, terminal: Terminal) -> _Entry | None:
        entry = self._entries.get(terminal.iccid)
        if entry is not None and entry.terminal is terminal:
            return entry
        # its card may have been pulled, or may have changed, since it attached
        return next((entry for entry in self._entries.values() if entry.terminal is terminal), None)

    def _refusal(self, entry: _Entry, cell: Cell | None) -> int:
        """Return the EMM cause for which this cell's operator refuses a terminal, 0 if it does not."""
        if entry.iccid in self._denials:
            return self._denials[entry.iccid]
        subscription = self._subscriptions.subscription(entry.iccid) if self._subscriptions is not None else None
        if subscription is None:
            return self._settings.unknown_sim_cause
        if cell is not None and entry.iccid in self._no_roaming and not self._is_home(entry, cell):
            return ROAMING_NOT_ALLOWED
        if not subscription.attach_allowed:
            return self._settings.refused_cause
        if cell is not None and subscription.networks is not None and cell.plmn not in subscription.networks:
            return self._settings.unlisted_cause
        if cell is not None and entry.state is not State.SERVED and self._cells.is_congested(cell.plmn):
            return CONGESTED
        return 0

    def _core_failure(self, entry: _Entry) -> int:
        return self._subscriptions.core_failure(entry.iccid, session=False) if self._subscriptions is not None else 0

    def _bearer_refusal(self, entry: _Entry, cell: Cell) -> int:
        """Return the ESM cause for which the context that comes with an attach on LTE is refused, and so the attach."""
        apn = entry.terminal.attach_apn
        return UNKNOWN_APN if cell.act in LTE and apn and apn.lower() != self._settings.apn.lower() else 0

    def _is_home(self, entry: _Entry, cell: Cell) -> bool:
        return cell.plmn in self._settings.home_plmns or entry.terminal.imsi.startswith(cell.plmn)

    def _move(self, entry: _Entry, cause: Cause) -> None:
        before = entry.state
        after = TRANSITIONS[before].get(cause)
        if after is None:
            return
        entry.state = after
        if after is not State.SEARCHING and entry.search is not None:
            entry.search.cancel()
            entry.search = None
        if after is State.SEARCHING and entry.search is None:
            end = max(self._world.now() + to_ns(self._settings.registration_delay), self._searches.get(entry.iccid, 0))
            entry.search = self._world.call_at(end, partial(self._found, entry), name="network.search")
        if after is not before and entry.retry is not None:
            entry.retry.cancel()
            entry.retry = None
        self._tell(entry)
        if after is State.SERVED and before is not State.SERVED:
            self._world.call_later(0, partial(self._announce, entry), name="network.served")
        if before is State.SERVED and after is not State.SERVED:
            if cause is not Cause.REFUSED:
                self._note(entry, entry.cell, 0, accepted=False)
            self._unserved(entry.iccid, after is not State.OFF)

    def _found(self, entry: _Entry) -> None:
        """End a search: try the operators that are received, the strongest first."""
        entry.search = None
        cells = operators([cell for cell in self._cells.received() if self._fits(entry, cell)])
        if not cells:
            self._move(entry, Cause.COVERAGE_LOST)
            return
        entry.cause = 0
        if self.faults is not None and (fault := self.faults.strike("packet-attach-refused", entry.iccid)) is not None:
            entry.cause = fault.spec.number("cause")
            self._note(entry, next(iter(cells.values())), entry.cause)
            self._move(entry, Cause.REFUSED)
            return
        refused: set[str] = set()
        for cell in cells.values():
            if cell.plmn in refused:
                continue
            if cell.plmn in entry.terminal.forbidden_plmns():
                entry.cause = entry.cause or min(FORBIDDING)
                continue
            cause = self._refusal(entry, cell) or self._core_failure(entry) or self._bearer_refusal(entry, cell)
            if not cause:
                entry.cell, entry.cause = self._cells.cell(cell.ci), 0
                self._move(entry, Cause.FOUND)
                self._note(entry, entry.cell, 0)
                return
            refused.add(cell.plmn)
            entry.cause = cause
            self._note(entry, cell, cause)
            if cause in FORBIDDING:
                entry.terminal.forbid_plmn(cell.plmn, True)
        self._move(entry, Cause.REFUSED)
        pause = {CONGESTED: self._settings.congestion_retry, NETWORK_FAILURE: self._settings.failure_retry}.get(
            entry.cause)
        if pause is not None:
            entry.retry = self._world.call_later(pause, partial(self._again, entry), name="network.search")
        else:
            self._look_around_later(entry)

    def _look_around_later(self, entry: _Entry) -> None:
        """Let a terminal that has only forbidden operators around look now and then whether it is still so."""
        if entry.cause in FORBIDDING and entry.state is State.DENIED:
            entry.retry = self._world.call_later(self._settings.forbidden_retry, partial(self._look_around, entry),
                                                 name="network.search")

    def _look_around(self, entry: _Entry) -> None:
        entry.retry = None
        if self._is_worth_a_try(entry):
            self._move(entry, Cause.RECHECK)
        else:
            self._look_around_later(entry)

    def _again(self, entry: _Entry) -> None:
        entry.retry = None
        self._move(entry, Cause.RECHECK)

    def _note(self, entry: _Entry, cell: Cell | None, cause: int, *, accepted: bool | None = None) -> None:
        terminal = entry.terminal
        self._noted(Attachment(iccid=entry.iccid, imsi=terminal.imsi, imei=terminal.imei, cell=cell, cause=cause,
                               accepted=not cause if accepted is None else accepted))

    def _announce(self, entry: _Entry) -> None:
        if entry.state is State.SERVED:
            self._served(entry.iccid)

    def _leave(self, entry: _Entry, *, by_network: bool) -> None:
        before = entry.state
        del self._entries[entry.iccid]
        entry.state = State.OFF
        for event in (entry.search, entry.retry):
            if event is not None:
                event.cancel()
        entry.search = entry.retry = None
        self._tell(entry)
        if before is State.SERVED:
            self._note(entry, entry.cell, 0, accepted=False)
            self._unserved(entry.iccid, by_network)

    def _tell(self, entry: _Entry) -> None:
        registration = entry.registration(self._settings.home_plmns)
        if registration == entry.told:
            return
        entry.told = registration
        self._record("registration_changed", entry, status=registration.status.name.lower(), cause=registration.cause,
                     plmn=registration.cell.plmn if registration.cell else "")
        self._world.call_later(0, partial(entry.terminal.registration_changed, registration),
                               name="network.registration")

    def _record(self, event: str, entry: _Entry, **data: Plain) -> None:
        self._world.journal.record("network", event, device=entry.iccid, t=None, **data)
