"""Indicators: what +CIND tells when asked, and +CIEV by itself (3GPP TS 27.007 clauses 8.9 and 8.10).

Values are looked at when something happened that may change them, and every few seconds while somebody wants to hear of
them, because the strength of a signal changes without a word.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from harness.clock import NANOSECONDS
from harness.virtual.modem.command import Call, Choice, Command, Number, Result, info, setting
from harness.virtual.modem.features.network import signal_of_modem
from harness.virtual.modem.messages import MessageStatus
from harness.virtual.modem.settings import Value
from harness.virtual.modem.watcher import Watcher
from harness.virtual.network.seams import RegistrationStatus

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

LOOK_EVERY = 5 * NANOSECONDS
"""How often values are looked at that change without a word."""

BUFFERED = 8
"""Changes that wait for a mode in which they are told; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator; ``value`` is between 0 and ``most``."""

    name: str
    most: int
    value: Callable[[VirtualModem], int]


def _charge(modem: VirtualModem) -> int:
    return modem.profile.number("battery_percent") // 20


def _served(modem: VirtualModem) -> int:
    return int(modem.radio.served)


def _roams(modem: VirtualModem) -> int:
    return int(modem.radio.registration.status is RegistrationStatus.ROAMING)


def _in_call(modem: VirtualModem) -> int:
    return 0  # there are no voice calls


def _bars(modem: VirtualModem) -> int:
    strength = signal_of_modem(modem)
    return 0 if strength is None else max(0, min(5, (strength + 115) // 10))


def _unread(modem: VirtualModem) -> int:
    stores = [store for name in ("SM", "ME") if (store := modem.sms.store(name)) is not None]
    return int(any(message.status is MessageStatus.REC_UNREAD for store in stores for _, message in store))


def _full(modem: VirtualModem) -> int:
    card, receiving = modem.slot.card, modem.sms.selected(2)
    return int(modem.sms.refusing or (card is not None and card.messages.full)
               or (receiving is not None and receiving.full))


INDICATORS = (
    Indicator("battchg", 5, _charge),
    Indicator("signal", 5, _bars),
    Indicator("service", 1, _served),
    Indicator("message", 1, _unread),
    Indicator("smsfull", 1, _full),
    Indicator("call", 1, _in_call),
    Indicator("roam", 1, _roams),
)
"""In the order in which +CIND tells them; +CIEV counts from 1."""


def _values(modem: VirtualModem) -> tuple[int, ...]:
    return tuple(indicator.value(modem) for indicator in INDICATORS)


class _Indicators(Watcher):
    """Tells of changes, to the client's taste (+CMER).

    Mode 0 keeps them, 1 to 3 tell them: a client whose port is taken by data hears them when it has it back, as it does
    every unsolicited result. Without ``ind`` nothing is told.
    """

    def __init__(self, modem: VirtualModem) -> None:
        super().__init__(modem)
        self._told: tuple[int, ...] | None = None  # None: nobody wants to know
        self._kept: deque[str] = deque(maxlen=BUFFERED)
        self._round = 0

    def set(self) -> None:
        """Take note of what the client wants to hear."""
        mode, wanted, flush = (self.modem.settings.number("+CMER", position) for position in (0, 3, 4))
        if mode:
            if flush:
                for line in self._kept:
                    self.modem.urc(line)
            self._kept.clear()
        self._told = _values(self.modem) if wanted else None
        self._round += 1
        if wanted:
            self._look_later()

    def _look_later(self) -> None:
        self.modem.later(LOOK_EVERY, partial(self._look_again, self._round), name="modem-indicators", scaled=False)

    def _look_again(self, round_: int) -> None:
        if round_ == self._round and self._told is not None:
            self.look()
            self._look_later()

    def look(self) -> None:
        """Tell what has changed."""
        if self._told is None:
            return
        if not self.modem.settings.number("+CMER", 3):  # it was restarted, or has its factory settings again
            self._told = None
            return
        before, self._told = self._told, _values(self.modem)
        for number, (old, new) in enumerate(zip(before, self._told, strict=True), start=1):
            if old != new:
                line = f"+CIEV: {number},{new}"
                if self.modem.settings.number("+CMER"):
                    self.modem.urc(line)
                else:
                    self._kept.append(line)

    def sim_changed(self, inserted: bool) -> None:
        self.look()

    def service_changed(self, served: bool) -> None:
        self.look()

    def cell_changed(self) -> None:
        self.look()

    def messages_changed(self) -> None:
        self.look()


def attach(modem: VirtualModem) -> None:
    """Let the modem tell of its indicators."""
    modem.watchers.append(_Indicators(modem))


def _set(call: Call) -> None:
    for watcher in call.modem.watchers:
        if isinstance(watcher, _Indicators):
            watcher.set()


def _read(call: Call) -> Result:
    return info(f"+CIND: {','.join(map(str, _values(call.modem)))}")


DEFAULTS: dict[str, Value] = {"+CMER": (0, 0, 0, 0, 0)}

COMMANDS = (
    setting("+CMER", Number(0, 3), Choice((0,)), Choice((0,)), Number(0, 2), Number(0, 1), clause="27.007 8.10",
            optional=4, then=_set),
    Command(name="+CIND", clause="27.007 8.9", read=_read, test=",".join(
        f'("{one.name}",({"0,1" if one.most == 1 else f"0-{one.most}"}))' for one in INDICATORS)),
)
