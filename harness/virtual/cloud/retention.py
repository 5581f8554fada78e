"""How long things are kept: one deadline per kind, set to when its oldest member will be too old."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.billing import add_months
from harness.virtual.cloud.usage import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How long one kind is kept.

    Attributes:
        oldest: date of the oldest member, None if there is none.
        until: when something of a date goes.
        forget: forgets what has a date before the one given, or the same.
    """

    oldest: Callable[[], datetime | None]
    until: Callable[[datetime], datetime]
    forget: Callable[[datetime], object]


class Retention:
    """The rules of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._rules: dict[str, Rule] = {}
        account.agenda.on(Due.RETENTION, self._due)

    def __repr__(self) -> str:
        return f"Retention({', '.join(self._rules)})"

    def rule(self, name: str, rule: Rule) -> None:
        """Keep a kind as long as ``rule`` says."""
        self._rules[name] = rule

    def added(self, name: str) -> None:
        """Learn that there is another member."""
        if self._account.agenda.instant(Due.RETENTION, name) is None:
            self._next(name)

    def _next(self, name: str) -> None:
        rule = self._rules[name]
        oldest = rule.oldest()
        if oldest is not None:
            self._account.agenda.set(Due.RETENTION, name, self._account.instant(rule.until(oldest)))

    def _due(self, name: str) -> None:
        rule, now = self._rules[name], self._account.now()
        # Asked date by date: months are no inverse of each other, 31 August and 18 months is 28 February and back 28.
        while (oldest := rule.oldest()) is not None and rule.until(oldest) <= now:
            rule.forget(oldest)
        self._account.record("retention_over", kind=name)
        self._next(name)


def usage_rule(ledger: Ledger, months: int) -> Rule:
    """Return the rule that keeps usage for some months."""
    return Rule(oldest=lambda: ledger.entries[0].moment if ledger.entries else None,
                until=lambda date: add_months(date, months) + timedelta(days=1),
                forget=lambda date: ledger.forget(date + timedelta(microseconds=1)))
