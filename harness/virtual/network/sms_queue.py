"""Store and forward: texts on their way to devices, one queue for each SIM card.

Theory of operation. A text is one or more TPDUs (*parts*). The head of a queue is attempted when it arrives; nothing
overtakes it, and one TPDU at a time is under way to a terminal. An attempt ends in one of four ways: accepted (the next
part follows), refused for good (the text fails), refused for now, or without an answer. After the last two the queue
waits: until the next pause of the retry schedule is over, until the terminal registers or reports free memory (an
*alert*), or until the text's validity period ends - whichever comes first. While nothing is waiting there is no timer,
and a waiting queue has exactly one, so a day of waiting costs a few dozen events.

An acknowledgement that comes after the answer limit is void, as in a real network: the text will be sent again.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from harness.clock import NANOSECONDS, to_ns
from harness.journal import Fact
from harness.virtual.network.capture import Capture
from harness.virtual.network.faults import NetworkFaults, lateness
from harness.virtual.network.seams import (
    SmsAccepted,
    SmsOutcome,
    SmsProgress,
    SmsRejected,
    SmsWatcher,
    Subscription,
    Terminal,
)
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.world import Event, World

MEMORY_EXCEEDED = 22
CONGESTION = 42
UNKNOWN_SUBSCRIBER = 30
NOT_SUBSCRIBED = 50
TEMPORARY_CAUSES = frozenset({MEMORY_EXCEEDED, 27, 38, 41, CONGESTION, 47})
"""RP causes after which another attempt may succeed (3GPP TS 24.011 clause 8.2.5.4)."""

Tpdu: TypeAlias = "bytes | Callable[[], bytes]"
"""A TPDU, or what writes it when it is first needed."""

NOTHING = SmsProgress(attempted=lambda: None, delivered=lambda: None, failed=lambda cause: None)
"""Progress that nobody wants to hear of."""


@dataclass(slots=True, eq=False)
class StoredText:
    """A text that waits for its device."""

    serial: int
    kind: str
    iccid: str
    expires: int
    progress: SmsWatcher
    parts_left: int
    attempted: bool = False
    attempts: int = 0
    command: bool = False


@dataclass(slots=True, eq=False)
class _Part:
    text: StoredText
    tpdu: Tpdu
    duplicated: bool = False
    delayed: bool = False


@dataclass(slots=True, eq=False)
class _Queue:
    iccid: str
    parts: deque[_Part] = field(default_factory=deque)
    under_way: int = 0  # serial of the attempt that waits for an answer, 0 if none does
    limit: Event | None = None
    timer: Event | None = None
    retry_at: int = 0  # means something while there is a timer
    next_planned: bool = False
    failures: int = 0
    full: bool = False


class SmsQueues:
    """The queues of one network.

    Args:
        reachable: the terminal that holds a SIM card and has service, or None.
        subscription: what the owner of a SIM card lets it do.
        capture: sees what goes to terminals.
    """

    def __init__(self, world: World, settings: NetworkSettings, *, reachable: Callable[[str], Terminal | None],
                 subscription: Callable[[str], Subscription | None], capture: Capture) -> None:
        self._world = world
        self._capture = capture
        self._settings = settings
        self._reachable = reachable
        self._subscription = subscription
        self._pauses = tuple(to_ns(pause) for pause in settings.sms_retries)
        self._queues: dict[str, _Queue] = {}
        self._serials = itertools.count(1)
        self._attempts = itertools.count(1)
        self._paces: dict[str, int] = {}  # instants from which on a SIM card may get its next part
        self.faults: NetworkFaults | None = None

    def __repr__(self) -> str:
        return f"SmsQueues({sum(len(queue.parts) for queue in self._queues.values())} parts waiting)"

    def waiting(self, iccid: str) -> int:
        """Return how many TPDUs wait for a SIM card's device or are under way to it."""
        queue = self._queues.get(iccid)
        return len(queue.parts) if queue is not None else 0

    def add(self, iccid: str, kind: str, tpdus: Sequence[Tpdu], progress: SmsWatcher, *,
            validity: int | None = None, command: bool = False) -> StoredText:
        """Store a text and attempt it at once if its queue is empty.

        Args:
            kind: ``deliver`` or ``status_report``.
            tpdus: its parts, in order.
            validity: nanoseconds it may wait; the network's validity period if None, and never longer than that.
            command: whether it comes from the cloud.
        """
        longest = to_ns(self._settings.sms_validity)
        span = longest if validity is None else min(validity, longest)
        text = StoredText(next(self._serials), kind, iccid, self._world.now() + span, progress, len(tpdus),
                          command=command)
        queue = self._queues.get(iccid)
        if queue is None:
            queue = self._queues[iccid] = _Queue(iccid)
        self._record(text, "sms_stored", kind=kind, parts=len(tpdus))
        if len(queue.parts) + len(tpdus) > self._settings.sms_queue_limit:
            self._give_up(queue, text, CONGESTION, "queue full")
            return text
        queue.parts.extend(_Part(text, tpdu) for tpdu in tpdus)
        if queue.timer is not None and (queue.full or self._reachable(iccid) is None):
            self._mark_attempted(text)  # in vain: the network knows that the terminal is full, or not there
            if text.expires < queue.timer.t:
                self._arm(queue)
        else:
            self._plan_next(queue)
        return text

    def withdraw(self, text: StoredText) -> bool:
        """Take a text out that waits, without a word to anybody; False if it is under way or gone."""
        queue = self._queues.get(text.iccid)
        if queue is None or not any(part.text is text for part in queue.parts) or (
                queue.under_way and queue.parts[0].text is text):
            return False
        queue.parts = deque([part for part in queue.parts if part.text is not text])
        text.parts_left = 0
        self._record(text, "sms_withdrawn")
        if not queue.parts:
            self._forget(queue)
        return True

    def withdraw_commands(self) -> None:
        """Take all texts of the cloud out, without a word to it; no answer counts to what is under way."""
        for queue in tuple(self._queues.values()):
            if queue.parts and queue.parts[0].text.command:
                self._end_attempt(queue)
            for part in queue.parts:
                if part.text.command and part.text.parts_left:
                    part.text.parts_left = 0
                    self._record(part.text, "sms_withdrawn")
            queue.parts = deque([part for part in queue.parts if not part.text.command])
            if queue.parts:
                self._plan_next(queue)
            else:
                self._forget(queue)

    def alert(self, iccid: str) -> None:
        """Attempt now: the terminal has service again, or memory."""
        queue = self._queues.get(iccid)
        if queue is not None:
            queue.full = False
            queue.failures = 0
            if queue.parts:
                self._plan_next(queue)
            else:
                self._forget(queue)

    def abandon(self, iccid: str) -> None:
        """The terminal is gone: no answer will come to what is under way."""
        queue = self._queues.get(iccid)
        if queue is not None and queue.under_way:
            self._end_attempt(queue)
            self._wait(queue, "absent subscriber")

    # -- attempts -----------------------------------------------------------------------------------------------------

    def _plan_next(self, queue: _Queue) -> None:
        # an event of its own: no terminal is called from inside its own answer
        if queue.parts and not queue.under_way and not queue.next_planned:
            queue.next_planned = True
            self._stop_timer(queue)
            instant = max(self._world.now(), self._paces.get(queue.iccid, 0))
            self._world.call_at(instant, partial(self._attempt, queue), name="network.sms_attempt")

    def _attempt(self, queue: _Queue) -> None:
        queue.next_planned = False
        self._expire(queue)
        if not queue.parts:
            return
        if late := self._delay(queue):
            queue.next_planned = True
            self._world.call_later(f"{late}ns", partial(self._attempt, queue), name="network.sms_fault")
            return
        subscription = self._subscription(queue.iccid)
        if subscription is None or not subscription.sms_allowed:
            known = subscription is not None
            self._fail(queue, queue.parts[0].text, NOT_SUBSCRIBED if known else UNKNOWN_SUBSCRIBER,
                       "SMS not allowed" if known else "unknown subscriber")
            self._plan_next(queue)
            return
        terminal = self._reachable(queue.iccid)
        if terminal is None:
            self._mark_all_attempted(queue)
            self._wait(queue, "absent subscriber")
            return
        chance = self._world.random("network.sms")
        if len(queue.parts) > 1 and ((self._settings.sms_reorder and chance.random() < self._settings.sms_reorder)
                                     or self._struck("sms-reorder", queue)):
            queue.parts[0], queue.parts[1] = queue.parts[1], queue.parts[0]
            self._record(queue.parts[0].text, "sms_reordered")
        part = queue.parts[0]
        self._mark_attempted(part.text)
        part.text.attempts += 1
        if self._settings.sms_rate:
            self._paces[queue.iccid] = self._world.now() + round(NANOSECONDS / self._settings.sms_rate)
        serial = queue.under_way = next(self._attempts)
        queue.limit = self._world.call_later(self._settings.sms_answer_limit, partial(self._unanswered, queue, serial),
                                             name="network.sms_limit")
        if (self._settings.sms_loss and chance.random() < self._settings.sms_loss) or self._struck("sms-loss", queue):
            self._record(part.text, "sms_lost", attempt=part.text.attempts)
            return
        if self._struck("sms-drop", queue):
            self._world.call_later(0, partial(self._answered, queue, serial, SmsAccepted()), name="network.sms_fault")
            return
        if not isinstance(part.tpdu, bytes):
            part.tpdu = part.tpdu()
        tpdu = self.faults.delivered(queue.iccid, part.tpdu) if self.faults is not None else part.tpdu
        done = self._capture.sms(queue.iccid, tpdu, partial(self._answered, queue, serial), uplink=False)
        terminal.sms_deliver(tpdu, done)

    def _delay(self, queue: _Queue) -> int:
        """Return how many nanoseconds later the next part is attempted, by a fault; each part is asked about once."""
        part = queue.parts[0]
        if self.faults is None or part.delayed:
            return 0
        part.delayed = True
        fault = self.faults.strike("sms-delay", queue.iccid)
        return lateness(fault) if fault is not None else 0

    def _struck(self, kind: str, queue: _Queue) -> bool:
        return self.faults is not None and self.faults.strike(kind, queue.iccid) is not None

    def _answered(self, queue: _Queue, serial: int, outcome: SmsOutcome) -> None:
        if queue.under_way != serial:
            self._world.journal.record("network", "sms_answer_ignored", device=queue.iccid)
            return
        part = queue.parts[0]
        self._end_attempt(queue)
        if isinstance(outcome, SmsRejected):
            if outcome.cause in TEMPORARY_CAUSES:
                queue.full = outcome.cause == MEMORY_EXCEEDED
                if queue.full:  # the network knows: an attempt with any other text is in vain
                    self._mark_all_attempted(queue)
                self._wait(queue, f"refused with cause {outcome.cause}")
            else:
                self._fail(queue, part.text, outcome.cause, "refused")
                self._plan_next(queue)
            return
        if self._struck("sms-redeliver", queue):
            self._wait(queue, "acknowledgement lost")
            return
        queue.failures = 0
        if self._again(queue, part):
            self._record(part.text, "sms_duplicated")
        else:
            queue.parts.popleft()
            part.text.parts_left -= 1
            if not part.text.parts_left:
                self._record(part.text, "sms_delivered", attempts=part.text.attempts)
                part.text.progress.delivered()
        if queue.parts:
            self._plan_next(queue)
        else:
            self._forget(queue)

    def _again(self, queue: _Queue, part: _Part) -> bool:
        odds = self._settings.sms_duplication
        if part.duplicated:
            return False
        part.duplicated = bool(odds and self._world.random("network.sms").random() < odds)
        part.duplicated = part.duplicated or self._struck("sms-duplicate", queue)
        return part.duplicated

    def _unanswered(self, queue: _Queue, serial: int) -> None:
        if queue.under_way == serial:
            self._end_attempt(queue)
            self._wait(queue, "no answer")

    def _end_attempt(self, queue: _Queue) -> None:
        queue.under_way = 0
        if queue.limit is not None:
            queue.limit.cancel()
            queue.limit = None

    # -- waiting ------------------------------------------------------------------------------------------------------

    def _wait(self, queue: _Queue, reason: str) -> None:
        pause = self._pauses[min(queue.failures, len(self._pauses) - 1)]
        queue.failures += 1
        queue.retry_at = self._world.now() + pause
        self._record(queue.parts[0].text, "sms_waiting", reason=reason)
        self._arm(queue)

    def _arm(self, queue: _Queue) -> None:
        self._stop_timer(queue)
        instant = min(queue.retry_at, min(part.text.expires for part in queue.parts))
        queue.timer = self._world.call_at(instant, partial(self._plan_next, queue), name="network.sms_retry")

    def _stop_timer(self, queue: _Queue) -> None:
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None

    def _expire(self, queue: _Queue) -> None:
        now = self._world.now()
        for part in tuple(queue.parts):
            if part.text.expires <= now and part.text.parts_left:
                self._fail(queue, part.text, 0, "validity period over")

    def _mark_all_attempted(self, queue: _Queue) -> None:
        for part in tuple(queue.parts):
            self._mark_attempted(part.text)

    def _mark_attempted(self, text: StoredText) -> None:
        if not text.attempted:
            text.attempted = True
            self._record(text, "sms_attempted")
            text.progress.attempted()

    def _fail(self, queue: _Queue, text: StoredText, cause: int, reason: str) -> None:
        queue.parts = deque([part for part in queue.parts if part.text is not text])
        self._give_up(queue, text, cause, reason)

    def _give_up(self, queue: _Queue, text: StoredText, cause: int, reason: str) -> None:
        """Tell that a text failed of which no part is in the queue."""
        text.parts_left = 0
        self._mark_attempted(text)
        self._record(text, "sms_failed", cause=cause, reason=reason)
        text.progress.failed(cause)
        if not queue.parts:
            self._forget(queue)

    def _forget(self, queue: _Queue) -> None:
        self._stop_timer(queue)
        if self._queues.get(queue.iccid) is queue and not queue.full:
            del self._queues[queue.iccid]

    def _record(self, text: StoredText, event: str, **data: Fact) -> None:
        self._world.journal.write("network", event, text.iccid, {"sms": text.serial, **data})
