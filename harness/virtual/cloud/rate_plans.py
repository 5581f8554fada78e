"""Rate plans of Programmable Wireless, and where a Sim is as a plan sees it."""

from __future__ import annotations

from enum import StrEnum

from harness.virtual.cloud.account import Account
from harness.virtual.cloud.countries import country_of
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import RatePlan
from harness.virtual.cloud.refusals import WIRELESS_INVALID, not_found
from harness.virtual.cloud.store import Collection

DEFAULT_NAME = "default"
NARROWBAND_DEFAULT_NAME = "default-narrowband"
"""Unique name of the rate plan of Sims of a rig that are given none: everything, everywhere."""

DEFAULT_LIMIT = 1_000
"""Data limits in megabytes where none is given."""

METERING = ("payg", "quota-1", "quota-10", "quota-50")
"""Models of data metering; a Sim can't be activated on any but the first (33122)."""


class Place(StrEnum):
    """Where a Sim is, as its rate plan sees it."""

    HOME = "home"
    NATIONAL = "national_roaming"
    INTERNATIONAL = "international_roaming"


class RatePlans:
    """The rate plans of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.plans: Collection[RatePlan] = Collection("RatePlans", unique=("unique_name",), limit=10_000)

    def __repr__(self) -> str:
        return f"RatePlans({len(self.plans)})"

    def plan(self, key: str) -> RatePlan:
        """Return a plan by its SID or unique name."""
        found = self.plans.find(key)
        if found is None:
            raise not_found(f"/RatePlans/{key}")
        return found

    def place(self, plmn: str) -> Place:
        """Return where a network is; home if it is not known."""
        home = self._account.choices.wireless_home
        if not plmn or plmn == home:
            return Place.HOME
        same = country_of(plmn) == country_of(home)
        return Place.NATIONAL if same else Place.INTERNATIONAL

    def create(self, arguments: Arguments, *, narrowband: bool = False) -> RatePlan:
        """Make a plan; one for NB-IoT cards is made by the operator, never by a client."""
        name = arguments.text("UniqueName") or None
        self.plans.check("unique_name", name, code=WIRELESS_INVALID)
        plan = self.plans.add(RatePlan(
            **self._account.stamp("WP"), unique_name=name, friendly_name=arguments.text("FriendlyName"),
            data_enabled=arguments.flag("DataEnabled", True), data_limit=arguments.number("DataLimit", DEFAULT_LIMIT),
            data_metering=arguments.text("DataMetering") or METERING[0],
            messaging_enabled=arguments.flag("MessagingEnabled", True),
            voice_enabled=arguments.flag("VoiceEnabled", False),
            national_roaming_enabled=arguments.flag("NationalRoamingEnabled", False),
            national_roaming_data_limit=arguments.number("NationalRoamingDataLimit", DEFAULT_LIMIT),
            international_roaming=arguments.texts("InternationalRoaming"),
            international_roaming_data_limit=arguments.number("InternationalRoamingDataLimit", DEFAULT_LIMIT),
            data_limit_strategy=arguments.text("DataLimitStrategy") or "block", narrowband=narrowband))
        self._account.record("rate_plan_created", device=plan.sid, unique_name=name)
        return plan

    def update(self, key: str, arguments: Arguments) -> RatePlan:
        """Rename a plan; nothing else of it can change."""
        plan = self.plan(key)
        changes: dict[str, object] = {}
        if "UniqueName" in arguments:
            changes["unique_name"] = name = arguments.text("UniqueName") or None
            self.plans.check("unique_name", name, code=WIRELESS_INVALID, but=plan)
        if "FriendlyName" in arguments:
            changes["friendly_name"] = arguments.text("FriendlyName")
        if changes:
            self.plans.change(plan, self._account.now(), **changes)
        return plan

    def default(self, *, narrowband: bool = False) -> RatePlan:
        """Return the plan of Sims that were put into the world without one; made when first asked for."""
        name = NARROWBAND_DEFAULT_NAME if narrowband else DEFAULT_NAME
        return self.plans.by("unique_name", name) or self.everything(name, narrowband=narrowband)

    def everything(self, name: str, *, narrowband: bool = False) -> RatePlan:
        """Make a plan of this unique name that allows everything."""
        return self.create(Arguments({
            "UniqueName": name, "NationalRoamingEnabled": True, "InternationalRoaming": ("data", "messaging"),
            "DataLimitStrategy": "block"}), narrowband=narrowband)
