"""Usage records of Super SIM: which range, which buckets, which sums (usage-record-resource; codes 83600 to 83605)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from harness.clock import to_ns
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.billing import add_months
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.refusals import (
    USAGE_GROUP_RANGE,
    USAGE_INVALID,
    USAGE_NOT_ON_DAY,
    USAGE_NOT_ON_HOUR,
    USAGE_RANGE,
    USAGE_TOO_OLD,
    Refused,
)
from harness.virtual.cloud.usage import Granularity, Ledger, Used, ceiling, floor, price, summarise

GROUPS = ("sim", "fleet", "network", "isoCountry")

_DAY = timedelta(days=1)
_MONTH = timedelta(days=31)
_MONTHS_KEPT = 18
_MONTHS_BY_DAY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """Sums of one bucket; a dimension is None unless it was filtered on or grouped by."""

    account_sid: str
    start_time: datetime
    end_time: datetime
    sim_sid: str | None
    fleet_sid: str | None
    network_sid: str | None
    iso_country: str | None
    data_upload: int
    data_download: int
    data_total: int
    data_total_billed: str
    billed_unit: str | None


class Finder(Protocol):
    """Finds the SID that a SID or unique name stands for; itself if nothing has it."""

    def __call__(self, key: str) -> str: ...


def usage_range(arguments: Arguments, granularity: Granularity, now: datetime) -> tuple[datetime, datetime]:
    """Return the range that a request asks for.

    Raises:
        Refused: it is empty, not on a boundary, too long or too long ago.
    """
    step = granularity.step
    end = arguments.moment("EndTime", now if step is None else ceiling(now, step))
    start = arguments.moment("StartTime", add_months(end, -1) if step is None else floor(add_months(end, -1), step))
    if step is not None and "StartTime" not in arguments and granularity is Granularity.HOUR:
        start = max(start, end - _MONTH)
    if start >= end:
        raise Refused(USAGE_INVALID, "StartTime must be before EndTime")
    for name, moment in (("StartTime", start), ("EndTime", end)):
        if step is not None and floor(moment, step) != moment:
            raise Refused(USAGE_NOT_ON_DAY if granularity is Granularity.DAY else USAGE_NOT_ON_HOUR,
                          f"{name} must be at the beginning of a UTC {granularity.value}")
    if start < add_months(floor(now, _DAY), -_MONTHS_KEPT):
        raise Refused(USAGE_TOO_OLD, f"StartTime must not be more than {_MONTHS_KEPT} months ago")
    most = {Granularity.HOUR: lambda: start + _MONTH, Granularity.DAY: lambda: add_months(start, _MONTHS_BY_DAY),
            Granularity.ALL: lambda: add_months(start, _MONTHS_KEPT) + _DAY}[granularity]()
    if end > most:
        raise Refused(USAGE_RANGE, f"the range is too long for granularity {granularity.value}")
    if arguments.text("Group") == "sim" and end - start > _MONTH:
        raise Refused(USAGE_GROUP_RANGE, "usage by Sim can't span more than 31 days")
    return start, end


def usage_records(account: Account, ledger: Ledger, arguments: Arguments, find_sim: Finder,
                  find_fleet: Finder) -> tuple[UsageRecord, ...]:
    """Return the usage records that a request asks for.

    Raises:
        Refused: its range is not possible.
    """
    choices, now = account.choices, account.now()
    granularity = Granularity(arguments.text("Granularity") or Granularity.ALL)
    start, end = usage_range(arguments, granularity, now)
    group = arguments.text("Group")
    fixed: dict[str, str | None] = {
        "sim": _found(arguments.text("Sim"), find_sim), "fleet": _found(arguments.text("Fleet"), find_fleet),
        "network": arguments.text("Network"), "isoCountry": (arguments.text("IsoCountry") or "").upper() or None}
    dimensions: dict[str, Callable[[Used], str | None]] = {
        "sim": lambda entry: entry.sim_sid, "fleet": lambda entry: entry.owner_sid,
        "network": lambda entry: entry.network_sid, "isoCountry": lambda entry: entry.iso_country or None}
    wanted = [(dimensions[name], value) for name, value in fixed.items() if value is not None]

    def matching() -> Iterator[Used]:
        for entry in ledger.between(start, end, fixed["sim"]):
            if all(read(entry) == value for read, value in wanted):
                yield entry

    sums = summarise(matching(), start, end, granularity, dimensions[group] if group else lambda entry: None,
                     now - timedelta(microseconds=to_ns(choices.billing_delay) // 1_000))
    records = []
    for item in sums:
        shown = {**fixed, group: item.member} if group else fixed
        billed = price(item.billed, choices.price_per_megabyte, choices.megabyte)
        records.append(UsageRecord(
            account_sid=account.sid, start_time=item.start, end_time=item.end, sim_sid=shown["sim"],
            fleet_sid=shown["fleet"], network_sid=shown["network"], iso_country=shown["isoCountry"],
            data_upload=item.up, data_download=item.down, data_total=item.up + item.down,
            data_total_billed=str(billed), billed_unit=choices.billed_unit if item.billed else None))
    return tuple(records)


def _found(key: str | None, find: Finder) -> str | None:
    return None if key is None else find(key)
