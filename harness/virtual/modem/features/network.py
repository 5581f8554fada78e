"""Network selection, registration and signal (3GPP TS 27.007 clauses 7.2, 7.3, 8.5, 8.69, 10.1.20, 10.1.22)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.clock import NANOSECONDS
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Command,
    CommandError,
    Handler,
    Needs,
    Number,
    Pending,
    Result,
    cme,
    info,
    setting,
)
from harness.virtual.modem.radio import Radio
from harness.virtual.modem.settings import Value
from harness.virtual.network.seams import AccessTechnology, Registration, RegistrationStatus

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_COPS_LIMIT = 180 * NANOSECONDS
_ATTACH_LIMIT = 140 * NANOSECONDS


def rssi_index(dbm: int) -> int:
    """Return ``<rssi>`` of +CSQ: steps of 2 dB from -113 dBm (clause 8.5)."""
    return max(0, min(31, (dbm + 113) // 2))


# -- +CREG, +CGREG, +CEREG --------------------------------------------------------------------------------------------


def _registration(domain: str, clause: str, highest: int) -> Command:
    def read(call: Call) -> Result:
        mode = call.modem.settings.number(domain)
        return info(f"{domain}: {mode},{call.modem.radio.describe(domain, mode)}")

    def assign(call: Call) -> Result:
        call.at_most(1)
        call.modem.settings[domain] = (call.number(0, 0, high=highest),)
        return OK

    return Command(name=domain, clause=clause, test=f"(0-{highest})", read=read, set=assign, exec=assign)


# -- +COPS ------------------------------------------------------------------------------------------------------------


def _until_served(radio: Radio, limit: int) -> Pending:
    """Return a pending result that ends with service, a refusal, or the limit."""
    waiting: list[Callable[[Registration | None], None]] = []

    def start(finish: Callable[[Result], None]) -> None:
        def told(registration: Registration | None) -> None:
            if registration is None:
                finish(cme(Cme.NO_NETWORK))
            elif registration.status is RegistrationStatus.DENIED:
                finish(cme(_denial(registration.cause)))
            else:
                finish(OK)

        waiting.append(told)
        radio.when_served(limit, told)

    def aborted() -> Result:
        for told in waiting:
            radio.forget_waiter(told)
        return OK

    return Pending(start, aborted)


def _denial(cause: int) -> Cme | int:
    return {3: 103, 6: 106, 7: 107, 11: 111, 12: 112, 13: 113}.get(cause, Cme.NO_NETWORK)


def _operator(call: Call, name_format: int) -> str:
    cell = call.modem.radio.cell
    if cell is None:
        return ""
    return (call.modem.encode_text(cell.operator), call.modem.encode_text(cell.operator_short), cell.plmn)[name_format]


def _read_operator(call: Call) -> Result:
    radio = call.modem.radio
    cell = radio.cell
    if cell is None or not radio.served:
        return info(f"+COPS: {radio.selection}")
    name_format = call.modem.settings.number("+COPS")
    return info(f'+COPS: {radio.selection},{name_format},"{_operator(call, name_format)}",{int(cell.act)}')


def _select_operator(call: Call) -> Result:
    call.at_most(4)
    radio = call.modem.radio
    mode = call.number(0, high=4)
    name_format = call.number(1, call.modem.settings.number("+COPS"), high=2)
    if mode == 3:
        if not call.given(1):
            raise call.bad()
        call.modem.settings["+COPS"] = (name_format,)
        return OK
    if mode == 2:
        radio.selection = 2
        radio.leave()
        return OK
    if radio.functionality != 1:
        return cme(Cme.NOT_ALLOWED)
    if mode in (1, 4) and not (mode == 4 and not call.given(2)):
        wanted = _plmn_named(call, call.text(2), name_format)
        return _choose(call, mode, name_format, wanted, _technology(call, wanted))
    radio.selection = 0
    if call.given(1):
        call.modem.settings["+COPS"] = (name_format,)
    call.modem.carrier.select(call.modem, None)
    radio.search()
    return _until_served(radio, _COPS_LIMIT)


def _choose(call: Call, mode: int, name_format: int, plmn: str | None, act: AccessTechnology | None) -> Result:
    """Register with one operator; mode 4 goes back to any if that one does not take the SIM card."""
    modem, radio = call.modem, call.modem.radio
    if plmn is None:
        if mode == 1:
            return cme(Cme.NO_NETWORK)
        modem.carrier.select(modem, None)
        radio.search()
        return _until_served(radio, _COPS_LIMIT)
    radio.selection = mode
    modem.settings["+COPS"] = (name_format,)
    radio.search()
    modem.carrier.select(modem, plmn, act)

    def fell_back(registration: Registration | None) -> bool:
        return mode == 4 and (registration is None or registration.status is RegistrationStatus.DENIED)

    def start(finish: Callable[[Result], None]) -> None:
        def told(registration: Registration | None) -> None:
            if fell_back(registration):
                radio.selection = 0
                modem.carrier.select(modem, None)
                finish(OK)
            elif registration is None:
                finish(cme(Cme.NO_NETWORK))
            elif registration.status is RegistrationStatus.DENIED:
                finish(cme(_denial(registration.cause)))
            else:
                finish(OK)

        # what the network thinks of the choice comes as an event of its own: ask when it has been told
        modem.later(0, lambda: radio.when_served(_COPS_LIMIT, told), name="modem-cops")

    return Pending(start, lambda: OK)


def _technology(call: Call, plmn: str | None) -> AccessTechnology | None:
    """Return the technology that was asked for, as the operator's cells name it: what this module sees may differ."""
    if not call.given(3):
        return None
    try:
        act = AccessTechnology(call.number(3, high=9))
    except ValueError:
        raise call.bad() from None
    modem = call.modem
    return next((found.cell.act for found in modem.carrier.scan(modem)
                 if found.cell.plmn == plmn and modem.radio.seen(found.cell).act is act), act)


