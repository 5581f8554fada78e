"""Quectel BG9x, EC2x and EG2x/EG9x: the whole table of the maker's own commands (AT manuals, TCP/IP notes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.virtual.modem.command import NO_PARAMETERS, OK, Call, Choice, Command, Number, Reply, Result, info, setting
from harness.virtual.modem.features import (
    identity,
    network,
    power,
    quectel_indications,
    quectel_messages,
    quectel_sockets,
    sim,
)
from harness.virtual.modem.features.network import signal_of
from harness.virtual.modem.settings import Value
from harness.virtual.modem.watcher import Watcher
from harness.virtual.network.seams import AccessTechnology

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_MANUAL = "Quectel AT manual"

# -- +QCFG ------------------------------------------------------------------------------------------------------------

_SWITCHES: Mapping[str, tuple[tuple[int, int, int], ...]] = {  # (low, high, factory value) of each parameter
    "gprsattach": ((0, 1, 1),), "nwscanseq": ((0, 999_999, 20_301), (0, 1, 1)), "nwscanmode": ((0, 5, 0), (0, 1, 1)),
    "iotopmode": ((0, 2, 2), (0, 1, 1)), "roamservice": ((1, 255, 255), (0, 1, 1)),
    "servicedomain": ((0, 2, 2), (0, 1, 1)), "psm/urc": ((0, 1, 0),), "psm/enter": ((0, 1, 0),),
    "apready": ((0, 1, 0), (0, 1, 0), (100, 3000, 500)), "nwoper": ((0, 1, 0),), "urc/delay": ((0, 1, 0),),
    "urc/cache": ((0, 1, 0),), "airplanecontrol": ((0, 1, 0),), "usbnet": ((0, 3, 0),), "nat": ((0, 1, 0),),
    "ims": ((0, 2, 0),), "cmux/urcport": ((0, 4, 0),), "nbsibscramble": ((0, 1, 1),), "ledmode": ((0, 3, 0),),
    "pdp/duplicatechk": ((0, 1, 0),), "cops_no_mode_change": ((0, 1, 0),), "sgsn": ((0, 2, 2),), "msc": ((0, 2, 2),),
}
_WORDS: Mapping[str, str] = {"band": "0xf,0x400a0e189f,0xa0e189f", "urc/ri/ring": '"pulse",120,1000,5000,"off",1',
                             "urc/ri/smsincoming": '"pulse",120,1', "urc/ri/other": '"pulse",120,1',
                             "risignaltype": '"respective"'}


def _configure(call: Call) -> Result:
    name = call.text(0).lower()
    key, settings = f"+QCFG.{name}", call.modem.settings
    if name in _WORDS:
        if call.count == 1:
            return info(f'+QCFG: "{name}",{settings.text(key)}')
        call.at_most(8)
        if name == "band":
            return _choose_bands(call, settings.text(key))
        settings[key] = (",".join(f'"{item.text}"' if item.quoted else item.text
                                  for item in call.arguments[1:] if item is not None),)
        return OK
    ranges = _SWITCHES.get(name)
    if ranges is None:
        raise call.bad()
    values = list(settings[key])
    if call.count == 1:
        shown = values[:-1] if name in _AT_ONCE and len(values) > 1 else values
        return info(f'+QCFG: "{name}",{",".join(map(str, shown))}')
    call.at_most(1 + len(ranges))
    for position, (low, high, _) in enumerate(ranges, start=1):
        if call.given(position):
            values[position - 1] = call.number(position, low=low, high=high)
    settings[key] = tuple(values)
    return OK


def _choose_bands(call: Call, masks: str) -> Result:
    """Change the bands of each system, in hexadecimal; nought leaves those of one as they are."""
    values = [int(mask, 16) for mask in masks.split(",")]
    for position in range(1, min(call.count, len(values) + 1)):
        try:
            values[position - 1] = int(call.text(position, "0"), 16) or values[position - 1]
        except ValueError:
            raise call.bad() from None
    call.modem.settings["+QCFG.band"] = (",".join(f"{value:#x}" for value in values),)
    return OK


_AT_ONCE = ("nwscanseq", "nwscanmode", "iotopmode", "roamservice", "servicedomain")
"""Their last parameter says when the change holds, and is not told when they are asked for."""

_CONFIGURATIONS = (
    *(f'"{name}",' + ",".join(f"({low}-{high})" for low, high, _ in ranges) for name, ranges in _SWITCHES.items()),
    *(f'"{name}"' for name in _WORDS))

# -- network ----------------------------------------------------------------------------------------------------------

_SYSTEMS = {AccessTechnology.GSM: "GSM", AccessTechnology.UTRAN: "WCDMA", AccessTechnology.E_UTRAN: "LTE",
            AccessTechnology.EMTC: "CAT-M", AccessTechnology.NB_IOT: "CAT-NB"}


def _firmware(call: Call) -> Result:
    """+QGMR: the revision with that of the application behind it."""
    return info(f"{call.modem.profile.revision}_01.001.01.001")


def _engineering(call: Call) -> Result:
    call.at_most(1)
    kind = call.text(0).lower()
    if kind not in ("servingcell", "neighbourcell"):
        raise call.bad()
    modem = call.modem
    cell, dbm = modem.radio.cell, signal_of(call)
    if kind == "neighbourcell":
        return OK
    if cell is None or dbm is None:
        return info('+QENG: "servingcell","SEARCH"')
    state, system = ("CONNECT" if modem.packet.active else "NOCONN"), _SYSTEMS[cell.act]
    mcc, mnc = cell.plmn[:3], cell.plmn[3:]
    if not modem.radio.on_lte:
        return info(f'+QENG: "servingcell","{state}","{system}",{mcc},{mnc},{cell.tac:X},{cell.ci:X},20,128,0,{dbm}')
    band = modem.profile.text("band").rpartition(" ")[2]
    return info(f'+QENG: "servingcell","{state}","{system}","FDD",{mcc},{mnc},{cell.ci:X},257,'
                f'{modem.profile.number("channel")},{band},3,3,{cell.tac:X},{dbm - 20},-10,{dbm},15,31')


def _network_time(call: Call) -> Result:
    """+QLTS: 0 is the moment of the last synchronisation, 1 the time in Greenwich, 2 the local time."""
    call.at_most(1)
    clock, mode = call.modem.clock, call.number(0, 0, high=2)
    if clock.synchronised is None:
        return info('+QLTS: ""')
    moment = clock.synchronised if mode == 0 else call.modem.world.calendar()
    return info(f'+QLTS: "{moment:%Y/%m/%d,%H:%M:%S}{clock.zone},0"')


# -- card -------------------------------------------------------------------------------------------------------------


def _card_line(modem: VirtualModem) -> str:
    return f"+QSIMSTAT: {modem.settings.number('+QSIMSTAT')},{int(modem.slot.card is not None)}"


def _read_card(call: Call) -> Result:
    return info(_card_line(call.modem))


def _initialisation(call: Call) -> Result:
    """+QINISTAT: 1 the card is ready, 2 its messages are, 4 its phone book is, where the module tells that at start."""
    modem = call.modem
    done = 2 | (4 if any("PB DONE" in step.urc for step in modem.boot.steps) else 0)
    return info(f"+QINISTAT: {int(modem.slot.ready) | (done if modem.card_initialised else 0)}")


class QuectelWatcher(Watcher):
    """Tells of card and sleep in Quectel's words."""

    def sim_changed(self, inserted: bool) -> None:
        """Tell that a card was put in or pulled out, where +QSIMSTAT asks for it."""
        if self.modem.settings.number("+QSIMSTAT"):
            self.modem.urc(_card_line(self.modem))

    def sleeping(self) -> None:
        """Tell the timers of power saving mode, where +QCFG asks for it."""
        timers = self.modem.saving.timers()
        if self.modem.settings.number("+QCFG.psm/urc") and timers is not None:
            self.modem.urc(f"+QPSMTIMER: {(timers[0] or 0) // 1_000_000_000},{timers[1] // 1_000_000_000}")


