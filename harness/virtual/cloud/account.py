"""What the resource models of one account share: identity, time, chance, the journal, the way to webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from harness.errors import UsageError
from harness.journal import Fact
from harness.virtual.cloud.agenda import Agenda
from harness.virtual.cloud.choices import Choices
from harness.virtual.cloud.draws import Draws
from harness.virtual.cloud.kept import Log
from harness.virtual.cloud.refusals import (
    ATTACHMENT_FAILED,
    CATALOGUE,
    ESIM_OUT_OF_STOCK,
    IP_COMMAND_FAILED,
    NOT_FOUND,
    SESSION_FAILED,
    SIM_REGISTRATION_FAILED,
    SIM_UPDATE_FAILED,
    WIRELESS_FAILED,
    WIRELESS_UNAVAILABLE,
    Refused,
)
from harness.virtual.world import World

if TYPE_CHECKING:
    from harness.clock import RandomStream


PLANNABLE = frozenset({SIM_REGISTRATION_FAILED, SIM_UPDATE_FAILED, IP_COMMAND_FAILED, ESIM_OUT_OF_STOCK,
                       ATTACHMENT_FAILED, SESSION_FAILED, WIRELESS_FAILED, WIRELESS_UNAVAILABLE})
"""Codes of failures within the service, which nothing a client does brings about."""


def draw_hex(stream: RandomStream) -> str:
    """Return 32 hexadecimal digits."""
    return f"{stream.getrandbits(128):032x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A debugger event: something went wrong that no response could tell.

    Attributes:
        code: number in the public error catalogue.
        resource_sid: what it is about.
    """

    sid: str
    date_created: datetime
    code: int
    message: str
    resource_sid: str


class Stamp(TypedDict):
    """Identity and dates of a new resource."""

    sid: str
    account_sid: str
    date_created: datetime
    date_updated: datetime


class Account:
    """One account and its surroundings.

    Attributes:
        notifications: debugger events, oldest first; the oldest go when there are too many.
        ignored_parameters: how many parameters that no operation knows were given.
        agenda: what will happen by itself.
        draws: streams of chance that go on after a restart, by name.
        subaccounts: SIDs of accounts that Sims may be moved to.
        suspended: whether the owner has not paid: updates that are under way are given up.
        webhook_secret: what KORE's kind of signature is made with; none if empty.
    """

    def __init__(self, world: World, choices: Choices, *, sid: str, auth_token: str,
                 notifications: int = 10_000) -> None:
        self.world = world
        self.choices = choices
        self.sid = sid
        self.auth_token = auth_token
        self.notifications: Log[Notification] = Log(limit=notifications)
        self.ignored_parameters = 0
        self.agenda = Agenda(world)
        self.subaccounts: dict[str, None] = {}
        self.suspended = False
        self.webhook_secret = ""
        self._planned: dict[int, int] = {}
        self.draws = {name: Draws(world.seed, f"cloud.{name}") for name in ("sids", "webhooks", "esim", "subaccounts")}
        self._sids = self.draws["sids"]

    def __repr__(self) -> str:
        return f"Account({self.sid!r})"

    def now(self) -> datetime:
        """Return the calendar time of this instant."""
        return self.world.calendar()

    def calendar_at(self, instant: int) -> datetime:
        """Return the calendar time of an instant in nanoseconds."""
        return self.world.epoch + timedelta(microseconds=instant // 1_000)

    def instant(self, moment: datetime) -> int:
        """Return the instant in nanoseconds of a calendar time."""
        return (moment - self.world.epoch) // timedelta(microseconds=1) * 1_000

    def plan_failure(self, code: int, count: int = 1) -> None:
        """Let the service fail with this code the next times it could.

        Raises:
            UsageError: no failure of this kind can be planned.
        """
        if code not in PLANNABLE:
            raise UsageError(f"{code} can't be planned; these can: {', '.join(map(str, sorted(PLANNABLE)))}")
        self._planned[code] = self._planned.get(code, 0) + count

    def planned_failures(self) -> list[list[int]]:
        """Return codes and how often the service will still fail with each."""
        return [[code, count] for code, count in sorted(self._planned.items()) if count]

    def restore_planned(self, planned: list[list[int]]) -> None:
        """Plan these failures, which :meth:`planned_failures` returned once, and no others."""
        self._planned = {entry[0]: entry[1] for entry in planned}

    def fails(self, code: int) -> bool:
        """Return whether it was planned to fail with this code now."""
        left = self._planned.get(code, 0)
        if left:
            self._planned[code] = left - 1
        return left > 0

    def refuse_if_planned(self, *codes: int) -> None:
        """Refuse with the first of these codes that was planned.

        Raises:
            Refused: one was.
        """
        for code in codes:
            if self.fails(code):
                raise Refused(code, CATALOGUE[code])

    def unknown(self, parameter: str, key: str, *, of_resource: bool = True) -> Refused:
        """Return the refusal of a parameter that names what this account does not have.

        Args:
            of_resource: whether the path names a resource, which is there.
        """
        status = self.choices.unknown_reference_status if of_resource else None
        return Refused(NOT_FOUND, f"{parameter}: there is no {key!r}", status=status)

    def stamp(self, prefix: str) -> Stamp:
        """Return what every new resource begins with."""
        now = self.now()
        return Stamp(sid=self.new_sid(prefix), account_sid=self.sid, date_created=now, date_updated=now)

    def new_sid(self, prefix: str) -> str:
        """Draw the SID of a new resource; equal runs draw equal SIDs."""
        return prefix + self._sids.hex()

    def record(self, event: str, /, *, device: str = "", **data: Fact) -> None:
        """Write a fact into the journal."""
        self.world.journal.write("cloud", event, device, data)

    def notify(self, code: int, message: str, *, resource_sid: str) -> None:
        """Keep a debugger event and write it into the journal."""
        self.notifications.append(Notification(sid=self.new_sid("NO"), date_created=self.now(), code=code,
                                               message=message, resource_sid=resource_sid))
        self.record("debugger_notified", device=resource_sid, code=code, message=message)
