"""Telit ME910 beside its sockets: identity, card, network information, clock, power (AT manual)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Choice,
    Command,
    Handler,
    Needs,
    Number,
    Result,
    info,
    setting,
)
from harness.virtual.modem.features.identity import iccid
from harness.virtual.modem.features.network import signal_of
from harness.virtual.modem.features.power import power_down
from harness.virtual.modem.features.sim_access import raw_access
from harness.virtual.modem.settings import Value
from harness.virtual.modem.sim_card import Lock
from harness.virtual.modem.watcher import Watcher
from harness.virtual.network.seams import AccessTechnology

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_MANUAL = "Telit ME910 AT manual"


def _told(name: str, what: str) -> Command:
    """Return one of Telit's identity commands, which have a prefix where the standard's have none."""
    handlers: dict[str, Handler] = {
        "manufacturer": lambda call: info(f"{name}: {call.modem.profile.manufacturer}"),
        "model": lambda call: info(f"{name}: {call.modem.profile.model}"),
        "revision": lambda call: info(f"{name}: {call.modem.profile.revision}"),
        "imei": lambda call: info(f"{name}: {call.modem.imei}"),
        "imsi": lambda call: info(f"{name}: {call.modem.imsi}"),
        "iccid": iccid(f"{name}: ")}
    needs = {"imsi": Needs.UNLOCKED, "iccid": Needs.SIM}.get(what, Needs.NOTHING)
    return Command(name=name, clause=_MANUAL, test=NO_PARAMETERS, exec=handlers[what], needs=needs)


def _pin_counter(call: Call) -> Result:
    """#PCT: the tries that are left for what the card asks for."""
    card = call.modem.slot.card
    assert card is not None  # needs a SIM card
    tries = {Lock.PUK: card.puk_tries, Lock.BLOCKED: card.puk_tries, Lock.PIN2: card.pin2.tries,
             Lock.PUK2: card.pin2.puk_tries}
    return info(f"#PCT: {tries.get(card.asks, card.pin_tries)}")


def _card_access(call: Call) -> Result:
    """+CSIM of one parameter keeps the module's own hands off the card, or no longer; there is nobody else here."""
    if call.count != 1:
        return raw_access(call)
    call.number(0, high=1)
    return OK


# -- network ----------------------------------------------------------------------------------------------------------


def _radio_status(call: Call) -> Result:
    modem = call.modem
    cell, dbm = modem.radio.cell, signal_of(call)
    if cell is None or dbm is None:
        return info("#RFSTS:")
    plmn = f"{cell.plmn[:3]} {cell.plmn[3:]}"
    if not modem.radio.on_lte:
        return info(f'#RFSTS: "{plmn}",128,20,{dbm},{cell.tac:04X},01,,4,{cell.ci:07X},"{modem.imsi}",'
                    f'"{cell.operator}",3,2')
    band = modem.profile.text("band").rpartition(" ")[2]
    return info(f'#RFSTS: "{plmn}",{modem.profile.number("channel")},{dbm - 20},{dbm},-10,{cell.tac:04X},01,,64,19,0,'
                f'{cell.ci:07X},"{modem.imsi}","{cell.operator}",3,{band}')


_NETWORK_TYPES = {AccessTechnology.GSM: 1, AccessTechnology.UTRAN: 2, AccessTechnology.E_UTRAN: 4,
                  AccessTechnology.EMTC: 4, AccessTechnology.NB_IOT: 4}
_UNKNOWN_TYPE = 5


def _network_type(modem: VirtualModem) -> int:
    cell = modem.radio.cell
    return _UNKNOWN_TYPE if cell is None else _NETWORK_TYPES[cell.act]


def _read_type(call: Call) -> Result:
    return info(f"#PSNT: {call.modem.settings.number('#PSNT')},{_network_type(call.modem)}")


def _card_state(modem: VirtualModem) -> int:
    """Return 0 without a card, 1 with one, 2 and 3 with one that asks for nothing, the mode permitting."""
    if modem.slot.card is None:
        return 0
    return 3 if modem.slot.ready and modem.settings.number("#QSS") == 2 else 1


def _read_card(call: Call) -> Result:
    return info(f"#QSS: {call.modem.settings.number('#QSS')},{_card_state(call.modem)}")


