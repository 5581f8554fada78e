"""Sims of both products under any sequence of updates, time, Commands, data: only moves of the tables happen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from harness.virtual.cloud import Cloud
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.machines import SIM, WIRELESS_SIM, By, SimStatus, WirelessStatus
from harness.virtual.cloud.parameters import parse_arguments
from harness.virtual.cloud.refusals import CATALOGUE, Refused
from harness.virtual.cloud.supersim_api import OPERATIONS as SUPERSIM
from harness.virtual.cloud.wireless_api import OPERATIONS as WIRELESS
from harness.virtual.network.seams import AccessTechnology, Cell, DataUsage, SmsWatcher
from harness.virtual.uplink import Uplink
from harness.virtual.world import World

SUPER, OTHER = "8988307000000000001", "8988306000000000001"
CELL = Cell(plmn="310410", operator="AT&T", operator_short="AT&T", act=AccessTechnology.E_UTRAN, tac=1, ci=2,
            rssi_dbm=-70)
WAITS = st.sampled_from(["1s", "2s", "1min", "24h", "71h", "720h", "1500h", "2300h"])
PARAMS = {operation.name + operation.api: operation.params for operation in (*SUPERSIM, *WIRELESS)}


class Void:
    def subscription_changed(self, iccid: str) -> None: ...

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None: ...

    def withdraw_sms(self) -> None: ...

    def send_ip(self, iccid: str, port: int, payload: bytes, done: object) -> None: ...


class Sims(RuleBasedStateMachine):
    @initialize(status=st.sampled_from(["new", "ready", "active", "inactive"]),
                wireless=st.sampled_from(["new", "ready", "active", "suspended", "deactivated", "canceled"]))
    def begin(self, status: str, wireless: str) -> None:
        self.world = World(seed=1)
        self.cloud = Cloud(self.world, messaging=Void(), uplink=Uplink(self.world))
        self.cloud.add_sim(SUPER, status=status, unique_name="one")
        self.cloud.add_wireless_sim(OTHER, status=wireless, unique_name="one")
        self.moves: list[tuple[str, str]] = []
        self.seen: tuple[Any, Any] = (self.sim.effective, self.wireless.effective)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()

    @property
    def sim(self) -> Any:
        return self.cloud.sims.sim("one")

    @property
    def wireless(self) -> Any:
        return self.cloud.wireless_sims.sim("one")

    def post(self, api: str, form: dict[str, str]) -> None:
        before = (self.sim.revision, self.wireless.revision)
        try:
            arguments, _ = parse_arguments(PARAMS["UpdateSim" + api], list(form.items()))
            with self.world.turn():
                (self.cloud.sims if api == "supersim" else self.cloud.wireless_sims).update("one", arguments)
        except Refused as refused:
            assert refused.code in CATALOGUE  # noqa: PT017 - either outcome is right
            assert before == (self.sim.revision, self.wireless.revision)

    @rule(status=st.sampled_from(["ready", "active", "inactive"]), fleet=st.sampled_from(["default", "", None]))
    def update_super_sim(self, status: str, fleet: str | None) -> None:
        self.cloud.fleets.default_fleet()
        self.post("supersim", {"Status": status} | ({} if fleet is None else {"Fleet": fleet}))

    @rule(fleet=st.sampled_from(["default", ""]))
    def change_fleet(self, fleet: str) -> None:
        self.cloud.fleets.default_fleet()
        self.post("supersim", {"Fleet": fleet})

    @rule(status=st.sampled_from(list(WirelessStatus)), plan=st.sampled_from(["default", "", None]))
    def update_wireless_sim(self, status: str, plan: str | None) -> None:
        self.cloud.rate_plans.default()
        self.post("wireless", {"Status": status} | ({} if plan is None else {"RatePlan": plan}))

    @rule()
    def reset_wireless_sim(self) -> None:
        self.post("wireless", {"ResetStatus": "resetting"})

    @rule(on=st.booleans())
    def maintain(self, on: bool) -> None:
        self.cloud.rig.set_operator_maintenance(on)

    @rule(code=st.sampled_from([83004, 33000]))
    def plan_failure(self, code: int) -> None:
        self.cloud.rig.plan_failure(code)

    @rule(wait=WAITS)
    def wait(self, wait: str) -> None:
        self.world.clock.sleep(wait)

    @rule(count=st.integers(1, 5))
    def send(self, count: int) -> None:
        with self.world.turn():
            for _ in range(count):
                self.cloud.sms_received(SUPER, "hi")
                self.cloud.sms_received(OTHER, "hi")

    @rule(kilobytes=st.integers(1, 300))
    def use_data(self, kilobytes: int) -> None:
        with self.world.turn():
            for number, iccid in enumerate((SUPER, OTHER)):
                self.cloud.data_usage(DataUsage(iccid=iccid, imsi="", imei="", session_id=number, apn="super",
                                                ip="100.64.0.2", cell=CELL, up=kilobytes * 1_000))

    @invariant()
    def only_moves_of_the_tables_happen(self) -> None:
        if not hasattr(self, "cloud"):
            return
        now = (self.sim.effective, self.wireless.effective)
        for machine, old, new in ((SIM, self.seen[0], now[0]), (WIRELESS_SIM, self.seen[1], now[1])):
            assert old == new or _reachable(machine, old, new), (machine, old, new)
        self.seen = now

    @invariant()
    def deadlines_fit_the_status(self) -> None:
        if not hasattr(self, "cloud"):
            return
        agenda, sim, wireless = self.cloud.account.agenda, self.sim, self.wireless
        assert (sim.status is SimStatus.SCHEDULED) == (agenda.instant(Due.SIM_UPDATE, sim.sid) is not None)
        assert (sim.effective is SimStatus.READY) == (agenda.instant(Due.SIM_TRIAL, sim.sid) is not None)
        assert sim.effective not in (SimStatus.READY, SimStatus.ACTIVE) or sim.fleet_sid is not None
        assert (sim.before is None) == (sim.update is None) == (sim.status is not SimStatus.SCHEDULED)
        assert (wireless.status is WirelessStatus.UPDATING) == (
            agenda.instant(Due.WIRELESS_UPDATE, wireless.sid) is not None)
        assert (wireless.effective is WirelessStatus.READY) == (
            agenda.instant(Due.WIRELESS_TRIAL, wireless.sid) is not None)
        if wireless.status is WirelessStatus.DEACTIVATED:
            assert agenda.instant(Due.WIRELESS_CANCEL, wireless.sid) is not None
        assert not wireless.usable or wireless.rate_plan_sid is not None

    @invariant()
    def indexes_are_true(self) -> None:
        if not hasattr(self, "cloud"):
            return
        assert self.cloud.sims.sims.count({"status": self.sim.status}) == 1
        assert self.cloud.wireless_sims.sims.count({"status": self.wireless.status}) == 1

    @invariant()
    def billing_periods_follow_each_other(self) -> None:
        if not hasattr(self, "cloud"):
            return
        with self.world.turn():
            self.cloud.sims.billing.settle(self.sim)
        periods = self.cloud.sims.billing.periods.page({"sim_sid": self.sim.sid}, size=1_000).records[::-1]
        for earlier, later in pairwise(periods):
            assert earlier.start_time <= earlier.end_time <= later.start_time
        if self.sim.usable:
            assert periods
            assert periods[-1].start_time <= self.cloud.now() < periods[-1].end_time


def _reachable(machine: Any, old: Any, new: Any) -> bool:
    """Tell whether moves of a table lead from one state to another: several may happen in one long wait."""
    reached, left = [old], [old]
    while left:
        state = left.pop()
        for move in machine.moves:
            if move.source is state and move.target not in reached and (move.by is By.SYSTEM or state is old):
                reached.append(move.target)
                left.append(move.target)
    return new in reached


TestSims = Sims.TestCase
TestSims.settings = settings(max_examples=60, stateful_step_count=30, deadline=None,
                             suppress_health_check=[HealthCheck.too_slow])