def _plmn_named(call: Call, name: str, name_format: int) -> str | None:
    """Return the operator that a name of this format means, None if none that can be received has it."""
    for found in call.modem.carrier.scan(call.modem):
        cell = found.cell
        if name == (call.modem.encode_text(cell.operator), call.modem.encode_text(cell.operator_short),
                    cell.plmn)[name_format]:
            return cell.plmn
    return None


def _scan_operators(call: Call) -> Result:
    modem = call.modem
    if modem.radio.functionality != 1 or not modem.slot.ready:
        return cme(Cme.NO_NETWORK)

    def result() -> Result:
        found = "".join(f'({item.status},"{modem.encode_text(item.cell.operator)}",'
                        f'"{modem.encode_text(item.cell.operator_short)}","{item.cell.plmn}",{int(modem.radio.seen(item.cell).act)}),'
                        for item in modem.carrier.scan(modem))
        return info(f"+COPS: {found or ','},(0-4),(0-2)")

    def start(finish: Callable[[Result], None]) -> None:
        slow = modem.strike("network-slow-scan")

        def scanned() -> None:
            modem.later(slow.spec.number("by") if slow is not None else 0, lambda: finish(result()), name="modem-scan",
                        scaled=False)

        modem.later(modem.timings.stage("scan"), scanned, name="modem-scan")

    return Pending(start, aborted=lambda: OK)


# -- +CGATT -----------------------------------------------------------------------------------------------------------


def _read_attach(call: Call) -> Result:
    return info(f"+CGATT: {int(call.modem.radio.served)}")


def _attach(call: Call) -> Result:
    call.at_most(1)
    radio = call.modem.radio
    if not call.number(0, high=1):
        radio.leave()
        return OK
    if radio.functionality != 1:
        return cme(Cme.NO_NETWORK)
    if radio.selection == 2:
        radio.selection = 0
    radio.search()
    return _until_served(radio, _ATTACH_LIMIT)


# -- signal -----------------------------------------------------------------------------------------------------------


def _signal(call: Call) -> Result:
    dbm = signal_of(call)
    return info("+CSQ: 99,99" if dbm is None else f"+CSQ: {rssi_index(dbm)},99")


