"""The SMS centre under random fire: nothing lost, nothing twice, order kept."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harness.formats.sms import Deliver
from harness.virtual.network import Network
from harness.virtual.network.seams import (
    AccessTechnology,
    Address,
    Datagram,
    Registration,
    SmsAccepted,
    SmsOutcome,
    SmsProgress,
    SmsRejected,
    Subscription,
)
from harness.virtual.world import World

ICCID = "8988307000000000001"


class _Terminal:
    """Keeps attempts open until the machine answers them."""

    iccid, imsi, imei, attach_apn = ICCID, "732123000000001", "866425030000001", ""

    def __init__(self) -> None:
        self.open: list[tuple[str, Callable[[SmsOutcome], None]]] = []
        self.accepted: list[str] = []

    def registration_changed(self, registration: Registration) -> None: ...

    def sms_deliver(self, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        self.open.append((Deliver.decode(tpdu).text or "", done))

    def datagram_received(self, cid: int, datagram: Datagram) -> None: ...

    def broadcast_received(self, page: bytes) -> None: ...

    def session_lost(self, cid: int) -> None: ...

    def receives(self, act: AccessTechnology) -> bool:
        return True

    def forbidden_plmns(self) -> frozenset[str]:
        return frozenset()

    def forbid_plmn(self, plmn: str, forbidden: bool) -> None: ...


class _Cloud:
    def subscription(self, iccid: str) -> Subscription | None:
        return Subscription(sim_sid="HS", attach_allowed=True, sms_allowed=True, data_allowed=True)

    def core_failure(self, iccid: str, *, session: bool) -> int:
        return 0

    def sms_received(self, iccid: str, text: str | bytes) -> None: ...

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None: ...


class SmsMachine(RuleBasedStateMachine):
    """Sends, answers, refuses, goes silent, leaves and comes back; then everything must have ended well."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(seed=1)
        self.network = Network(self.world)
        self.network.connect_cloud(_Cloud())
        self.terminal = _Terminal()
        self.attached = False
        self.steps: dict[str, list[str]] = {}
        self.sent_at: dict[str, int] = {}

    @rule()
    def send(self) -> None:
        name = str(len(self.steps))
        steps = self.steps[name] = []
        self.sent_at[name] = self.world.now()
        self.network.send_sms(ICCID, name, SmsProgress(attempted=lambda: steps.append("attempted"),
                                                       delivered=lambda: steps.append("delivered"),
                                                       failed=lambda cause: steps.append("failed")))

    @rule(seconds=st.sampled_from((1, 10, 100, 4_000, 30_000)))
    def pass_time(self, seconds: int) -> None:
        self.world.clock.sleep(seconds)

    @precondition(lambda self: self.terminal.open)
    @rule()
    def accept(self) -> None:
        text, done = self.terminal.open.pop()
        in_time = self.network.sms_waiting(ICCID)
        done(SmsAccepted())
        if self.network.sms_waiting(ICCID) < in_time:
            self.terminal.accepted.append(text)
        self.world.clock.sleep(0)

    @precondition(lambda self: self.terminal.open)
    @rule(cause=st.sampled_from((22, 41)))
    def refuse_for_now(self, cause: int) -> None:
        self.terminal.open.pop()[1](SmsRejected(cause=cause))
        self.world.clock.sleep(0)

    @precondition(lambda self: len(self.terminal.open) > 1)
    @rule()
    def answer_a_stale_attempt(self) -> None:
        before = self.network.sms_waiting(ICCID)
        self.terminal.open.pop(0)[1](SmsAccepted())
        assert self.network.sms_waiting(ICCID) == before

    @rule()
    def free_memory(self) -> None:
        self.network.memory_available(self.terminal)
        self.world.clock.sleep(0)

    @rule()
    def switch(self) -> None:
        (self.network.detach if self.attached else self.network.attach)(self.terminal)
        self.attached = not self.attached
        self.world.clock.sleep(3)

    @invariant()
    def progress_is_in_order_and_called_once(self) -> None:
        for steps in self.steps.values():
            assert steps in ([], ["attempted"], ["attempted", "delivered"], ["attempted", "failed"])

    @invariant()
    def delivered_is_what_was_accepted_in_order_and_once(self) -> None:
        delivered = [name for name, steps in self.steps.items() if steps[1:] == ["delivered"]]
        assert delivered == self.terminal.accepted

    @invariant()
    def nothing_fails_before_its_day_is_over(self) -> None:
        for name, steps in self.steps.items():
            if steps[1:] == ["failed"]:
                assert self.world.now() - self.sent_at[name] >= 24 * 3_600 * 1_000_000_000

    @invariant()
    def what_has_no_end_still_waits(self) -> None:
        unfinished = [name for name, steps in self.steps.items() if len(steps) == 1]
        assert self.network.sms_waiting(ICCID) >= len(unfinished)

    def teardown(self) -> None:
        if not self.attached:
            self.network.attach(self.terminal)
        self.world.clock.sleep(3)
        for _ in range(10 * len(self.steps) + 10):
            if not self.network.sms_waiting(ICCID):
                break
            self.network.memory_available(self.terminal)
            self.world.clock.sleep(31)
            if self.terminal.open:
                self.accept()
        self.world.clock.sleep("25h")
        assert all(len(steps) == 2 for steps in self.steps.values())
        self.delivered_is_what_was_accepted_in_order_and_once()
        self.world.close()


TestSmsMachine = SmsMachine.TestCase
TestSmsMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
