"""Who the module and its SIM card are (ITU-T V.250 clause 6.1, 3GPP TS 27.007 clause 5)."""

from __future__ import annotations

from harness.virtual.modem.command import NO_PARAMETERS, Call, Command, Handler, Needs, Reply, Result, info
from harness.virtual.modem.features.phone_book import own_numbers


def _manufacturer(call: Call) -> Result:
    return info(call.modem.profile.manufacturer)


def _model(call: Call) -> Result:
    return info(call.modem.profile.model)


def _revision(call: Call) -> Result:
    return info(call.modem.profile.revision)


def _serial(call: Call) -> Result:
    return info(call.modem.imei)


def _cgsn(call: Call) -> Result:
    """Tell the serial number bare, as the command without a value may, the others in quotes with a prefix."""
    call.at_most(1)
    kind = call.number(0, 0, high=3)
    if not kind:
        return info(call.modem.serial_number)
    imei, version = call.modem.imei, call.modem.profile.text("software_version")
    return info(f'+CGSN: "{(imei, imei[:14] + version, version)[kind - 1]}"')


def _identification(call: Call) -> Result:
    call.at_most(1)
    call.number(0, 0, high=9)
    return Reply(tuple(line.replace("{imei}", call.modem.imei) for line in call.modem.profile.identification))


def _imsi(call: Call) -> Result:
    return info(call.modem.imsi)


def iccid(prefix: str) -> Handler:
    """Return what tells the ICCID that the card tells, behind ``prefix``; an odd one ends as the profile has it."""

    def tell(call: Call) -> Result:
        card = call.modem.slot.card
        digits = card.iccid if card is not None else ""
        return info(f"{prefix}{digits}{call.modem.profile.text('iccid_filler') if len(digits) % 2 else ''}")

    return tell


def _capabilities(call: Call) -> Result:
    return info(f"+GCAP: {call.modem.profile.text('capabilities')}")


def _list(call: Call) -> Result:
    return Reply(tuple(command.name if command.name.startswith("+") else f"AT{command.name}"
                       for command in call.modem.commands))


def _same(name: str, clause: str, handler: Handler) -> Command:
    return Command(name=name, clause=clause, test=NO_PARAMETERS, exec=handler)


COMMANDS = (
    Command(name="I", clause="V.250 6.1.3", set=_identification, exec=_identification),
    _same("+GMI", "V.250 6.1.4", _manufacturer), _same("+CGMI", "27.007 5.1", _manufacturer),
    _same("+GMM", "V.250 6.1.5", _model), _same("+CGMM", "27.007 5.2", _model),
    _same("+GMR", "V.250 6.1.6", _revision), _same("+CGMR", "27.007 5.3", _revision),
    _same("+GSN", "V.250 6.1.7", _serial),
    Command(name="+CGSN", clause="27.007 5.4", test="(0-3)", set=_cgsn, exec=_serial),
    Command(name="+CIMI", clause="27.007 5.6", test=NO_PARAMETERS, exec=_imsi, needs=Needs.UNLOCKED),
    _same("+GCAP", "V.250 6.1.9", _capabilities),
    _same("+CLAC", "27.007 8.37", _list),
    Command(name="+CNUM", clause="27.007 7.1", test=NO_PARAMETERS, exec=own_numbers, needs=Needs.UNLOCKED),
)

QUECTEL_COMMANDS = (
    Command(name="+QCCID", clause="Quectel general AT manual", test=NO_PARAMETERS, exec=iccid("+QCCID: "),
            read=iccid("+QCCID: "), needs=Needs.SIM),
    Command(name="+CCID", clause="Quectel general AT manual", test=NO_PARAMETERS, exec=iccid("+CCID: "),
            read=iccid("+CCID: "), needs=Needs.SIM),
    Command(name="+ICCID", clause="Quectel general AT manual", test=NO_PARAMETERS, exec=iccid("+ICCID: "),
            needs=Needs.SIM),
)
