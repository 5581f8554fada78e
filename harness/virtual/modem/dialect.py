"""Which commands a module has: the features its profile names, put together into one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.virtual.modem.command import Command, CommandTable, fixed
from harness.virtual.modem.features import (
    dial_up,
    general,
    identity,
    line,
    network,
    packet,
    power,
    quectel_sockets,
    sim,
    sms,
    sms_setup,
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
    """

    commands: tuple[Command, ...]
    defaults: Mapping[str, Value] = field(default_factory=dict)
    attach: Callable[[VirtualModem], None] | None = None


FEATURES: Mapping[str, Feature] = {
    "line": Feature(line.COMMANDS),
    "identity": Feature(identity.COMMANDS),
    "general": Feature(general.COMMANDS, general.DEFAULTS),
    "sim": Feature(sim.COMMANDS),
    "network": Feature(network.COMMANDS, network.DEFAULTS),
    "packet": Feature(packet.COMMANDS, packet.DEFAULTS),
    "dial-up": Feature(dial_up.COMMANDS),
    "sms": Feature((*sms_setup.COMMANDS, *sms.COMMANDS), sms_setup.DEFAULTS),
    "power": Feature(power.COMMANDS, power.DEFAULTS),
    "quectel": Feature((*identity.QUECTEL_COMMANDS, *sim.QUECTEL_COMMANDS, *network.QUECTEL_COMMANDS,
                        *power.QUECTEL_COMMANDS)),
    "quectel-sockets": Feature(quectel_sockets.COMMANDS, quectel_sockets.DEFAULTS, quectel_sockets.attach),
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
        table.add(*FEATURES[name].commands)
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