def _read_clock(call: Call) -> Result:
    return info(f'#CCLK: "{call.modem.clock.render()},0"')


def _set_clock(call: Call) -> Result:
    call.at_most(1)
    if not call.modem.clock.set(call.text(0).rsplit(",", 1)[0]):
        raise call.bad()
    return OK


def _reboot(call: Call) -> Result:
    call.modem.later(0, call.modem.reboot, name="modem-reboot")
    return OK


def _hard_reset(call: Call) -> Result:
    call.at_most(2)
    mode = call.number(0, high=2)
    call.number(1, 0, high=65_535)
    return _reboot(call) if mode == 1 else OK


class TelitWatcher(Watcher):
    """Tells of card, clock, network and sleep in Telit's words."""

    def sim_changed(self, inserted: bool) -> None:
        """Tell that a card was put in or pulled out, where #QSS asks for it."""
        if self.modem.settings.number("#QSS"):
            self.modem.urc(f"#QSS: {int(inserted)}")

    def sim_ready(self) -> None:
        """Tell that the card was unlocked, and that it can be used, where #QSS=2 asks for it."""
        if self.modem.settings.number("#QSS") == 2:
            self.modem.urc("#QSS: 2")
            self.modem.urc("#QSS: 3")

    def service_changed(self, served: bool) -> None:
        """Tell the network's time, where #NITZ asks for it."""
        mode, tell = (self.modem.settings.number("#NITZ", position) for position in (0, 1))
        if not served:
            return
        if mode:
            self.modem.clock.take_network_time()
        if mode and tell:
            self.modem.urc(f"#NITZ: {self.modem.world.calendar():%y/%m/%d,%H:%M:%S}")

    def cell_changed(self) -> None:
        """Tell another type of network, where #PSNT asks for it."""
        if self.modem.settings.number("#PSNT"):
            self.modem.urc(f"#PSNT: {_network_type(self.modem)}")

    def sleeping(self) -> None:
        """Tell of power saving mode, where #PSMURC asks for it."""
        timers = self.modem.saving.timers()
        if self.modem.settings.number("#PSMURC") and timers is not None:
            self.modem.urc(f"#PSMURC: {(timers[0] or 0) // 1_000_000_000}")


DEFAULTS: dict[str, Value] = {"#WS46": (2, 0), "#PSNT": (0,), "#QSS": (0,), "#NITZ": (7, 0), "#PSMURC": (0,),
                              "#CMUXMODE": (0,)}


def _switch(name: str, test: str, read: Handler, highest: int) -> Command:
    keep = setting(name, Number(0, highest), clause=_MANUAL)
    return Command(name=name, clause=_MANUAL, test=test, read=read, set=keep.set)


COMMANDS = (
    _told("#CGMI", "manufacturer"), _told("#CGMM", "model"), _told("#CGMR", "revision"), _told("#CGSN", "imei"),
    _told("#CIMI", "imsi"), _told("#CCID", "iccid"), _told("+ICCID", "iccid"),
    setting("#CMUXMODE", Number(0, 5), clause=_MANUAL),
    Command(name="#PCT", clause=_MANUAL, test=NO_PARAMETERS, exec=_pin_counter, needs=Needs.SIM),
    Command(name="+CSIM", clause=_MANUAL, test=NO_PARAMETERS, set=_card_access, needs=Needs.SIM),
    Command(name="#RFSTS", clause=_MANUAL, test=NO_PARAMETERS, exec=_radio_status),
    setting("#WS46", Number(0, 3), Choice((0, 1)), clause=_MANUAL, optional=1),
    _switch("#PSNT", "(0,1)", _read_type, 1), _switch("#QSS", "(0-2)", _read_card, 2),
    setting("#NITZ", Number(0, 15), Choice((0, 1)), clause=_MANUAL, optional=1),
    setting("#PSMURC", Choice((0, 1)), clause=_MANUAL),
    Command(name="#CCLK", clause=_MANUAL, test=NO_PARAMETERS, read=_read_clock, set=_set_clock),
    Command(name="#SHDN", clause=_MANUAL, test=NO_PARAMETERS, exec=power_down),
    Command(name="#REBOOT", clause=_MANUAL, test=NO_PARAMETERS, exec=_reboot),
    Command(name="#ENHRST", clause=_MANUAL, test="(0-2),(0-65535)", set=_hard_reset),
)
