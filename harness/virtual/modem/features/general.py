"""Error levels, functionality, clock, alphabet, serial line (3GPP TS 27.007 clauses 5 and 8, V.250 clause 6.2)."""

from __future__ import annotations

from harness.virtual.modem.charset import CHARACTER_SETS
from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Choice,
    Command,
    Handler,
    Number,
    Result,
    Word,
    info,
    setting,
)
from harness.virtual.modem.settings import Value

_RATES = (0, 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)


# -- +CFUN ------------------------------------------------------------------------------------------------------------


def _read_functionality(call: Call) -> Result:
    return info(f"+CFUN: {call.modem.radio.functionality}")


def _resets(call: Call) -> list[str]:
    """Return the values that restart this maker's modules."""
    return [value for value in call.modem.profile.text("reset_functions").split(",") if value]


def _functionality_test(call: Call) -> Result:
    return info(f"+CFUN: ({','.join(('0', '1', '4', *_resets(call)))}),(0,1)")


def _set_functionality(call: Call) -> Result:
    call.at_most(2)
    level = call.number(0)
    if str(level) in _resets(call):
        call.modem.later(0, call.modem.reboot, name="modem-reboot")
        return OK
    if level not in (0, 1, 4):
        raise call.bad()
    if call.number(1, 0, high=1):
        if level != 1:
            raise call.bad()
        call.modem.later(0, call.modem.reboot, name="modem-reboot")
        return OK
    call.modem.set_functionality(level)
    return OK


# -- +CSCS ------------------------------------------------------------------------------------------------------------


def _read_character_set(call: Call) -> Result:
    return info(f'+CSCS: "{call.modem.settings.text("+CSCS")}"')


def _set_character_set(call: Call) -> Result:
    call.at_most(1)
    call.modem.settings["+CSCS"] = (call.word(0, CHARACTER_SETS),)
    return OK


# -- state and clock --------------------------------------------------------------------------------------------------


def _activity(call: Call) -> Result:
    return info("+CPAS: 0")


def _battery(call: Call) -> Result:
    return info(f"+CBC: 0,{call.modem.profile.number('battery_percent')},{call.modem.profile.number('supply_mv')}")


def _read_clock(call: Call) -> Result:
    return info(f'+CCLK: "{call.modem.clock.render()}"')


def _set_clock(call: Call) -> Result:
    call.at_most(1)
    if not call.modem.clock.set(call.text(0)):
        raise call.bad()
    return OK


def _last_error(call: Call) -> Result:
    return info(f"+CEER: {call.modem.last_error}")


def _exec(name: str, clause: str, handler: Handler, test: str) -> Command:
    return Command(name=name, clause=clause, test=test, exec=handler)


DEFAULTS: dict[str, Value] = {
    "+CMEE": (0,), "+CSCS": ("GSM",), "+IPR": (115200,), "+IFC": (0, 0), "+ICF": (3, 3), "+CTZU": (0,), "+CTZR": (0,),
    "+WS46": (25,), "+CRC": (0,), "+FCLASS": (0,),
}

COMMANDS = (
    setting("+CMEE", Number(0, 2), clause="27.007 9.1"),
    Command(name="+CFUN", clause="27.007 8.2", test=_functionality_test, read=_read_functionality,
            set=_set_functionality),
    _exec("+CPAS", "27.007 8.1", _activity, "(0,3,4)"),
    _exec("+CBC", "27.007 8.4", _battery, "(0,1,2),(0-100),(0-65535)"),
    Command(name="+CCLK", clause="27.007 8.15", test=NO_PARAMETERS, read=_read_clock, set=_set_clock),
    setting("+CTZU", Choice((0, 1)), clause="27.007 8.40"),
    setting("+CTZR", Number(0, 2), clause="27.007 8.41"),
    _exec("+CEER", "27.007 6.10", _last_error, NO_PARAMETERS),
    Command(name="+CSCS", clause="27.007 5.5", test=Word(CHARACTER_SETS).render(), read=_read_character_set,
            set=_set_character_set),
    setting("+IPR", Choice(_RATES), clause="V.250 6.2.10"),
    setting("+IFC", Number(0, 2), Number(0, 2), clause="V.250 6.2.12", optional=1),
    setting("+ICF", Number(0, 3), Number(0, 3), clause="V.250 6.2.11", optional=1),
    setting("+WS46", Choice((12, 22, 25, 28, 29)), clause="27.007 5.9"),
    setting("+CRC", Number(0, 1), clause="27.007 6.11"),
    setting("+FCLASS", Choice((0,)), clause="V.250 6.7.1"),
)
