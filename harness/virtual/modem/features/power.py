"""Power saving, power-off and the maker's switches (3GPP TS 27.007 clauses 7.38 and 7.40, Quectel manuals)."""

from __future__ import annotations

import re

from harness.virtual.modem.command import OK, Call, Choice, Command, Result, info, setting
from harness.virtual.modem.settings import Value

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
    return OK


def _power_down(call: Call) -> Result:
    call.at_most(1)
    call.number(0, 1, high=1)
    call.modem.later(0, call.modem.power_down, name="modem-power-down")
    return OK


DEFAULTS: dict[str, Value] = {
    "+CPSMS": (0, "00000100", "00001111"), "+QSCLK": (0,),
}

COMMANDS = (
    Command(name="+CPSMS", clause="27.007 7.38", test='(0,1),,,("00000000"-"11111111"),("00000000"-"11111111")',
            read=_read_power_saving, set=_set_power_saving, exec=_set_power_saving),
)

QUECTEL_COMMANDS = (
    Command(name="+QPOWD", clause="Quectel general AT manual", test="(0,1)", set=_power_down, exec=_power_down),
    setting("+QSCLK", Choice((0, 1, 2)), clause="Quectel general AT manual"),
)

