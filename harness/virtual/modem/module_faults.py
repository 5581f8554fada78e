"""What faults do to the module itself: its supply, its ports, its SIM card, its stores; and the states it can be in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.formats.sms import Address, Alphabet, DataCoding, Deliver
from harness.virtual.faults.fault import End, Fault
from harness.virtual.modem.messages import MessageStatus, StoredMessage
from harness.virtual.modem.sim_card import SimCard
from harness.virtual.modem.sim_slot import SlotState

if TYPE_CHECKING:
    from harness.virtual.modem.faults import ModemFaults
    from harness.virtual.modem.modem import VirtualModem

Act = Callable[["VirtualModem", "ModemFaults", Fault], End | None]

_FILLER: Final = "filler"
_LONGEST_STORM: Final = 100_000
"""Unsolicited results of one storm."""


def _in_state(modem: VirtualModem, name: str) -> bool:
    return any(session.state.name == name for session in modem.sessions)


def _unread(modem: VirtualModem) -> bool:
    stores = [store for name in ("SM", "ME", "SR") if (store := modem.sms.store(name)) is not None]
    return any(message.status is MessageStatus.REC_UNREAD for store in stores for _, message in store)


def holds(modem: VirtualModem, condition: str) -> bool:
    """Tell whether a state of :data:`~harness.virtual.faults.kinds.CONDITIONS` holds."""
    match condition:
        case "powered":
            return modem.powered
        case "registered":
            return modem.powered and modem.radio.served
        case "sim_ready":
            return modem.powered and modem.slot.ready
        case "context":
            return bool(modem.packet.active)
        case "socket":
            return bool(modem.sockets.open)
        case "unread":
            return _unread(modem)
        case _:
            return _in_state(modem, condition.upper())


# -- unsolicited results ----------------------------------------------------------------------------------------------


def _urc(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> None:
    if fault.spec.flag("raw"):
        for line in faults.lines():
            line.say(fault.spec.text("text").encode("latin-1"))
    else:
        modem.urc(fault.spec.text("text"))


def _urc_burst(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> None:
    for _ in range(fault.spec.number("count")):
        modem.urc(fault.spec.text("text"))


def _urc_storm(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End:
    spec = fault.spec
    blown = False
    left = min(_LONGEST_STORM, spec.number("span") // spec.number("every") + 1)

    def blow() -> None:
        nonlocal left
        if not blown and left:
            left -= 1
            modem.urc(spec.text("text"))
            modem.later(spec.number("every"), blow, name="fault-storm", scaled=False)

    def end() -> None:
        nonlocal blown
        blown = True

    blow()
    return end


# -- power and ports --------------------------------------------------------------------------------------------------


def _hang(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End:
    cycle = modem.power_cycle
    faults.hang(True)
    modem.record("module_hung")

    def end() -> None:
        if modem.power_cycle == cycle:
            faults.hang(False)

    return end


def _brown_out(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> None:
    if not modem.powered:
        return
    modem.record("brown_out")
    modem.power_off()
    cycle = modem.power_cycle

    def back() -> None:
        if modem.power_cycle == cycle:
            modem.power_on()

    modem.later(fault.spec.number("silence"), back, name="fault-brown-out", scaled=False)


def _unplug(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End:
    modem.record("unplugged")
    modem.ports.unplug()

    def end() -> None:
        modem.ports.plug()
        modem.record("plugged")

    return end


def _hang_up(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> None:
    modem.record("hung_up")
    modem.ports.hang_up()


def _baud(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End:
    modem.ports.line_speed = fault.spec.number("rate")
    modem.record("line_speed_changed", bits_per_second=fault.spec.number("rate"))

    def end() -> None:
        modem.ports.line_speed = None

    return end


# -- SIM card ---------------------------------------------------------------------------------------------------------


def _take_card(modem: VirtualModem, *, told: bool) -> End | None:
    card = modem.remove_sim(told=told)

    def end() -> None:
        if card is not None and modem.slot.card is None:
            modem.insert_sim(card)

    return end if card is not None else None


def _sim_absent(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End | None:
    return _take_card(modem, told=False)


def _sim_removed(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End | None:
    return _take_card(modem, told=True)


def _with_card(change: Callable[[VirtualModem, SimCard, Fault], End | None]) -> Act:
    """Return an act that needs a card in the slot, and makes the module look at it again, also when it is undone."""

    def act(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End | None:
        card = modem.slot.card
        if card is None:
            return None
        restore = change(modem, card, fault)
        modem.restart_sim()
        if restore is None:
            return None

        def end() -> None:
            restore()
            if modem.slot.card is card:
                modem.restart_sim()

        return end

    return act


def _sim_pin(modem: VirtualModem, card: SimCard, fault: Fault) -> End:
    restore = card.keep_lock()
    card.lock_with_pin(fault.spec.text("pin"))
    return restore


def _sim_puk(modem: VirtualModem, card: SimCard, fault: Fault) -> End:
    restore = card.keep_lock()
    card.block()
    return restore


def _sim_imsi(modem: VirtualModem, card: SimCard, fault: Fault) -> None:
    others = [imsi for imsi in card.imsis if imsi != card.imsi]
    imsi = fault.spec.text("imsi") or (others[0] if others else _next_imsi(card.imsi))
    card.change_imsi(imsi)
    modem.record("imsi_changed")


def _next_imsi(imsi: str) -> str:
    """Return another IMSI of the same operator, for a card that was given no second one."""
    head, tail = imsi[:6], imsi[6:]
    return head + str((int(tail) + 1) % 10 ** len(tail)).zfill(len(tail))


def _sim_iccid(modem: VirtualModem, card: SimCard, fault: Fault) -> End:
    own = card.iccid
    card.tell_iccid(fault.spec.text("iccid"))
    return partial(card.tell_iccid, own)


def _sim_busy(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> End:
    modem.slot.busy, modem.slot.failing = True, fault.spec.flag("failure")
    if modem.powered:
        modem.radio.leave()
        modem.slot.power_on()

    def end() -> None:
        modem.slot.busy = False
        if modem.slot.state is SlotState.STARTING:
            modem.restart_sim()

    return end


# -- network, packet data and messages, as far as they are the module's affair ---------------------------------------


def _nitz(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> None:
    modem.network_time(seconds=fault.spec.number("seconds"), quarters=fault.spec.number("quarters"))


def _ip_changed(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> None:
    cids = sorted(modem.packet.active)
    for cid in cids:
        modem.carrier.deactivate(modem, cid)
        if not fault.spec.flag("silent"):
            modem.packet.lost(cid)
            modem.packet.activate(cid, lambda session: None)


def _store_full(modem: VirtualModem, faults: ModemFaults, fault: Fault) -> None:
    name = fault.spec.text("memory").upper()
    store = modem.sms.store(name) if name else modem.sms.selected(2)
    if store is None:
        return
    tpdu = Deliver(originator=Address.parse("+15550100"), timestamp=datetime(2026, 1, 1, tzinfo=UTC), text=_FILLER,
                   coding=DataCoding.general(Alphabet.GSM7)).encode()
    message = StoredMessage(status=MessageStatus.REC_READ, sca=modem.sms.own_sca(), tpdu=tpdu)
    while not store.full:
        store.add(message)
    modem.sms.changed()
    modem.record("store_filled", memory=store.name, used=store.used)


ACTS: Mapping[str, Act] = {
    "urc": _urc, "urc-burst": _urc_burst, "urc-storm": _urc_storm,
    "hang": _hang, "brown-out": _brown_out, "reset-in-prompt": _brown_out, "unplug": _unplug, "hang-up": _hang_up,
    "baud": _baud,
    "sim-absent": _sim_absent, "sim-removed": _sim_removed, "sim-pin": _with_card(_sim_pin),
    "sim-puk": _with_card(_sim_puk), "sim-imsi": _with_card(_sim_imsi), "sim-iccid": _with_card(_sim_iccid),
    "sim-busy": _sim_busy,
    "network-nitz": _nitz, "packet-ip-changed": _ip_changed, "sms-store-full": _store_full,
}
"""What carries out each kind that acts on the module."""
