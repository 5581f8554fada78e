"""Everything a cloud keeps: one table of names, what stands under each, and the types of its values.

The names are those in the store: a name that changes needs a migration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.virtual.cloud import records
from harness.virtual.cloud.account import Notification
from harness.virtual.cloud.kept import Kept
from harness.virtual.cloud.logbook import LogEntry
from harness.virtual.cloud.usage import Used
from harness.virtual.cloud.webhooks import Pending

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """A list of values, and the type of each."""

    kept: Kept
    kind: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One small thing that is no member of a list, as a JSON value; ``take`` sets it."""

    read: Callable[[], Any]
    take: Callable[[Any], object]


def inventory(cloud: Cloud) -> Mapping[str, Shelved]:
    """Return the lists of a cloud by name, in the order in which they are taken up."""
    lists: dict[str, tuple[Kept, object]] = {
        "networks": (cloud.fleets.networks, records.Network),
        "access_profiles": (cloud.fleets.profiles, records.AccessProfile),
        "fleets": (cloud.fleets.fleets, records.Fleet),
        "cards": (cloud.sims.cards, records.Card),
        "sims": (cloud.sims.sims, records.Sim),
        "billing_periods": (cloud.sims.billing.periods, records.BillingPeriod),
        "esim_profiles": (cloud.esim_profiles.profiles, records.EsimProfile),
        "settings_updates": (cloud.settings_updates.updates, records.SettingsUpdate),
        "sms_commands": (cloud.sms_commands.commands, records.SmsCommand),
        "ip_commands": (cloud.ip_commands.commands, records.IpCommand),
        "usage": (cloud.supersim_meter.ledger, Used),
        "rate_plans": (cloud.rate_plans.plans, records.RatePlan),
        "wireless_sims": (cloud.wireless_sims.sims, records.WirelessSim),
        "commands": (cloud.commands.commands, records.Command),
        "data_sessions": (cloud.wireless_meter.sessions, records.DataSession),
        "wireless_usage": (cloud.wireless_meter.ledger, Used),
        "apps": (cloud.apps.apps, records.App),
        "devices": (cloud.devices.devices, records.Device),
        "device_logs": (cloud.devices.logs, LogEntry),
        "configs": (cloud.configs.items, records.ConfigItem),
        "secrets": (cloud.secrets.items, records.ConfigItem),
        "debugger": (cloud.account.notifications, Notification),
        "connection_events": (cloud.connection_events.events, dict[str, object]),
        "webhooks": (cloud.webhooks.pending, Pending),
        "agenda": (cloud.account.agenda, tuple[int, int]),
    }
    return {name: Shelved(kept=kept, kind=kind) for name, (kept, kind) in lists.items()}


def facts(cloud: Cloud) -> Mapping[str, Fact]:
    """Return what a cloud keeps beside its lists, by name."""
    account = cloud.account

    def attribute(owner: object, name: str) -> Fact:
        return Fact(read=lambda: getattr(owner, name), take=lambda value: setattr(owner, name, value))

    return {
        "default_profile": attribute(cloud.fleets, "default_profile_sid"),
        "esim_stock": attribute(cloud.esim_profiles, "stock"),
        "suspended": attribute(account, "suspended"),
        "maintenance": attribute(cloud.wireless_sims, "maintenance"),
        "subaccounts": Fact(read=lambda: list(account.subaccounts), take=lambda sids: _fill(account.subaccounts, sids)),
        "barred": Fact(read=lambda: list(cloud.sims.barred), take=lambda sids: _fill(cloud.sims.barred, sids)),
        "planned": Fact(read=account.planned_failures, take=account.restore_planned),
        "sinks": Fact(read=cloud.connection_events.kept_sinks, take=cloud.connection_events.restore_sinks),
        "places": Fact(read=lambda: dict(cloud.places), take=lambda places: _replace(cloud.places, places)),
        "draws": Fact(read=lambda: {name: draws.count for name, draws in account.draws.items()},
                      take=lambda counts: _set_draws(cloud, counts)),
    }


def _fill(names: dict[str, None], values: list[str]) -> None:
    names.clear()
    names.update(dict.fromkeys(values))


def _replace(target: dict[str, str], values: Mapping[str, str]) -> None:
    target.clear()
    target.update(values)


def _set_draws(cloud: Cloud, counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        cloud.account.draws[name].count = count
