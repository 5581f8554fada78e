"""Usage records of Programmable Wireless, of the account and of one Sim: Commands and data by place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from harness.clock import to_ns
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.billing import add_months
from harness.virtual.cloud.choices import Choices
from harness.virtual.cloud.countries import country_of
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.rate_plans import Place, RatePlans
from harness.virtual.cloud.refusals import WIRELESS_INVALID, Refused
from harness.virtual.cloud.usage import Ledger, Used, floor, price

GRANULARITIES = ("hourly", "daily", "all")

_STEPS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1)}


@dataclass(slots=True)
class _Counts:
    up: int = 0
    down: int = 0
    billed: int = 0
    from_sim: int = 0
    to_sim: int = 0
    billed_commands: int = 0

    def add(self, entry: Used, *, billed: bool) -> None:
        self.up += entry.up
        self.down += entry.down
        self.from_sim += entry.from_sim
        self.to_sim += entry.to_sim
        if billed:
            self.billed += entry.up + entry.down
            self.billed_commands += entry.from_sim + entry.to_sim

    def data(self, choices: Choices) -> dict[str, object]:
        """Return the counts of a data usage object."""
        amount = price(self.billed, choices.price_per_megabyte, choices.megabyte)
        return {"billing_units": choices.billed_unit, "billed": _number(amount), "total": self.up + self.down,
                "upload": self.up, "download": self.down, "units": "bytes"}

    def commands(self, choices: Choices) -> dict[str, object]:
        """Return the counts of a Commands usage object."""
        amount = Decimal(choices.price_per_command) * self.billed_commands
        return {"billing_units": choices.billed_unit, "billed": _number(amount), "total": self.from_sim + self.to_sim,
                "from_sim": self.from_sim, "to_sim": self.to_sim}


@dataclass(slots=True)
class _Bucket:
    total: _Counts = field(default_factory=_Counts)
    places: dict[Place, _Counts] = field(default_factory=lambda: {place: _Counts() for place in Place})
    countries: dict[str, _Counts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WirelessUsageRecord:
    """Sums of one period; ``sim_sid`` is None in the account's records."""

    account_sid: str
    sim_sid: str | None
    start: datetime
    end: datetime
    commands: dict[str, object]
    data: dict[str, object]


def wireless_usage(account: Account, ledger: Ledger, plans: RatePlans, arguments: Arguments,
                   sim_sid: str | None) -> tuple[WirelessUsageRecord, ...]:
    """Return the usage records that a request asks for, newest first.

    One record with ``all``, though it be empty; one per UTC hour or day in which something was used otherwise.

    Raises:
        Refused: Start is not before End.
    """
    now = account.now()
    end = arguments.moment("End", now)
    start = arguments.moment("Start", add_months(end, -1))
    if start >= end:
        raise Refused(WIRELESS_INVALID, "Invalid parameter Start: must be before End")
    step = _STEPS.get(arguments.text("Granularity") or "all")
    billed_before = now - timedelta(microseconds=to_ns(account.choices.billing_delay) // 1_000)
    buckets: dict[datetime, _Bucket] = {} if step else {start: _Bucket()}
    _sort(ledger.between(start, end + timedelta(microseconds=1), sim_sid), buckets, plans, start, step, billed_before)
    return tuple(WirelessUsageRecord(
        account_sid=account.sid, sim_sid=sim_sid, start=low, end=end if step is None else low + step,
        commands=_commands(buckets[low], account.choices), data=_data(buckets[low], account.choices),
    ) for low in sorted(buckets, reverse=True))


def _sort(entries: Iterable[Used], buckets: dict[datetime, _Bucket], plans: RatePlans, start: datetime,
          step: timedelta | None, billed_before: datetime) -> None:
    for entry in entries:
        low = start if step is None else floor(entry.moment, step)
        bucket = buckets.setdefault(low, _Bucket())
        place = plans.place(entry.plmn)
        counts = [bucket.total, bucket.places[place]]
        if place is Place.INTERNATIONAL:
            counts.append(bucket.countries.setdefault(country_of(entry.plmn).alpha3, _Counts()))
        for item in counts:
            item.add(entry, billed=entry.moment < billed_before)


def _commands(bucket: _Bucket, choices: Choices) -> dict[str, object]:
    if not bucket.total.from_sim and not bucket.total.to_sim:
        return {}
    return {**bucket.total.commands(choices), "home": bucket.places[Place.HOME].commands(choices),
            "national_roaming": bucket.places[Place.NATIONAL].commands(choices),
            "international_roaming": [{"country_code": code, **counts.commands(choices)}
                                      for code, counts in sorted(bucket.countries.items())
                                      if counts.from_sim or counts.to_sim]}


def _data(bucket: _Bucket, choices: Choices) -> dict[str, object]:
    if not bucket.total.up and not bucket.total.down:
        return {}
    return {**bucket.total.data(choices), "home": bucket.places[Place.HOME].data(choices),
            "national_roaming": bucket.places[Place.NATIONAL].data(choices),
            "international_roaming": [{"country_code": code, **counts.data(choices)}
                                      for code, counts in sorted(bucket.countries.items())
                                      if counts.up or counts.down]}


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)
