"""Which news a Quectel module tells of by itself: +QINDCFG and +QIND (Quectel general AT manuals)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.virtual.modem.command import OK, Call, Command, Result, info
from harness.virtual.modem.features.network import MODE_NAMES, rssi_index, signal_of_modem
from harness.virtual.modem.settings import Value
from harness.virtual.modem.watcher import Watcher

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_FACTORY: Final = {"all": 1, "csq": 0, "smsfull": 1, "ring": 1, "smsincoming": 1, "act": 0, "ccinfo": 0}
"""What is on at first; modules have smsfull off, and clients that never heard of it are told all the same here.

There are no calls, so ring and ccinfo are only kept.
"""
_LOOK_EVERY: Final = 5_000_000_000
_UNKNOWN: Final = 99


def _key(name: str) -> str:
    return f"+QINDCFG.{name}"


def is_on(modem: VirtualModem, name: str) -> bool:
    """Tell whether a kind of news is told of; ``all`` is the main switch."""
    return modem.settings.allows(_key("all"), _key(name))


def _configure(call: Call) -> Result:
    call.at_most(3)
    name = call.text(0).lower()
    if name not in _FACTORY:
        raise call.bad()
    settings = call.modem.settings
    if not call.given(1):
        return info(f'+QINDCFG: "{name}",{settings.number(_key(name))}')
    value, saved = call.number(1, high=1), call.number(2, 0, high=1)
    settings[_key(name)] = (value,)
    if saved:
        settings.keep(_key(name))
    for watcher in call.modem.watchers:
        if isinstance(watcher, _Indications):
            watcher.look()
    return OK


class _Indications(Watcher):
    """Tells of the technology when it changes, and of the signal, which is looked at every few seconds."""

    def __init__(self, modem: VirtualModem) -> None:
        super().__init__(modem)
        self._level = _UNKNOWN
        self._watched = -1  # the power cycle in which the signal is watched
        self._technology = ""

    def cell_changed(self) -> None:
        """Tell of another technology, and of the signal of the new cell."""
        cell = self.modem.radio.cell
        technology = "" if cell is None else MODE_NAMES[int(cell.act)]
        if technology not in ("", self._technology) and is_on(self.modem, "act"):
            self.modem.urc(f'+QIND: "act","{technology}"')
        self._technology = technology
        if self._watched == self.modem.power_cycle:
            self._tell_level()

    def look(self) -> None:
        """Begin to watch the signal if that is wanted, and not done yet."""
        if is_on(self.modem, "csq") and self._watched != self.modem.power_cycle:
            self._watched, self._level = self.modem.power_cycle, self._now()
            self._look_later()

    def _look_later(self) -> None:
        self.modem.later(_LOOK_EVERY, self._look_again, name="modem-qind", scaled=False)

    def _look_again(self) -> None:
        if not is_on(self.modem, "csq"):
            self._watched = -1
            return
        self._tell_level()
        self._look_later()

    def _tell_level(self) -> None:
        before, self._level = self._level, self._now()
        if before != self._level and is_on(self.modem, "csq"):
            self.modem.urc(f'+QIND: "csq",{self._level},{_UNKNOWN}')

    def _now(self) -> int:
        dbm = signal_of_modem(self.modem)
        return _UNKNOWN if dbm is None else rssi_index(dbm)

    def service_changed(self, served: bool) -> None:
        """Watch the signal again after a power cycle, if that was saved."""
        self.look()


def attach(modem: VirtualModem) -> None:
    """Let the modem tell of its news."""
    modem.watchers.append(_Indications(modem))


DEFAULTS: Final[dict[str, Value]] = {_key(name): (value,) for name, value in _FACTORY.items()}

COMMANDS = (
    Command(name="+QINDCFG", clause="Quectel general AT manual", set=_configure,
            test="(" + ",".join(f'"{name}"' for name in _FACTORY) + "),(0,1),(0,1)"),
)
