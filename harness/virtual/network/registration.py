"""Where each terminal stands with the network: a table of states, and the search that takes its time.

Theory of operation. A terminal that wants service is *attached* in the table from :meth:`Registrar.attach` to
:meth:`Registrar.detach`; what it gets meanwhile is one of the states. Each change is told to the terminal by an event
of its own, in order, so that no callback runs inside the call that caused it. Super SIM cards are at home nowhere:
service is always roaming.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from harness.errors import UsageError
from harness.journal import Plain
from harness.virtual.network.seams import Cell, Registration, RegistrationStatus, Subscriptions, Terminal
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.world import Event, World


class State(Enum):
    """How a terminal stands."""

    OFF = auto()
    SEARCHING = auto()
    SERVED = auto()
    DENIED = auto()
    LOST = auto()


class Cause(Enum):
    """What may change that."""

    ATTACH = auto()
    DETACH = auto()
    FOUND = auto()
    REFUSED = auto()
    RECHECK = auto()
    COVERAGE_LOST = auto()
    COVERAGE_BACK = auto()


TRANSITIONS: dict[State, dict[Cause, State]] = {
    State.OFF: {Cause.ATTACH: State.SEARCHING},
    State.SEARCHING: {Cause.ATTACH: State.SEARCHING, Cause.DETACH: State.OFF, Cause.FOUND: State.SERVED,
                      Cause.REFUSED: State.DENIED, Cause.RECHECK: State.SEARCHING, Cause.COVERAGE_LOST: State.LOST},
    State.SERVED: {Cause.ATTACH: State.SERVED, Cause.DETACH: State.OFF, Cause.REFUSED: State.DENIED,
                   Cause.RECHECK: State.SERVED, Cause.COVERAGE_LOST: State.LOST},
    State.DENIED: {Cause.ATTACH: State.SEARCHING, Cause.DETACH: State.OFF, Cause.REFUSED: State.DENIED,
                   Cause.RECHECK: State.SEARCHING, Cause.COVERAGE_LOST: State.LOST},
    State.LOST: {Cause.ATTACH: State.LOST, Cause.DETACH: State.OFF, Cause.REFUSED: State.LOST,
                 Cause.RECHECK: State.LOST, Cause.COVERAGE_LOST: State.LOST, Cause.COVERAGE_BACK: State.SEARCHING},
}
"""State and cause to the next state. A cause that is not listed changes nothing."""

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
    told: Registration = field(default=OFF)

    def registration(self) -> Registration:
        served, denied = self.state is State.SERVED, self.state is State.DENIED
        return Registration(status=_STATUS[self.state], cell=self.cell if served else None,
                            cause=self.cause if denied else 0)


class Registrar:
    """The terminals of one network, by ICCID.

    Args:
        served: called with the ICCID when a terminal has got service, after it was told.
        unserved: called with the ICCID when a terminal has lost service, and whether the network took it away.
    """

    def __init__(self, world: World, settings: NetworkSettings, *, served: Callable[[str], None],
                 unserved: Callable[[str, bool], None]) -> None:
        self._world = world
        self._settings = settings
        self._served = served
        self._unserved = unserved
        self._entries: dict[str, _Entry] = {}
        self._denials: dict[str, int] = {}
        self._dark: dict[str, bool] = {}
        self._subscriptions: Subscriptions | None = None

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
        return entry.registration() if entry is not None else OFF

    # -- what the network knows ---------------------------------------------------------------------------------------

    def reachable(self, iccid: str) -> Terminal | None:
        """Return the terminal that holds this SIM card if it has service."""
        entry = self._entries.get(iccid)
        return entry.terminal if entry is not None and entry.state is State.SERVED else None

    def served_iccid(self, terminal: Terminal) -> str | None:
        """Return the ICCID under which this very terminal has service, None if it has none."""
        entry = self._entry(terminal)
        return entry.iccid if entry is not None and entry.state is State.SERVED else None

    def recheck(self, iccid: str) -> None:
        """Look at the subscription again."""
        entry = self._entries.get(iccid)
        if entry is None:
            return
        cause = self._refusal(iccid)
        if cause and entry.state is State.SERVED:
            entry.cause = cause
            self._move(entry, Cause.REFUSED)
        elif not cause:
            self._move(entry, Cause.RECHECK)

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

    # -- inside -------------------------------------------------------------------------------------------------------

    def _entry(self, terminal: Terminal) -> _Entry | None:
        entry = self._entries.get(terminal.iccid)
        if entry is not None and entry.terminal is terminal:
            return entry
        # its card may have been pulled, or may have changed, since it attached
        return next((entry for entry in self._entries.values() if entry.terminal is terminal), None)

    def _refusal(self, iccid: str) -> int:
        if iccid in self._denials:
            return self._denials[iccid]
        subscription = self._subscriptions.subscription(iccid) if self._subscriptions is not None else None
        if subscription is None:
            return self._settings.unknown_sim_cause
        return 0 if subscription.attach_allowed else self._settings.refused_cause

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
            entry.search = self._world.call_later(self._settings.registration_delay, partial(self._found, entry),
                                                  name="network.search")
        if after is State.SERVED and before is not State.SERVED:
            entry.cell = self._settings.cells[0]
        self._tell(entry)
        if after is State.SERVED and before is not State.SERVED:
            self._world.call_later(0, partial(self._announce, entry), name="network.served")
        if before is State.SERVED and after is not State.SERVED:
            self._unserved(entry.iccid, after is not State.OFF)

    def _found(self, entry: _Entry) -> None:
        entry.search = None
        entry.cause = self._refusal(entry.iccid)
        self._move(entry, Cause.REFUSED if entry.cause else Cause.FOUND)

    def _announce(self, entry: _Entry) -> None:
        if entry.state is State.SERVED:
            self._served(entry.iccid)

    def _leave(self, entry: _Entry, *, by_network: bool) -> None:
        before = entry.state
        del self._entries[entry.iccid]
        entry.state = State.OFF
        if entry.search is not None:
            entry.search.cancel()
            entry.search = None
        self._tell(entry)
        if before is State.SERVED:
            self._unserved(entry.iccid, by_network)

    def _tell(self, entry: _Entry) -> None:
        registration = entry.registration()
        if registration == entry.told:
            return
        entry.told = registration
        self._record("registration_changed", entry, status=registration.status.name.lower(), cause=registration.cause,
                     plmn=registration.cell.plmn if registration.cell else "")
        self._world.call_later(0, partial(entry.terminal.registration_changed, registration),
                               name="network.registration")

    def _record(self, event: str, entry: _Entry, **data: Plain) -> None:
        self._world.journal.record("network", event, device=entry.iccid, t=None, **data)
