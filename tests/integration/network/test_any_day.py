"""Whatever goes wrong, the driver tells it as an error of ours, and works again when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from harness.errors import HarnessError, InternalError, TimeoutExpired
from harness.virtual.faults import KINDS
from harness.virtual.faults.kinds import Mode
from harness.virtual.modem.profile import profile_names
from tests.unit.faults.strategies import SPANS, faults

if TYPE_CHECKING:
    from tests.integration.network.conftest import Lab, MakeLab

GATEWAY = ("100.64.0.1", 6969)


class AnyDay(RuleBasedStateMachine):
    """A test that goes on whatever happens, and a plan that makes it happen."""

    make: MakeLab

    lab: Lab

    @initialize(profile=st.sampled_from(profile_names()))
    def a_module(self, profile: str) -> None:
        self.lab = self.make(profile=profile, dialect=None)
        self.lab.far.power_on()
        self.lab.modem.open(within="60s")

    def attempt(self, act: Callable[[], object]) -> None:
        """Do something that may go wrong, in words that are ours and say what was seen."""
        told = "done"
        try:
            if not self.lab.modem.channel.is_open:
                self.lab.modem.reopen(within="30s")
            act()
        except InternalError:
            raise
        except HarnessError as problem:
            told = str(problem)
        assert told

    @rule(described=faults())
    def something_goes_wrong(self, described: dict[str, Any]) -> None:
        self.lab.faults.set(described)

    @rule(number=st.integers(0, 9))
    def a_fault_is_removed(self, number: int) -> None:
        present = list(self.lab.faults)
        if present:
            self.lab.faults.remove(present[number % len(present)])

    @rule(command=st.sampled_from(["AT", "AT+CSQ", "AT+CGMR", "AT+CMEE?", "AT+COPS?", "AT+CMGF=0", "AT+CFUN=1,1",
                                   "ATE0", "AT+CGDCONT?", "AT+CIMI;+CSQ"]))
    def a_command(self, command: str) -> None:
        self.attempt(lambda: self.lab.modem.command(command))

    @rule(text=st.text("abc€", max_size=200))
    def a_text_is_sent(self, text: str) -> None:
        self.attempt(lambda: self.lab.modem.send_sms("000", text))

    @rule(text=st.text("abc€", max_size=200))
    def a_text_arrives(self, text: str) -> None:
        self.lab.send_sms(text)
        self.attempt(lambda: self.lab.modem.expect_sms(text, within="60s"))

    @rule(payload=st.binary(min_size=1, max_size=20))
    def datagrams_go_there_and_back(self, payload: bytes) -> None:
        def exchange() -> None:
            with self.lab.modem.udp_open(6969) as socket:
                socket.send(payload, to=GATEWAY)
                self.lab.send_ip(6969, payload)
                socket.expect(payload, within="30s")
        self.attempt(exchange)

    @rule()
    def facts_are_asked_for(self) -> None:
        self.attempt(self.lab.modem.signal)
        self.attempt(self.lab.modem.identity)
        self.attempt(lambda: self.lab.modem.registered(within="30s"))

    @rule()
    def an_unsolicited_code_is_awaited(self) -> None:
        self.attempt(lambda: self.lab.modem.expect_urc("+CEREG", within="5s"))

    @rule()
    def the_store_is_cleared(self) -> None:
        self.attempt(self.lab.modem.clear_sms)

    @rule()
    def the_modem_is_switched_off_and_on(self) -> None:
        self.attempt(lambda: self.lab.modem.power_cycle(within="60s"))

    @rule()
    def the_port_is_closed_and_opened(self) -> None:
        self.lab.modem.close()

    @rule(span=SPANS)
    def time_passes(self, span: str) -> None:
        self.lab.world.clock.sleep(span)

    def teardown(self) -> None:
        """The day is over: the plan is empty, and all is as it should be."""
        lab = self.lab
        lab.faults.clear()
        lab.world.clock.sleep("10min")
        lab.modem.power_cycle(within="5min")
        try:
            lab.modem.registered(within="5min")
        except TimeoutExpired:  # who was denied for good is asked for by hand
            lab.modem.command('AT+COPS=1,2,"310410"')
            lab.modem.registered(within="5min")
        lab.modem.clear_sms()
        lab.modem.send_sms("000", "the last word")
        lab.world.clock.sleep("30s")
        assert lab.cloud.texts[-1] == "the last word"
        lab.send_sms("good night")
        assert lab.modem.expect_sms("good night", within="1h").sender == "000"
        lab.close()


def test_no_plan_wedges_the_driver(make_lab: MakeLab) -> None:
    machine = type("Machine", (AnyDay,), {"make": staticmethod(make_lab)})
    run_state_machine_as_test(machine, settings=settings(
        max_examples=40, stateful_step_count=15, deadline=None,
        suppress_health_check=[HealthCheck.too_slow]))


HARMLESS: dict[str, dict[str, Any]] = {
    "brown-out": {"silence": "3s"}, "hang": {"span": "20s"}, "unplug": {"span": "15s"}, "hang-up": {},
    "slow-boot": {"by": "20s"}, "delay": {"by": "20s"}, "jitter": {"high": "3s"}, "split": {"size": 3},
    "blank-lines": {}, "no-echo": {}, "echo-loss": {}, "urc-first": {}, "urc-burst": {"text": "RING", "count": 30},
    "urc": {"text": "+CGEV: NW DETACH"}, "network-lost": {"span": "30s"}, "network-searching": {"span": "40s"},
    "sms-loss": {}, "sms-duplicate": {}, "sms-reorder": {}, "sms-redeliver": {}, "sms-delay": {"by": "30s"},
    "cms": {"number": 500}, "error": {}, "never": {}, "truncate": {"after": 9}, "duplicate": {},
}
"""Faults after which a text that the network delivered is in the store, or was read."""


@st.composite
def harmless(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(HARMLESS)))
    described = {"kind": kind, **HARMLESS[kind]}
    if KINDS[kind].mode is Mode.ACT or draw(st.booleans()):
        described.update(draw(st.sampled_from([
            {"on": "AT+CMGR"}, {"on": "AT+CMGD"}, {"on": "AT+CPMS"}, {"on": "/./", "nth": 3}, {"in": "2s"},
            {"on": "AT"}, {"on": "/./", "p": 0.2},
            {"urc": "+CMTI"} if kind in ("brown-out", "hang", "unplug", "hang-up") else {}])))
    return described


class NoTextIsLost(RuleBasedStateMachine):
    """Texts arrive while this and that goes wrong; the test reads them when it gets to it."""

    make: MakeLab

    lab: Lab

    @initialize(profile=st.sampled_from(profile_names()))
    def a_module(self, profile: str) -> None:
        self.sent: list[str] = []
        self.lab = self.make(profile=profile, dialect=None)
        self.lab.far.power_on()
        self.lab.modem.open(within="60s")
        self.lab.modem.registered()

    @rule(described=harmless())
    def something_goes_wrong(self, described: dict[str, Any]) -> None:
        self.lab.faults.set(described)

    @rule(length=st.sampled_from([1, 20, 200]))
    def a_text_arrives(self, length: int) -> None:
        text = f"{len(self.sent)}:" + "x" * length
        self.sent.append(text)
        self.lab.send_sms(text)

    @rule(span=st.sampled_from(["1s", "10s", "1min"]))
    def the_test_waits_for_one(self, span: str) -> None:
        modem = self.lab.modem
        try:
            if not modem.channel.is_open:
                modem.reopen(within="60s")
            modem.expect_sms("none such", within=span)
        except InternalError:
            raise
        except HarnessError:
            pass

    def teardown(self) -> None:
        lab = self.lab
        lab.faults.clear()
        lab.world.clock.sleep("1min")
        lab.modem.reopen(within="5min")
        for text in self.sent:
            assert lab.modem.expect_sms(text, within="24h").sender == "000"
        lab.close()


def test_no_text_is_lost(make_lab: MakeLab) -> None:
    machine = type("Machine", (NoTextIsLost,), {"make": staticmethod(make_lab)})
    run_state_machine_as_test(machine, settings=settings(
        max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]))
