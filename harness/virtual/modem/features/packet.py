"""Packet data contexts (3GPP TS 27.007 clause 10.1, Quectel TCP/IP application note)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    OK,
    Call,
    Command,
    CommandError,
    Needs,
    Number,
    Pending,
    Reply,
    Result,
    cme,
    info,
    setting,
)
from harness.virtual.modem.packet import MAX_CONTEXTS, NOT_CARRIED, ContextDefinition
from harness.virtual.modem.settings import Value
from harness.virtual.network.seams import Session

_TYPES = ("IP", "IPV6", "IPV4V6", "PPP", "Non-IP")
_BY_TYPE = {kind.upper(): kind for kind in _TYPES}
_NOT_ACTIVATED = frozenset({"PPP", *NOT_CARRIED})  # a PPP context comes up when it is dialled
_OPTIONS = (2, 4, 1, 4)  # the highest values of what may follow the address


def _cid(call: Call, position: int, default: int | None = None) -> int:
    return call.number(position, default, low=1, high=MAX_CONTEXTS)


def _name(call: Call, position: int, default: str, limit: int) -> str:
    """Return an APN or a credential: printable ASCII."""
    value = call.text(position, default, limit=limit)
    if not (value.isascii() and value.isprintable()) or '"' in value:
        raise call.bad()
    return value


# -- +CGDCONT, +CGAUTH ------------------------------------------------------------------------------------------------


def _define(call: Call) -> Result:
    call.at_most(11)
    packet = call.modem.packet
    cid = _cid(call, 0, 1)
    if call.count <= 1:
        if cid in packet.active:
            return cme(Cme.NOT_ALLOWED)
        packet.definitions.pop(cid, None)
        return OK
    pdp_type = _BY_TYPE.get(call.text(1, "IP").upper())
    if pdp_type is None:
        raise call.bad()
    old = packet.definitions.get(cid, ContextDefinition())
    options = tuple(call.number(position, 0, high=highest) for position, highest in enumerate(_OPTIONS, 4))
    packet.define(cid, replace(old, pdp_type=pdp_type, apn=_name(call, 2, "", 99),
                               address=_name(call, 3, "0.0.0.0", 80) or "0.0.0.0",
                               options=(options[0], options[1], options[2], options[3])))
    return OK


def _definitions(call: Call) -> Result:
    return Reply(tuple(f'+CGDCONT: {cid},"{context.pdp_type}","{context.apn}","{context.address}",'
                       f"{','.join(map(str, context.options))}"
                       for cid, context in sorted(call.modem.packet.definitions.items())))


def _authenticate(call: Call) -> Result:
    call.at_most(4)
    packet = call.modem.packet
    cid = _cid(call, 0)
    if cid not in packet.definitions:
        raise call.bad()
    kind = call.number(1, 0, high=2)
    user, password = ("", "") if not kind else (_name(call, 2, "", 64), _name(call, 3, "", 64))
    packet.definitions[cid] = replace(packet.definitions[cid], authentication=kind, user=user, password=password)
    return OK


def _authentications(call: Call) -> Result:
    return Reply(tuple(f'+CGAUTH: {cid},{context.authentication},"{context.user}","{context.password}"'
                       for cid, context in sorted(call.modem.packet.definitions.items()) if context.authentication))


# -- +CGACT -----------------------------------------------------------------------------------------------------------


def activation(call: Call, cids: list[int], refused: Callable[[], Result]) -> Pending:
    """Return a pending result that activates contexts one after the other and stops at the first refusal."""
    packet = call.modem.packet

    def start(finish: Callable[[Result], None]) -> None:
        left = iter(cids)

        def proceed(session: Session | None) -> None:
            if session is None:
                finish(refused())
                return
            cid = next(left, None)
            if cid is None:
                finish(OK)
            else:
                packet.activate(cid, proceed)

        first = next(left, None)
        if first is None:
            finish(OK)
        else:
            packet.activate(first, proceed)

    return Pending(start)


def _activate(call: Call) -> Result:
    call.at_most(1 + MAX_CONTEXTS)
    packet = call.modem.packet
    state = call.number(0, high=1)
    cids = [_cid(call, position) for position in range(1, call.count)] or sorted(packet.definitions)
    if not state:
        for cid in cids:
            packet.deactivate(cid)
        return OK
    if not call.modem.radio.served:
        return cme(Cme.NO_NETWORK)
    if any(cid not in packet.definitions for cid in cids):
        raise CommandError(cme(Cme.INCORRECT_PARAMETERS))
    if any(packet.definitions[cid].pdp_type in _NOT_ACTIVATED for cid in cids):
        return cme(Cme.SERVICE_OPTION_NOT_SUPPORTED)
    return activation(call, cids, lambda: cme(Cme.SERVICE_NOT_SUBSCRIBED))


def _activations(call: Call) -> Result:
    packet = call.modem.packet
    return Reply(tuple(f"+CGACT: {cid},{int(cid in packet.active)}" for cid in sorted(packet.definitions)))


# -- what an active context has ---------------------------------------------------------------------------------------


def _wanted(call: Call) -> list[int]:
    packet = call.modem.packet
    if call.count:
        return [_cid(call, position) for position in range(call.count)]
    return sorted(packet.definitions)


def _addresses(call: Call) -> Result:
    packet = call.modem.packet
    quote = '"' if call.modem.profile.flag("quote_addresses") else ""
    return Reply(tuple(f"+CGPADDR: {cid},{quote}{packet.active[cid].ip if cid in packet.active else '0.0.0.0'}{quote}"
                       for cid in _wanted(call) if cid in packet.definitions))


def _address_test(call: Call) -> Result:
    return info(f"+CGPADDR: ({','.join(map(str, sorted(call.modem.packet.definitions)))})")


def _dynamic_test(call: Call) -> Result:
    return info(f"+CGCONTRDP: ({','.join(map(str, sorted(call.modem.packet.active)))})")


def _dynamic(call: Call) -> Result:
    packet = call.modem.packet
    wanted = _wanted(call) if call.count else sorted(packet.active)
    return Reply(tuple(
        f'+CGCONTRDP: {cid},{4 + cid},"{packet.active[cid].apn}","{packet.active[cid].ip}.255.255.255.255",,'
        + ",".join(f'"{server}"' for server in packet.active[cid].dns)
        for cid in wanted if cid in packet.active))


DEFAULTS: dict[str, Value] = {"+CGEREP": (0, 0)}

_RANGE = f"(1-{MAX_CONTEXTS})"
_DEFINE_TEST = tuple(f'{_RANGE},"{kind}",,,{",".join(f"(0-{highest})" for highest in _OPTIONS)}' for kind in _TYPES)

COMMANDS = (
    Command(name="+CGDCONT", clause="27.007 10.1.1", test=_DEFINE_TEST, read=_definitions, set=_define),
    Command(name="+CGAUTH", clause="27.007 10.1.31", test=f"{_RANGE},(0-2),64,64", read=_authentications,
            set=_authenticate),
    Command(name="+CGACT", clause="27.007 10.1.10", test="(0,1)", read=_activations, set=_activate,
            needs=Needs.UNLOCKED | Needs.RADIO, read_needs=Needs.NOTHING),
    Command(name="+CGPADDR", clause="27.007 10.1.14", test=_address_test, set=_addresses, exec=_addresses),
    Command(name="+CGCONTRDP", clause="27.007 10.1.23", test=_dynamic_test, set=_dynamic, exec=_dynamic),
    setting("+CGEREP", Number(0, 2), Number(0, 1), clause="27.007 10.1.19", optional=1),
)
