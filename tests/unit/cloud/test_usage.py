"""Ledger and sums: nothing is lost, nothing is invented, whatever the buckets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from harness.virtual.cloud.billing import add_months
from harness.virtual.cloud.usage import Granularity, Ledger, Used, ceiling, floor, price, summarise

START = datetime(2026, 1, 1, tzinfo=UTC)


def used(minute: int, sim: str = "HS1", up: int = 1, down: int = 2) -> Used:
    return Used(moment=START + timedelta(minutes=minute), sim_sid=sim, owner_sid="HF1", network_sid="HW1",
                iso_country="US", up=up, down=down)


ENTRIES = st.lists(st.tuples(st.integers(0, 60 * 24 * 40), st.sampled_from(["HS1", "HS2"]), st.integers(0, 10**6),
                             st.integers(0, 10**6)), max_size=60).map(lambda rows: sorted(rows, key=lambda row: row[0]))


@given(ENTRIES, st.sampled_from(list(Granularity)), st.booleans())
def test_sums_are_what_was_used(rows: list[tuple[int, str, int, int]], granularity: Granularity, by_sim: bool) -> None:
    ledger = Ledger()
    for row in rows:
        ledger.add(used(*row))
    end = START + timedelta(days=41)
    sums = summarise(ledger.between(START, end), START, end, granularity,
                     (lambda entry: entry.sim_sid) if by_sim else (lambda entry: None), START)
    assert sum(item.up for item in sums) == sum(row[2] for row in rows)
    assert sum(item.down for item in sums) == sum(row[3] for row in rows)
    assert all(item.up or item.down for item in sums)
    assert all(item.billed == 0 for item in sums)
    assert [item.start for item in sums] == sorted((item.start for item in sums), reverse=True)
    assert len({(item.start, item.member) for item in sums}) == len(sums)


@given(ENTRIES, st.integers(0, 60 * 24 * 40), st.integers(0, 60 * 24 * 40))
def test_between_is_from_start_to_before_end(rows: list[tuple[int, str, int, int]], low: int, high: int) -> None:
    ledger = Ledger()
    for row in rows:
        ledger.add(used(*row))
    start, end = START + timedelta(minutes=low), START + timedelta(minutes=high)
    assert len(list(ledger.between(start, end))) == sum(low <= row[0] < high for row in rows)
    one = list(ledger.between(start, end, "HS1"))
    assert len(one) == sum(low <= row[0] < high and row[1] == "HS1" for row in rows)


def test_the_oldest_go_first() -> None:
    ledger = Ledger(limit=10)
    for minute in range(25):
        ledger.add(used(minute))
    assert len(ledger.entries) <= 10
    assert ledger.entries[-1].moment == START + timedelta(minutes=24)
    assert len(list(ledger.between(START, START + timedelta(days=1), "HS1"))) == len(ledger.entries)
    assert ledger.forget(START + timedelta(days=1)) == len(list(ledger.entries)) or ledger.entries == []
    assert list(ledger.between(START, START + timedelta(days=1), "HS1")) == []


def test_only_what_is_old_enough_has_a_price() -> None:
    ledger = Ledger()
    ledger.add(used(0, up=100, down=200))
    ledger.add(used(60, up=1, down=1))
    [item] = summarise(ledger.between(START, START + timedelta(days=1)), START, START + timedelta(days=1),
                       Granularity.DAY, lambda entry: None, START + timedelta(minutes=30))
    assert (item.up + item.down, item.billed) == (302, 300)
    assert str(price(300_000, "0.10", 1_000_000)) == "0.03"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_time_lies_between_its_boundaries(moment: datetime) -> None:
    for step in (timedelta(hours=1), timedelta(days=1)):
        low, high = floor(moment, step), ceiling(moment, step)
        assert low <= moment <= high <= low + step
        assert floor(low, step) == low == ceiling(low, step)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(-40, 40))
def test_months_are_calendar_months(moment: datetime, months: int) -> None:
    later = add_months(moment, months)
    assert (later.year * 12 + later.month) - (moment.year * 12 + moment.month) == months
    assert later.day == moment.day or (later + timedelta(days=1)).day == 1
