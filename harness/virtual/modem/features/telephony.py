"""Calls, loudness and supplementary services of a module on a network that carries data only (3GPP TS 27.007 clause 7).

Clients ask for them at start; there is never a call to tell of, and the network refuses every service code.
"""

from __future__ import annotations

from harness.virtual.modem import fixed_dialling
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Command,
    Needs,
    Number,
    Result,
    cme,
    info,
    setting,
)
from harness.virtual.modem.settings import Value


def _no_calls(call: Call) -> Result:
    return OK


def _hang_up(call: Call) -> Result:
    call.session.hang_up()
    return OK


def _read_service_data(call: Call) -> Result:
    return info(f"+CUSD: {call.modem.settings.number('+CUSD')}")


def _code(call: Call) -> str:
    try:
        return call.modem.decode_text(call.text(1))
    except ValueError:
        return call.text(1)


def _service_data(call: Call) -> Result:
    """+CUSD: presentation and the end of a dialogue are the module's own; a request takes the network."""
    call.at_most(3)
    mode = call.number(0, 0, high=2)
    if call.given(1):
        call.number(2, 15, high=255)
        if not fixed_dialling.allows(call.modem.slot.card, _code(call)):
            return cme(Cme.FIXED_NUMBERS_ONLY)
        if not call.modem.radio.served:
            return cme(Cme.NO_NETWORK)
        return cme(Cme.SERVICE_OPTION_NOT_SUPPORTED)
    if mode < 2:
        call.modem.settings["+CUSD"] = (mode,)
    return OK


# -- supplementary services -------------------------------------------------------------------------------------------


def _presentation(name: str, highest: int, clause: str) -> Command:
    """Return a command that keeps what the module shows of a service which the network does not provide (0)."""
    keep = setting(name, Number(0, highest), clause=clause)

    def read(call: Call) -> Result:
        return info(f"{name}: {call.modem.settings.number(name)},0")

    return Command(name=name, clause=clause, test=keep.test, read=read, set=keep.set)


def _waiting(call: Call) -> Result:
    """+CCWA: telling is the module's own; asking for the service, or switching it, takes the network."""
    call.at_most(3)
    tell = call.number(0, call.modem.settings.number("+CCWA"), high=1)
    if call.given(1):
        call.number(1, high=2)
        return _refused(call)
    call.modem.settings["+CCWA"] = (tell,)
    return OK


def _read_waiting(call: Call) -> Result:
    return info(f"+CCWA: {call.modem.settings.number('+CCWA')}")


def _forwarding(call: Call) -> Result:
    call.at_most(8)
    call.number(0, high=5)
    call.number(1, high=4)
    return _refused(call)


def _refused(call: Call) -> Result:
    return cme(Cme.SERVICE_OPTION_NOT_SUPPORTED if call.modem.radio.served else Cme.NO_NETWORK)


DEFAULTS: dict[str, Value] = {"+CLVL": (3,), "+CMUT": (0,), "+CUSD": (0,), "+CSSN": (0, 0), "+CCWA": (0,),
                              "+CLIP": (0,), "+CLIR": (0,), "+COLP": (0,)}

COMMANDS = (
    setting("+CLVL", Number(0, 5), clause="27.007 8.23"),
    setting("+CMUT", Number(0, 1), clause="27.007 8.24"),
    Command(name="+CLCC", clause="27.007 7.18", test=NO_PARAMETERS, exec=_no_calls),
    Command(name="+CHUP", clause="27.007 6.5", test=NO_PARAMETERS, exec=_hang_up),
    setting("+CSSN", Number(0, 1), Number(0, 1), clause="27.007 7.17", optional=1),
    _presentation("+CLIP", 1, "27.007 7.6"),
    _presentation("+CLIR", 2, "27.007 7.7"), _presentation("+COLP", 1, "27.007 7.8"),
    Command(name="+CCWA", clause="27.007 7.12", test="(0,1)", read=_read_waiting, set=_waiting,
            needs=Needs.UNLOCKED, read_needs=Needs.NOTHING),
    Command(name="+CCFC", clause="27.007 7.11", test="(0-5)", set=_forwarding, needs=Needs.UNLOCKED),
    Command(name="+CUSD", clause="27.007 7.15", test="(0-2)", read=_read_service_data, set=_service_data,
            exec=_service_data, needs=Needs.UNLOCKED, read_needs=Needs.NOTHING),
)
