"""Billing periods of Super SIMs: months that begin when a Sim becomes ready or active.

Periods are made when somebody asks or when something is counted, never by a timer: a hundred thousand Sims that do
nothing cost nothing.
"""

from __future__ import annotations

import calendar
from datetime import datetime

from harness.virtual.cloud.account import Account
from harness.virtual.cloud.records import BillingPeriod, PeriodType, Sim
from harness.virtual.cloud.store import Collection

KEPT = 1_000_000
"""Billing periods that are kept; the oldest go first."""


def add_months(moment: datetime, months: int, *, day: int = 0) -> datetime:
    """Return the same day and time some months later or earlier, or the last day of that month if it has no such day.

    Args:
        day: day of the month to look for, by default that of ``moment``: the 31st comes back after a short month.

        >>> add_months(datetime(2026, 1, 31), 1)
        datetime.datetime(2026, 2, 28, 0, 0)
    """
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(day or moment.day, last))


class Billing:
    """The billing periods of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.periods: Collection[BillingPeriod] = Collection(
            "BillingPeriods", indexed=("sim_sid",), limit=KEPT, evict=True)

    def __repr__(self) -> str:
        return f"Billing({len(self.periods)} periods)"

    def begin(self, sim: Sim, kind: PeriodType) -> None:
        """Begin to bill a Sim, now; a trial ends with that, an active period that still runs goes on."""
        now = self._account.now()
        current = self.current(sim)
        if current is not None and current.period_type is not kind:
            self.periods.change(current, now, end_time=now)
        elif current is not None and self._account.choices.billing_after_inactive == "resume":
            sim.billed_as = kind
            return
        elif current is not None:
            self.periods.change(current, now, end_time=now)
        sim.billed_as, sim.billed_since = kind, now

    def stop(self, sim: Sim) -> None:
        """Let no further period begin; the current one runs to its end."""
        self.settle(sim)
        sim.billed_as = None

    def current(self, sim: Sim) -> BillingPeriod | None:
        """Return the period that runs now, None if none does."""
        last = self.settle(sim)
        return last if last is not None and last.end_time > self._account.now() else None

    def settle(self, sim: Sim) -> BillingPeriod | None:
        """Make the periods that have begun up to now; return the last one."""
        now = self._account.now()
        found = self.periods.page({"sim_sid": sim.sid}, size=1).records
        last = found[0] if found else None
        while sim.billed_as is not None and sim.billed_since is not None and (last is None or last.end_time <= now):
            start = sim.billed_since if last is None or sim.billed_since >= last.end_time else last.end_time
            last = self.periods.add(BillingPeriod(
                sid=self._account.new_sid("HB"), account_sid=sim.account_sid, date_created=start, date_updated=start,
                sim_sid=sim.sid, period_type=sim.billed_as, start_time=start,
                end_time=add_months(start, 1, day=sim.billed_since.day)))
        return last
