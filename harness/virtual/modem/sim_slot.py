"""The slot with or without a SIM card, and how far the card has come since power-on."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import Cme, Cms
from harness.virtual.modem.sim_card import Lock, SimCard
from harness.virtual.modem.sim_channels import CardChannels

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem


class SlotState(Enum):
    """What the module knows of its card."""

    OFF = auto()
    """The slot has no power: the module is off, or at minimum functionality."""
    EMPTY = auto()
    STARTING = auto()
    STARTED = auto()


_LOCK_ERRORS = {Lock.PIN: (Cme.SIM_PIN, Cms.SIM_PIN), Lock.PUK: (Cme.SIM_PUK, Cms.SIM_PUK),
                Lock.BLOCKED: (Cme.SIM_FAILURE, Cms.SIM_FAILURE), Lock.PH_SIM: (Cme.PH_SIM_PIN, Cms.PH_SIM_PIN)}
_STATE_ERRORS = {SlotState.OFF: (Cme.NOT_ALLOWED, Cms.NOT_ALLOWED),
                 SlotState.EMPTY: (Cme.SIM_NOT_INSERTED, Cms.SIM_NOT_INSERTED),
                 SlotState.STARTING: (Cme.SIM_BUSY, Cms.SIM_BUSY)}


class SimSlot:
    """The slot of one modem."""

    def __init__(self, modem: VirtualModem, card: SimCard | None) -> None:
        self._modem = modem
        self.card = card
        self.state = SlotState.OFF
        self.channels: CardChannels | None = None
        self.busy = False  # the card does not answer, whatever the module does
        self.failing = False  # and the module takes that for a failure
        self._own: tuple[str, str] | None = None  # IMSI of the one card that is served, and what serves others too
        self._opened = False  # whether that was given since the slot has power

    def __repr__(self) -> str:
        return f"SimSlot({self.state.name}, {self.card!r})"

    @property
    def started(self) -> bool:
        """Whether there is a card that answers, locked or not."""
        return self.state is SlotState.STARTED and self.card is not None and self.card.lock is not Lock.BLOCKED

    @property
    def ready(self) -> bool:
        """Whether there is a card that asks for nothing, and the module serves it."""
        return self.state is SlotState.STARTED and self.lock is Lock.READY

    @property
    def lock(self) -> Lock | None:
        """What the card asks for, or the module before it serves the card; None without a card."""
        if self.card is None or self.card.lock is not Lock.READY:
            return None if self.card is None else self.card.lock
        foreign = self._own is not None and self._own[0] != self.card.imsi and not self._opened
        return Lock.PH_SIM if foreign else Lock.READY

    # -- serving one card only (facility "PS", 3GPP TS 27.007 clause 7.4) ----------------------------------------------

    @property
    def serves_one(self) -> bool:
        """Whether the module serves one card only."""
        return self._own is not None

    def serve_one(self, code: str) -> bool:
        """Serve the card that is in only; False if the module does so already, with another code."""
        if self._own is None and self.card is not None:
            self._own = (self.card.imsi, code)
        return self._own is not None and self._own[1] == code

    def serve_all(self, code: str) -> bool:
        """Serve every card again; False if the code is wrong."""
        if not self.open(code):
            return False
        self._own = None
        return True

    def open(self, code: str) -> bool:
        """Serve the card that is in until the power goes; False if the code is wrong."""
        if self._own is not None and self._own[1] != code:
            return False
        self._opened = True
        return True

    def change_code(self, old: str, new: str) -> bool:
        """Serve the same card with another code; False if the old one is wrong, or every card is served."""
        if self._own is None or self._own[1] != old:
            return False
        self._own = (self._own[0], new)
        return True

    @property
    def cpin(self) -> str:
        """The state of the card as the boot sequence tells it."""
        if self.state is not SlotState.STARTED or self.card is None:
            return "NOT READY"
        return (self.lock or self.card.lock).value

    def error(self, *, unlocked: bool) -> tuple[Cme, Cms] | None:
        """Return the error numbers of what stands against using the card, None if nothing does."""
        if self.state is not SlotState.STARTED or self.card is None:
            if self.busy and self.failing:
                return Cme.SIM_FAILURE, Cms.SIM_FAILURE
            return _STATE_ERRORS.get(self.state, _STATE_ERRORS[SlotState.EMPTY])
        lock = self.lock or self.card.lock
        if lock is Lock.BLOCKED or (unlocked and lock is not Lock.READY):
            return _LOCK_ERRORS[lock]
        return None

    def power_on(self) -> None:
        """Give the slot power; the card answers after :meth:`start`."""
        self._opened = False
        if self.card is not None:
            self.card.power_cycle()
        self.restart()

    def restart(self) -> None:
        """Look at the card anew, as REFRESH asks for, which no PIN is forgotten by; it answers after :meth:`start`."""
        self.state = SlotState.STARTING if self.card is not None else SlotState.EMPTY
        self.channels = CardChannels(self.card) if self.card is not None else None

    def start(self) -> None:
        """Let the card answer from now on."""
        if self.state is SlotState.STARTING and not self.busy:
            self.state = SlotState.STARTED

    def power_off(self) -> None:
        """Take the power away."""
        self.state = SlotState.OFF

    def remove(self) -> SimCard | None:
        """Pull the card and return it."""
        card, self.card = self.card, None
        if self.state is not SlotState.OFF:
            self.state = SlotState.EMPTY
        return card

    def insert(self, card: SimCard) -> None:
        """Put a card in; it still has to start if the slot has power."""
        self.card = card
        if self.state is not SlotState.OFF:
            self.power_on()