def signal_of(call: Call) -> int | None:
    """Return the strength in dBm at which the modem hears its cell, None if it camps on none."""
    return signal_of_modem(call.modem)


def signal_of_modem(modem: VirtualModem) -> int | None:
    """Return the same of a modem that nobody asks just now."""
    return modem.carrier.signal(modem) if modem.radio.cell is not None else None


def _extended_signal(call: Call) -> Result:
    radio = call.modem.radio
    dbm = signal_of(call)
    if dbm is None:
        return info("+CESQ: 99,99,255,255,255,255")
    if radio.on_lte:
        rsrp = max(0, min(97, dbm - 20 + 141))
        return info(f"+CESQ: 99,99,255,255,20,{rsrp}")
    return info(f"+CESQ: {max(0, min(63, dbm + 111))},0,255,255,255,255")


MODE_NAMES = {0: "GSM", 2: "WCDMA", 7: "LTE", 8: "eMTC", 9: "NBIoT"}
_INFO_NAMES = {0: "GSM", 2: "WCDMA", 7: "FDD LTE", 8: "eMTC", 9: "NBIoT"}


def _quectel_signal(call: Call) -> Result:
    radio = call.modem.radio
    cell, dbm = radio.cell, signal_of(call)
    if cell is None or dbm is None:
        return info('+QCSQ: "NOSERVICE"')
    name = MODE_NAMES[int(cell.act)]
    if not radio.on_lte:
        return info(f'+QCSQ: "{name}",{dbm}')
    return info(f'+QCSQ: "{name}",{dbm},{dbm - 20},150,-10')


def _network_information(call: Call) -> Result:
    cell = call.modem.radio.cell
    if cell is None:
        return info("+QNWINFO: No Service")
    band, channel = ("LTE BAND 12", 5110) if call.modem.radio.on_lte else ("GSM 850", 128)
    return info(f'+QNWINFO: "{_INFO_NAMES[int(cell.act)]}","{cell.plmn}","{band}",{channel}')


def _service_provider(call: Call) -> Result:
    cell = call.modem.radio.cell
    if cell is None:
        raise CommandError(cme(Cme.NO_NETWORK))
    card = call.modem.slot.card
    return info(f'+QSPN: "{cell.operator}","{cell.operator_short}","{card.spn if card else ""}",0,"{cell.plmn}"')


def _exec(name: str, clause: str, handler: Handler, test: str = NO_PARAMETERS,
          needs: Needs = Needs.NOTHING) -> Command:
    return Command(name=name, clause=clause, test=test, exec=handler, needs=needs)


DEFAULTS: dict[str, Value] = {"+CREG": (0,), "+CGREG": (0,), "+CEREG": (0,), "+COPS": (0,), "+CEMODE": (2,)}

COMMANDS = (
    _registration("+CREG", "27.007 7.2", 3),
    _registration("+CGREG", "27.007 10.1.20", 5),
    _registration("+CEREG", "27.007 10.1.22", 5),
    Command(name="+COPS", clause="27.007 7.3", test=_scan_operators, read=_read_operator, set=_select_operator,
            needs=Needs.UNLOCKED, read_needs=Needs.NOTHING),
    Command(name="+CGATT", clause="27.007 10.1.9", test="(0,1)", read=_read_attach, set=_attach,
            needs=Needs.UNLOCKED, read_needs=Needs.NOTHING),
    setting("+CEMODE", Number(0, 3), clause="27.007 11.1.28"),
    _exec("+CSQ", "27.007 8.5", _signal, "(0-31,99),(0-7,99)"),
    _exec("+CESQ", "27.007 8.69", _extended_signal, "(0-63,99),(0-7,99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)"),
)

QUECTEL_COMMANDS = (
    _exec("+QCSQ", "Quectel network AT manual", _quectel_signal,
          '("NOSERVICE","GSM","eMTC","NBIoT"),(-113--51),(-140--44),(0-250),(-20--3)'),
    _exec("+QNWINFO", "Quectel network AT manual", _network_information),
    _exec("+QSPN", "Quectel network AT manual", _service_provider),
)