def _urc_port(call: Call) -> Result:
    """Say which port tells what nobody asked for: the first, the second, the third, or all.

    A module has the first as factory value; here it is all, as the client of a rig's modem may be at any of its ports.
    """
    call.at_most(2)
    if call.text(0).lower() != "urcport":
        raise call.bad()
    if call.count == 1:
        return Reply((f'+QURCCFG: "urcport","{call.modem.settings.text("+QURCCFG")}"',))
    port = call.text(1).lower()
    if port not in ("usbat", "usbmodem", "uart1", "all"):
        raise call.bad()
    call.modem.settings["+QURCCFG"] = (port,)
    return OK


DEFAULTS: dict[str, Value] = {
    **{f"+QCFG.{name}": tuple(factory for _, _, factory in ranges) for name, ranges in _SWITCHES.items()},
    **{f"+QCFG.{name}": (words,) for name, words in _WORDS.items()},
    "+QSIMDET": (0, 0), "+QSIMSTAT": (0,), "+QURCCFG": ("all",),
    **quectel_indications.DEFAULTS, **quectel_sockets.DEFAULTS,
}

COMMANDS = (
    *identity.QUECTEL_COMMANDS, *sim.QUECTEL_COMMANDS, *network.QUECTEL_COMMANDS, *power.QUECTEL_COMMANDS,
    Command(name="+QGMR", clause=_MANUAL, test=NO_PARAMETERS, exec=_firmware),
    Command(name="+QCFG", clause=_MANUAL, test=_CONFIGURATIONS, set=_configure),
    Command(name="+QENG", clause=_MANUAL, test='("servingcell","neighbourcell")', set=_engineering),
    Command(name="+QLTS", clause=_MANUAL, test="(0-2)", set=_network_time, exec=_network_time),
    Command(name="+QINISTAT", clause=_MANUAL, test="(0-7)", exec=_initialisation),
    setting("+QSIMDET", Choice((0, 1)), Choice((0, 1)), clause=_MANUAL),
    Command(name="+QSIMSTAT", clause=_MANUAL, test="(0,1)", read=_read_card,
            set=setting("+QSIMSTAT", Number(0, 1), clause=_MANUAL).set),
    Command(name="+QURCCFG", clause=_MANUAL, test='"urcport",("usbat","usbmodem","uart1","all")', set=_urc_port),
    *quectel_indications.COMMANDS, *quectel_messages.COMMANDS, *quectel_sockets.COMMANDS,
)


def attach(modem: VirtualModem) -> None:
    """Let this dialect tell of the modem's sockets, card and sleep."""
    quectel_sockets.attach(modem)
    quectel_indications.attach(modem)
    modem.watchers.append(QuectelWatcher(modem))
