"""Raw access to the SIM card: +CRSM, +CSIM and logical channels (3GPP TS 27.007 clauses 8.17, 8.18, 8.43 to 8.46)."""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import NO_PARAMETERS, OK, Call, Command, Needs, Result, cme, info
from harness.virtual.modem.features.sim import card_in
from harness.virtual.modem.sim_apdu import is_application
from harness.virtual.modem.sim_card import Lock
from harness.virtual.modem.sim_channels import CardChannels
from harness.virtual.modem.sim_files import EF_SMS, Answer
from harness.virtual.modem.sim_tree import ADF_USIM, MF, PARENTS, describe_for_gsm, holds, resolve

_GET_RESPONSE, _UPDATE_RECORD, _STATUS = 192, 220, 242
_RESTRICTED_COMMANDS = (176, 178, _GET_RESPONSE, 203, 214, 219, _UPDATE_RECORD, _STATUS)


def _octets(call: Call, position: int, default: str | None = None) -> bytes:
    try:
        return bytes.fromhex(call.text(position, default))
    except ValueError:
        raise call.bad() from None


def _restricted_access(call: Call) -> Result:
    """+CRSM: a command on one file, found by its identifier, or by that and a path that must lead there."""
    call.at_most(7)
    instruction = call.number(0)
    if instruction not in _RESTRICTED_COMMANDS or (not call.given(1) and instruction != _STATUS):
        raise call.bad()
    p1, p2, p3 = (call.number(position, 0, high=255) for position in (2, 3, 4))
    data, path = _octets(call, 5, ""), _octets(call, 6, "")
    card = card_in(call)
    identifier = call.number(1, 0, high=0xFFFF)
    if instruction == _STATUS or (instruction == _GET_RESPONSE and identifier in PARENTS):
        folder = identifier if identifier in PARENTS else MF
        answer = Answer(0x90, 0x00, describe_for_gsm(folder, None, card)[:p3 or None])
    elif path and not _leads_to(path, identifier):
        answer = Answer(0x94, 0x04)
    else:
        answer = card.files.command(instruction, identifier, p1, p2, p3, data,
                                    verified=card.lock is Lock.READY, verified2=card.pin2.verified)
        if card.files.needs_second(instruction, identifier) and not card.pin2.verified:
            card.pin2_missed()
        if identifier == EF_SMS and instruction == _UPDATE_RECORD:
            call.modem.sms.rewritten()
    tail = f',"{answer.data.hex().upper()}"' if answer.data else ""
    return info(f"+CRSM: {answer.sw1},{answer.sw2}{tail}")


def _leads_to(path: bytes, identifier: int) -> bool:
    """Tell whether a path leads to a file, or to the folder that it stands in."""
    found = resolve(path)
    return found is not None and (found[1] == identifier if found[1] is not None else holds(found[0], identifier))


def raw_access(call: Call) -> Result:
    """+CSIM: an APDU as it is, on the channel that its class names (27.007 clause 8.17)."""
    call.at_most(2)
    return _transmit(call, 0, lambda channels, apdu: channels.command(apdu))


def _transmit(call: Call, position: int, command: Callable[[CardChannels, bytes], Answer | None]) -> Result:
    """Hand an APDU to the card, whose length in hexadecimal digits stands in front of it."""
    count = call.number(position, low=8, high=522)
    apdu = _octets(call, position + 1)
    channels = call.modem.slot.channels
    if len(call.text(position + 1)) != count or len(apdu) * 2 != count or channels is None:
        raise call.bad()
    locked = card_in(call).lock
    answer = command(channels, apdu)
    if answer is None:
        return cme(Cme.INVALID_INDEX)
    if locked in (Lock.PIN, Lock.PUK) and card_in(call).lock is Lock.READY:
        call.modem.sim_unlocked()
    if apdu[1] == _UPDATE_RECORD:
        call.modem.sms.rewritten()
    said = (answer.data + bytes((answer.sw1, answer.sw2))).hex().upper()
    return info(f'{call.command.name}: {len(said)},"{said}"')


# -- logical channels -------------------------------------------------------------------------------------------------


def _open_channel(call: Call) -> Result:
    call.at_most(1)
    name, channels = _octets(call, 0), call.modem.slot.channels
    if channels is None or not is_application(name):
        return cme(Cme.NOT_FOUND)
    number = channels.open(ADF_USIM)
    return info(f"+CCHO: {number}") if number is not None else cme(Cme.MEMORY_FULL)


def _close_channel(call: Call) -> Result:
    call.at_most(1)
    channels = call.modem.slot.channels
    return OK if channels is not None and channels.close(call.number(0)) else cme(Cme.INVALID_INDEX)


def _logical_access(call: Call) -> Result:
    """+CGLA: as +CSIM, on a channel that +CCHO opened."""
    call.at_most(3)
    number = call.number(0)
    return _transmit(call, 1, lambda channels, apdu: channels.on_channel(number, apdu))


COMMANDS = (
    Command(name="+CSIM", clause="27.007 8.17", test=NO_PARAMETERS, set=raw_access, needs=Needs.SIM),
    Command(name="+CRSM", clause="27.007 8.18", test=NO_PARAMETERS, set=_restricted_access, needs=Needs.SIM),
    Command(name="+CGLA", clause="27.007 8.43", test=NO_PARAMETERS, set=_logical_access, needs=Needs.SIM),
    Command(name="+CCHO", clause="27.007 8.45", test=NO_PARAMETERS, set=_open_channel, needs=Needs.SIM),
    Command(name="+CCHC", clause="27.007 8.46", test=NO_PARAMETERS, set=_close_channel, needs=Needs.SIM),
)
