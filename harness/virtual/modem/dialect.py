"""Which commands a module has: the features its profile names, put together into one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.virtual.modem.command import Command, CommandTable, fixed
from harness.virtual.modem.dialects import quectel, sim7080, sim7600, telit, ublox, ublox_module
from harness.virtual.modem.features import (
    dial_up,
    general,
    identity,
    indicators,
    line,
    network,
    operators,
    packet,
    phone_book,
    power,
    sim,
    sim_access,
    sms,
    sms_routing,
    sms_setup,
    telephony,
)
from harness.virtual.modem.profile import Profile
from harness.virtual.modem.settings import Settings, Value

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem


@dataclass(frozen=True, slots=True)
class Feature:
    """Commands that belong together.

    Attributes:
        defaults: factory values, where the profile has no others.
        attach: called with each modem that has the feature.
        is_dialect: its commands stand for those of the same name in features before it.
    """

    commands: tuple[Command, ...]
    defaults: Mapping[str, Value] = field(default_factory=dict)
    attach: Callable[[VirtualModem], None] | None = None
    is_dialect: bool = False


FEATURES: Mapping[str, Feature] = {
    "line": Feature(line.COMMANDS),
    "identity": Feature(identity.COMMANDS),
    "general": Feature((*general.COMMANDS, *indicators.COMMANDS, *telephony.COMMANDS),
                       {**general.DEFAULTS, **indicators.DEFAULTS, **telephony.DEFAULTS}, indicators.attach),
    "sim": Feature((*sim.COMMANDS, *sim_access.COMMANDS)),
    "phone-book": Feature(phone_book.COMMANDS, phone_book.DEFAULTS),
    "network": Feature((*network.COMMANDS, *operators.COMMANDS), {**network.DEFAULTS, **operators.DEFAULTS}),
    "packet": Feature(packet.COMMANDS, packet.DEFAULTS),
    "dial-up": Feature(dial_up.COMMANDS),
    "sms": Feature((*sms_setup.COMMANDS, *sms_routing.COMMANDS, *sms.COMMANDS),
                   {**sms_setup.DEFAULTS, **sms_routing.DEFAULTS}),
    "power": Feature(power.COMMANDS, power.DEFAULTS),
    "low-power": Feature(power.LOW_POWER_COMMANDS, power.LOW_POWER_DEFAULTS, power.attach_low_power),
    "quectel": Feature(quectel.COMMANDS, quectel.DEFAULTS, quectel.attach, is_dialect=True),
    "sim7080": Feature(sim7080.COMMANDS, sim7080.DEFAULTS, sim7080.attach, is_dialect=True),
    "sim7600": Feature(sim7600.COMMANDS, sim7600.DEFAULTS, sim7600.attach, is_dialect=True),
    "u-blox": Feature(ublox.COMMANDS, ublox.DEFAULTS, ublox.attach, is_dialect=True),
    "u-blox-profiles": Feature(ublox_module.PROFILE_COMMANDS, ublox_module.PROFILE_DEFAULTS, is_dialect=True),
    "telit": Feature(telit.COMMANDS, telit.DEFAULTS, telit.attach, is_dialect=True),
}


def build_commands(profile: Profile) -> CommandTable:
    """Return the table of a profile's commands.

    Raises:
        UsageError: the profile names a feature, or leaves out a command, that there is not.
    """
    table = CommandTable()
    for name in profile.features:
        if name not in FEATURES:
            raise UsageError(f"profile {profile.name}: no feature {name!r}: there are {', '.join(FEATURES)}")
        feature = FEATURES[name]
        if feature.is_dialect:
            table.replace(*feature.commands)
        else:
            table.add(*feature.commands)
    for name in sorted(profile.without):
        if not table.remove(name):
            raise UsageError(f"profile {profile.name}: 'without' names {name}, which none of its features has")
    for name, lines in profile.static.items():
        table.add(fixed(name, f"{profile.manufacturer} manual", *lines, forms="XR"))
    return table


def build_settings(profile: Profile) -> Settings:
    """Return the module's settings with the profile's factory values."""
    settings = Settings(profile.defaults, persistent=profile.persistent)
    for name in profile.features:
        for key, value in FEATURES[name].defaults.items():
            settings.declare(key, value)
    return settings
