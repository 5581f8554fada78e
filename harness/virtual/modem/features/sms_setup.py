"""How messages are kept, shown and routed (3GPP TS 27.005 clause 3.2, 3.3 and 3.4)."""

from __future__ import annotations

from harness.virtual.modem.codes import Cms, Family
from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Command,
    CommandError,
    Needs,
    Number,
    Result,
    cms,
    info,
    render_values,
    setting,
)
from harness.virtual.modem.features.sms_compose import is_validity, line_address
from harness.virtual.modem.settings import Value

_SAVED = ("+CSMP", "+CSCB")


def _set_service(call: Call) -> Result:
    call.at_most(1)
    call.modem.settings["+CSMS"] = (call.number(0, high=1),)
    return info("+CSMS: 1,1,1")


def _read_service(call: Call) -> Result:
    return info(f"+CSMS: {call.modem.settings.number('+CSMS')},1,1,1")


# -- +CPMS ------------------------------------------------------------------------------------------------------------


def _store_names(call: Call) -> list[tuple[str, ...]]:
    """Return what can be read from, written to and received into."""
    stores = call.modem.profile.stores
    written = ("SM", *(name for name in stores if name not in ("SM", "SR", "BM")), *(("MT",) if "ME" in stores else ()))
    return [(*written, *(name for name in ("SR", "BM") if name in stores)), written, written]


def _test_stores(call: Call) -> Result:
    groups = ("(" + ",".join(f'"{name}"' for name in names) + ")" for names in _store_names(call))
    return info(f"+CPMS: {','.join(groups)}")


def _usage(call: Call, *, names: bool) -> str:
    parts = []
    for position in range(3):
        name = call.modem.settings.text("+CPMS", position)
        store = call.modem.sms.store(name)
        if store is None:
            raise CommandError(cms(Cms.SIM_NOT_INSERTED))
        parts.append(f'"{name}",{store.used},{store.capacity}' if names else f"{store.used},{store.capacity}")
    return f"+CPMS: {','.join(parts)}"


def _read_stores(call: Call) -> Result:
    return info(_usage(call, names=True))


def _select_stores(call: Call) -> Result:
    call.at_most(3)
    chosen = list(call.modem.settings["+CPMS"])
    if not call.given(0):
        raise call.bad()
    for position, allowed in enumerate(_store_names(call)):
        if call.given(position):
            try:
                chosen[position] = call.word(position, allowed)
            except CommandError:
                raise CommandError(cms(Cms.NOT_ALLOWED)) from None
    call.modem.settings["+CPMS"] = tuple(chosen)
    return info(_usage(call, names=False))


# -- addresses and headers --------------------------------------------------------------------------------------------


def _read_sca(call: Call) -> Result:
    sca = call.modem.sms.sca
    if sca is None:
        return cms(Cms.SCA_UNKNOWN)
    return info(f'+CSCA: "{call.modem.encode_text(str(sca))}",{sca.type_octet}')


def _set_sca(call: Call) -> Result:
    call.at_most(2)
    call.modem.sms.sca = line_address(call, 0, 1)
    return OK


def _read_parameters(call: Call) -> Result:
    return info(f"+CSMP: {render_values(call.modem.settings['+CSMP'])}")


def _set_parameters(call: Call) -> Result:
    """Keep first octet, validity period, PID and DCS; a period in quotes is a date or, in hexadecimal, enhanced."""
    call.at_most(4)
    values = list(call.modem.settings["+CSMP"])
    for position in range(4):
        if not call.given(position):
            continue
        argument = call.arguments[position]
        if position == 1 and argument is not None and argument.quoted:
            if not is_validity(argument.text):
                raise call.bad()
            values[position] = argument.text
        else:
            values[position] = call.number(position, high=255)
    call.modem.settings["+CSMP"] = tuple(values)
    return OK


# -- profiles of settings ---------------------------------------------------------------------------------------------


def _save(call: Call) -> Result:
    call.at_most(1)
    call.number(0, 0, high=0)
    settings = call.modem.settings
    call.modem.saved_sms_settings = (call.modem.sms.sca, {name: settings[name] for name in _SAVED})
    return OK


def _restore(call: Call) -> Result:
    call.at_most(1)
    call.number(0, 0, high=0)
    if call.modem.saved_sms_settings is not None:
        call.modem.sms.sca, values = call.modem.saved_sms_settings
        for name, value in values.items():
            call.modem.settings[name] = value
    return OK


DEFAULTS: dict[str, Value] = {
    "+CSMS": (0,), "+CMGF": (0,), "+CPMS": ("SM", "SM", "SM"), "+CSDH": (0,),
    "+CSMP": (17, 167, 0, 0), "+CGSMS": (1,), "+CMMS": (0,),
}

COMMANDS = (
    Command(name="+CSMS", clause="27.005 3.2.1", test="(0,1)", read=_read_service, set=_set_service,
            family=Family.CMS),
    Command(name="+CPMS", clause="27.005 3.2.2", test=_test_stores, read=_read_stores, set=_select_stores,
            family=Family.CMS, needs=Needs.UNLOCKED),
    setting("+CMGF", Number(0, 1), clause="27.005 3.2.3", family=Family.CMS),
    Command(name="+CSCA", clause="27.005 3.3.1", test=NO_PARAMETERS, read=_read_sca, set=_set_sca,
            family=Family.CMS, needs=Needs.UNLOCKED),
    Command(name="+CSMP", clause="27.005 3.3.2", test="(0-255),(0-255),(0-255),(0-255)", read=_read_parameters,
            set=_set_parameters, family=Family.CMS),
    setting("+CSDH", Number(0, 1), clause="27.005 3.3.3", family=Family.CMS),
    Command(name="+CSAS", clause="27.005 3.3.5", test="(0)", set=_save, exec=_save, family=Family.CMS),
    Command(name="+CRES", clause="27.005 3.3.6", test="(0)", set=_restore, exec=_restore, family=Family.CMS),
    setting("+CGSMS", Number(0, 3), clause="27.007 10.1.21"),
    setting("+CMMS", Number(0, 2), clause="27.005 3.5.6", family=Family.CMS),
)
