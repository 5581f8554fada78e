"""What SIMCom's modules have in common: card, network information, clock codes, sleep and power (AT manuals)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Choice,
    Command,
    Needs,
    Number,
    Result,
    info,
    setting,
)
from harness.virtual.modem.features.network import signal_of
from harness.virtual.modem.settings import Value
from harness.virtual.modem.watcher import Watcher
from harness.virtual.network.seams import AccessTechnology

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MANUAL = "SIMCom AT manual"

_SYSTEMS: Mapping[AccessTechnology, tuple[str, int]] = {  # name in +CPSI, number in +CNSMOD
    AccessTechnology.GSM: ("GSM", 1), AccessTechnology.UTRAN: ("WCDMA", 4), AccessTechnology.E_UTRAN: ("LTE", 8),
    AccessTechnology.EMTC: ("LTE CAT-M1", 7), AccessTechnology.NB_IOT: ("LTE NB-IOT", 9),
}


def _pin_counters(call: Call) -> Result:
    card = call.modem.slot.card
    assert card is not None  # needs a SIM card
    return info(f"+SPIC: {card.pin_tries},{card.puk_tries},{card.pin2.tries},{card.pin2.puk_tries}")


# -- +CPSI and +CNSMOD ------------------------------------------------------------------------------------------------


def _system_line(modem: VirtualModem, dbm: int | None) -> str:
    if modem.radio.functionality != 1:
        return "+CPSI: NO SERVICE,Low Power Mode"
    cell = modem.radio.cell
    if cell is None or dbm is None:
        return "+CPSI: NO SERVICE,Online"
    system, _ = _SYSTEMS[cell.act]
    plmn = f"{cell.plmn[:3]}-{cell.plmn[3:]}"
    if cell.act is AccessTechnology.GSM:
        return f"+CPSI: GSM,Online,{plmn},0x{cell.tac:04x},{cell.ci},128 GSM 850,{dbm},0,20-20"
    if cell.act is AccessTechnology.UTRAN:
        return f"+CPSI: WCDMA,Online,{plmn},0x{cell.tac:04X},{cell.ci},WCDMA 850,280,4385,0,6.5,62,33,52,500"
    band = modem.profile.text("band").rpartition(" ")[2]
    unit = modem.profile.number("level_unit")
    return (f"+CPSI: {system},Online,{plmn},0x{cell.tac:04X},{cell.ci},257,EUTRAN-BAND{band},"
            f"{modem.profile.number('channel')},3,3,{-10 * unit},{(dbm - 20) * unit},{dbm * unit},15")


def _system(call: Call) -> Result:
    return info(_system_line(call.modem, signal_of(call)))


def _system_period(call: Call) -> Result:
    call.at_most(1)
    modem = call.modem
    modem.settings["+CPSI"] = (call.number(0, high=255),)
    _report_system(modem, modem.settings["+CPSI"])
    return OK


def _report_system(modem: VirtualModem, period: Value) -> None:
    seconds = period[0]
    if not isinstance(seconds, int) or not seconds:
        return

    def tell() -> None:
        if modem.settings["+CPSI"] is period:
            modem.urc(_system_line(modem, modem.carrier.signal(modem) if modem.radio.cell is not None else None))
            _report_system(modem, period)

    modem.later(seconds * 1_000_000_000, tell, name="modem-cpsi", scaled=False)


def _mode(modem: VirtualModem) -> int:
    cell = modem.radio.cell
    return 0 if cell is None else _SYSTEMS[cell.act][1]


def _read_mode(call: Call) -> Result:
    return info(f"+CNSMOD: {call.modem.settings.number('+CNSMOD')},{_mode(call.modem)}")


def _set_mode(call: Call) -> Result:
    call.at_most(1)
    call.modem.settings["+CNSMOD"] = (call.number(0, high=1),)
    return OK


class SimcomWatcher(Watcher):
    """Tells of card, clock and network in SIMCom's words."""

    def service_changed(self, served: bool) -> None:
        """Tell the network's time, where +CLTS asks for it."""
        modem = self.modem
        if served and "+CLTS" in modem.settings and modem.settings.number("+CLTS"):
            modem.clock.take_network_time()
            now = modem.world.calendar()
            modem.urc("DST: 0")
            modem.urc(f'*PSUTTZ: {now:%y/%m/%d,%H:%M:%S}","{modem.clock.zone}",0')

    def cell_changed(self) -> None:
        """Tell another system mode, where +CNSMOD asks for it."""
        if self.modem.settings.number("+CNSMOD"):
            self.modem.urc(f"+CNSMOD: {_mode(self.modem)}")
        dbm = self.modem.carrier.signal(self.modem) if self.modem.radio.cell is not None else None
        if self.modem.settings.number("+AUTOCSQ") and dbm is not None:
            self.modem.urc(f"+CSQ: {max(0, min(31, (dbm + 113) // 2))},99")

    def sleeping(self) -> None:
        """Tell of power saving mode, where +CPSMSTATUS asks for it."""
        if "+CPSMSTATUS" in self.modem.settings and self.modem.settings.number("+CPSMSTATUS"):
            self.modem.urc('+CPSMSTATUS: "ENTER PSM"')


def reset(call: Call) -> Result:
    """Restart, after the result was said."""
    call.modem.later(0, call.modem.reboot, name="modem-reboot")
    return OK


def _provider(call: Call) -> Result:
    card = call.modem.slot.card
    return info(f'+CSPN: "{call.modem.encode_text(card.spn if card is not None else "")}",0')


_calls = setting("+CLCC", Choice((0, 1)), clause=MANUAL)  # whether changes of calls, of which there are none, are told

DEFAULTS: dict[str, Value] = {"+AUTOCSQ": (0, 0), "+CLCC": (0,), "+CNSMOD": (0,),
                              "+CSCLK": (0,), "+CPSI": (0,), "+CNMP": (2,)}

COMMANDS = (
    Command(name="+SPIC", clause=MANUAL, test=NO_PARAMETERS, exec=_pin_counters, needs=Needs.SIM),
    Command(name="+CSPN", clause=MANUAL, test=NO_PARAMETERS, read=_provider, needs=Needs.UNLOCKED),
    Command(name="+CPSI", clause=MANUAL, test="(0-255)", read=_system, set=_system_period),
    Command(name="+CNSMOD", clause=MANUAL, test="(0,1)", read=_read_mode, set=_set_mode),
    setting("+AUTOCSQ", Choice((0, 1)), Choice((0, 1)), clause=MANUAL, optional=1),
    Command(name="+CLCC", clause=MANUAL, test="(0,1)", read=_calls.read, set=_calls.set, exec=lambda call: OK),
    setting("+CSCLK", Number(0, 2), clause=MANUAL),
    setting("+CNMP", Choice((2, 13, 14, 38, 39, 48, 51, 54, 59)), clause=MANUAL),
)
