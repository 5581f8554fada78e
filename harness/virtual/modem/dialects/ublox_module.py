"""u-blox SARA modules beside their sockets: packet switched data profiles, card, network, power saving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Choice,
    Command,
    Needs,
    Number,
    Pending,
    Result,
    cme,
    info,
    setting,
)
from harness.virtual.modem.features.identity import iccid
from harness.virtual.modem.features.network import signal_of
from harness.virtual.modem.features.power import power_down
from harness.virtual.modem.packet import MAX_CONTEXTS, ContextDefinition
from harness.virtual.modem.settings import Value
from harness.virtual.modem.socket_syntax import activate_for_sockets, has_context
from harness.virtual.modem.watcher import Watcher
from harness.virtual.network.seams import Session

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_MANUAL = "u-blox AT manual"
_PROFILES = range(7)

# -- packet switched data profiles ------------------------------------------------------------------------------------


def cid_of(modem: VirtualModem, profile: int) -> int:
    """Return the context that a profile is mapped to."""
    return modem.settings.number(f"+UPSD.{profile}", 1)


def profiles_of(modem: VirtualModem, cid: int) -> list[int]:
    """Return the profiles that are mapped to a context; the first stands for all that have none of their own."""
    if "+UPSD.0" not in modem.settings:
        return [0]
    return [profile for profile in _PROFILES if cid_of(modem, profile) == cid][:1]


def _configure(call: Call) -> Result:
    """+UPSD: 0 is the protocol, 1 to 3 name, user and password, 6 their protocol, 7 the address, 100 the context."""
    call.at_most(3)
    modem = call.modem
    profile, what = call.number(0, high=6), call.number(1, high=100)
    key = f"+UPSD.{profile}"
    protocol, cid = modem.settings.number(key), cid_of(modem, profile)
    context = modem.packet.definitions.get(cid, ContextDefinition())
    if not call.given(2):
        values = {0: str(protocol), 1: f'"{context.apn}"', 2: f'"{context.user}"', 6: str(context.authentication),
                  7: '"0.0.0.0"', 100: str(cid)}
        if what not in values:
            raise call.bad()
        return info(f"+UPSD: {profile},{what},{values[what]}")
    if what == 0:
        modem.settings[key] = (call.number(2, high=3), cid)
    elif what == 100:
        modem.settings[key] = (protocol, call.number(2, low=1, high=MAX_CONTEXTS))
    elif what in (1, 2, 3):
        text = call.text(2, limit=99)
        modem.packet.definitions[cid] = (replace(context, apn=text) if what == 1 else replace(context, user=text)
                                         if what == 2 else replace(context, password=text))
    elif what == 6:
        modem.packet.definitions[cid] = replace(context, authentication=call.number(2, high=3))
    elif what != 7 or call.text(2) != "0.0.0.0":  # the network gives the address
        raise call.bad()
    return OK


def _act(call: Call) -> Result:
    """+UPSDA: 3 activates a profile, 4 deactivates it."""
    call.at_most(2)
    modem = call.modem
    profile, action = call.number(0, high=6), call.number(1, low=0, high=4)
    cid = cid_of(modem, profile)
    if action < 3:
        return OK
    if (action == 3) == has_context(modem, cid):
        return cme(Cme.NOT_ALLOWED)
    if action == 4:
        modem.packet.deactivate(cid)
        modem.socket_contexts.discard(cid)
        return OK
    if not modem.radio.served:
        return cme(Cme.NOT_ALLOWED)

    def start(finish: Callable[[Result], None]) -> None:
        def told(session: Session | None) -> None:
            finish(cme(Cme.NOT_ALLOWED) if session is None else OK)
            if session is not None:
                modem.urc(f'+UUPSDA: 0,"{session.ip}"')

        activate_for_sockets(modem, cid, told)

    return Pending(start)


def _status(call: Call) -> Result:
    call.at_most(2)
    modem = call.modem
    profile, what = call.number(0, high=6), call.number(1, high=8)
    session = modem.packet.active.get(cid_of(modem, profile)) if has_context(modem, cid_of(modem, profile)) else None
    if what == 8:
        return info(f"+UPSND: {profile},8,{int(session is not None)}")
    if session is None:
        return cme(Cme.NOT_ALLOWED)
    values = {0: session.ip, 1: session.dns[0], 2: session.dns[-1]}
    if what not in values:
        raise call.bad()
    return info(f'+UPSND: {profile},{what},"{values[what]}"')


# -- card, network, power ---------------------------------------------------------------------------------------------


def _pin_counters(call: Call) -> Result:
    card = call.modem.slot.card
    assert card is not None  # needs a SIM card
    return info(f"+UPINCNT: {card.pin_tries},{card.pin2.tries},{card.puk_tries},{card.pin2.puk_tries}")


_NOT_CAMPED = "65535,255,255,255,ffff,0000000,65535,00000000,ffff,ff,255,255,255,1,255,255,255,255,255,0,255,255,0,0"
"""Channel, band, bandwidths, area, cell, physical cell, temporary identities, signal and what the radio is doing."""


def _cell_data(call: Call) -> Result:
    modem = call.modem
    mode, cell, dbm = modem.settings.number("+UCGED"), modem.radio.cell, signal_of(call)
    if mode == 0:
        return info("+UCGED: 0")
    if cell is None or dbm is None:
        return info(f"+UCGED: {mode}") if mode == 5 else info("+UCGED: 2", "6,2,fff,fff", _NOT_CAMPED)
    channel = modem.profile.number("channel")
    if mode == 5:
        return info(f'+RSRP: 257,{channel},"{dbm - 20:.2f}"', f'+RSRQ: 257,{channel},"-10.00"')
    rsrp = max(0, min(97, dbm + 121))
    return info(f"+UCGED: {mode}", f"6,4,{cell.plmn[:3]},{cell.plmn[3:]}",
                f"{channel},12,50,50,{cell.tac:x},{cell.ci:x},257,00000000,ffff,ff,{rsrp},20,15.00,255,255,255,{rsrp},"
                "255,255,0,255,255,0,0")


def _bands(call: Call) -> Result:
    first, second = call.modem.settings["+UBANDMASK"]
    return info(f"+UBANDMASK: 0,{first},1,{second}")


def _set_bands(call: Call) -> Result:
    call.at_most(3)
    which = call.number(0, high=1)
    values = list(call.modem.settings["+UBANDMASK"])
    values[which] = call.number(1, high=2**63)
    call.modem.settings["+UBANDMASK"] = tuple(values)
    return OK


def _operator_profile(call: Call) -> Result:
    """+UMNOPROF: the choice holds from the next start on, so it outlives power-off."""
    call.at_most(3)
    call.modem.settings["+UMNOPROF"] = (call.number(0, high=201),)
    return OK


def _set_access(call: Call) -> Result:
    call.at_most(2)
    chosen = tuple(call.number(position, low=7, high=8) for position in range(max(1, call.count)))
    call.modem.settings["+URAT"] = chosen
    return OK


def _access(call: Call) -> Result:
    return info(f"+URAT: {','.join(map(str, call.modem.settings['+URAT']))}")


def _factory(call: Call) -> Result:
    call.at_most(2)
    call.number(0, high=2)
    call.number(1, high=2)
    call.modem.settings.restore_factory()
    return OK


class UbloxWatcher(Watcher):
    """Tells of card and sleep in u-blox's words."""

    def sim_changed(self, inserted: bool) -> None:
        """Tell that a card was put in or pulled out, where +USIMSTAT asks for it."""
        if self.modem.settings.number("+USIMSTAT"):
            self.modem.urc(f"+UUSIMSTAT: {int(inserted)}")

    def sleeping(self) -> None:
        """Tell of power saving mode, where +UPSMR asks for it."""
        if self.modem.settings.number("+UPSMR"):
            self.modem.urc("+UUPSMR: 1")


