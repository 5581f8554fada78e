"""Power saving, power-off and the maker's switches (3GPP TS 27.007 clauses 7.38 and 7.40, Quectel manuals)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Choice,
    Command,
    Reply,
    Result,
    info,
    setting,
)
from harness.virtual.modem.settings import Value
from harness.virtual.modem.watcher import Watcher

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_CYCLE = re.compile(r"[01]{4}")
_TIMER = re.compile(r"[01]{8}")


def _read_power_saving(call: Call) -> Result:
    mode, periodic, active = call.modem.settings["+CPSMS"]
    return info(f'+CPSMS: {mode},,,"{periodic}","{active}"')


def _set_power_saving(call: Call) -> Result:
    call.at_most(5)
    settings = call.modem.settings
    mode = call.number(0, 0, high=2)
    timers = [call.text(position, settings.text("+CPSMS", index)) for index, position in ((1, 3), (2, 4))]
    if any(_TIMER.fullmatch(timer) is None for timer in timers):
        raise call.bad()
    settings["+CPSMS"] = (min(mode, 1), *timers)
    call.modem.saving.arm()
    return OK


# -- eDRX (27.007 clauses 7.40 and 7.41) ------------------------------------------------------------------------------


def _read_edrx(call: Call) -> Result:
    enabled, *cycles = call.modem.settings["+CEDRXS"]
    return Reply(tuple(f'+CEDRXS: {kind},"{cycle}"' for kind, cycle in zip((4, 5), cycles, strict=True)
                       if enabled and cycle))


def _set_edrx(call: Call) -> Result:
    call.at_most(3)
    settings = call.modem.settings
    _, *cycles = settings["+CEDRXS"]
    mode = call.number(0, 1, high=3)
    if mode == 3:
        settings["+CEDRXS"] = (0, "", "")
        return OK
    if call.given(1):
        kind, cycle = call.number(1, low=4, high=5), call.text(2, "0010")
        if _CYCLE.fullmatch(cycle) is None:
            raise call.bad()
        cycles[kind - 4] = cycle
    settings["+CEDRXS"] = (mode, *cycles)
    if mode == 2:
        tell_edrx(call.modem)
    return OK


def _edrx_line(modem: VirtualModem, name: str) -> str:
    found = modem.saving.edrx()
    return f"{name}: 0" if found is None else f'{name}: {found[0]},"{found[1]}","{found[1]}","0001"'


def tell_edrx(modem: VirtualModem) -> None:
    """Tell what the network grants, where +CEDRXS=2 asks for it."""
    if "+CEDRXS" in modem.settings and modem.settings.number("+CEDRXS") == 2 and modem.radio.served:
        modem.urc(_edrx_line(modem, "+CEDRXP"))


def _edrx_in_use(call: Call) -> Result:
    return info(_edrx_line(call.modem, "+CEDRXRDP"))


class _EdrxWatcher(Watcher):
    def cell_changed(self) -> None:
        tell_edrx(self.modem)


def attach_low_power(modem: VirtualModem) -> None:
    """Let the modem tell of eDRX."""
    modem.watchers.append(_EdrxWatcher(modem))


# -- power off --------------------------------------------------------------------------------------------------------


def power_down(call: Call) -> Result:
    """Switch off, after the result was said."""
    call.at_most(1)
    call.number(0, 1, high=1)
    call.modem.later(call.modem.timings.stage("power-down"), call.modem.power_down, name="modem-power-down")
    return OK


DEFAULTS: dict[str, Value] = {
    "+CPSMS": (0, "00000100", "00001111"), "+QSCLK": (0,),
}

COMMANDS = (
    Command(name="+CPSMS", clause="27.007 7.38", test='(0,1),,,("00000000"-"11111111"),("00000000"-"11111111")',
            read=_read_power_saving, set=_set_power_saving, exec=_set_power_saving),
)

LOW_POWER_DEFAULTS: dict[str, Value] = {"+CEDRXS": (0, "", "")}

LOW_POWER_COMMANDS = (
    Command(name="+CEDRXS", clause="27.007 7.40", test='(0-3),(4,5),("0000"-"1111")', read=_read_edrx, set=_set_edrx,
            exec=_set_edrx),
    Command(name="+CEDRXRDP", clause="27.007 7.41", test=NO_PARAMETERS, exec=_edrx_in_use),
)

QUECTEL_COMMANDS = (
    Command(name="+QPOWD", clause="Quectel general AT manual", test="(0,1)", set=power_down, exec=power_down),
    setting("+QSCLK", Choice((0, 1, 2)), clause="Quectel general AT manual"),
)