DEFAULTS: dict[str, Value] = {
    "+UCGED": (2,), "+URAT": (7,), "+UMNOPROF": (90,), "+UBANDMASK": (185_473_183, 0), "+UPSV": (0, 2000),
    "+CSGT": (0, ""), "+USIMSTAT": (0,), "+UPSMR": (0,), "+UTEMP": (0,),
}
PROFILE_DEFAULTS: dict[str, Value] = {f"+UPSD.{profile}": (0, 1) for profile in _PROFILES}


def _read_greeting(call: Call) -> Result:
    mode, text = call.modem.settings["+CSGT"]
    return info(f'+CSGT: "{text}",{mode}')


def _set_greeting(call: Call) -> Result:
    call.at_most(2)
    text = call.text(1, call.modem.settings.text("+CSGT", 1), limit=49)
    if not text.isascii() or not (text.isprintable() or not text):
        raise call.bad()
    mode = call.number(0, high=1)
    call.modem.settings["+CSGT"] = (mode, text if mode else "")
    return OK


def _temperature(call: Call) -> Result:
    unit = call.modem.settings.number("+UTEMP")
    return info(f"+UTEMP: {unit},{770 if unit else 250}")


def _temperature_unit(call: Call) -> Result:
    call.at_most(1)
    call.modem.settings["+UTEMP"] = (call.number(0, high=1),)
    return OK


COMMANDS = (
    Command(name="+CCID", clause=_MANUAL, test=NO_PARAMETERS, exec=iccid("+CCID: "), read=iccid("+CCID: "),
            needs=Needs.SIM),
    Command(name="+UPINCNT", clause=_MANUAL, test=NO_PARAMETERS, exec=_pin_counters, needs=Needs.SIM),
    Command(name="+UCGED", clause=_MANUAL, test="(0,2,5)", read=_cell_data,
            set=setting("+UCGED", Choice((0, 2, 5)), clause=_MANUAL).set),
    Command(name="+URAT", clause=_MANUAL, test="(7,8),(7,8)", read=_access, set=_set_access),
    Command(name="+UMNOPROF", clause=_MANUAL, test="(0-6,8-14,18-21,28,31,32,36,38,39,43,44,90,100,101,198,201)",
            read=setting("+UMNOPROF", Number(0, 201), clause=_MANUAL).read, set=_operator_profile),
    Command(name="+UBANDMASK", clause=_MANUAL, test="(0,1),(0-9223372036854775807)", read=_bands, set=_set_bands),
    setting("+UPSV", Number(0, 4), Number(40, 65_000), clause=_MANUAL, optional=1),
    setting("+USIMSTAT", Number(0, 7), clause=_MANUAL), setting("+UPSMR", Choice((0, 1)), clause=_MANUAL),
    Command(name="+CSGT", clause="27.007 8.32", test="(0,1),49", read=_read_greeting, set=_set_greeting),
    Command(name="+UTEMP", clause=_MANUAL, test="(0,1)", read=_temperature, set=_temperature_unit),
    Command(name="+UFACTORY", clause=_MANUAL, test="(0-2),(0-2)", set=_factory),
    Command(name="+CPWROFF", clause=_MANUAL, test=NO_PARAMETERS, exec=power_down),
)

PROFILE_COMMANDS = (
    Command(name="+UPSD", clause=_MANUAL, test='(0-6),(0-3,6,7,100),"value"', set=_configure),
    Command(name="+UPSDA", clause=_MANUAL, test="(0-6),(0-4)", set=_act, needs=Needs.UNLOCKED),
    Command(name="+UPSND", clause=_MANUAL, test="(0-6),(0-2,8)", set=_status),
)
