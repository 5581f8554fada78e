"""Random operations on a cloud that is restarted in between leave the same as on one that never was."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from harness.errors import HarnessError
from harness.virtual.cloud import Cloud, Refused
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.persistence import Database, Keeper, inventory
from harness.virtual.cloud.persistence.codec import Codec
from harness.virtual.cloud.persistence.inventory import facts
from harness.virtual.network.seams import SmsWatcher
from harness.virtual.uplink import LogLine

if TYPE_CHECKING:
    from .conftest import Lab

SUPER, WIRELESS = "8988307000000000001", "8988307000000000002"
NOBODY = "http://127.0.0.1:9/closed"
SUPER_STATUS = st.sampled_from(["ready", "active", "inactive"])
WIRELESS_STATUS = st.sampled_from(["ready", "active", "suspended", "deactivated"])


def written(cloud: Cloud) -> dict[str, object]:
    """Return all that a cloud keeps, as text."""
    lists = {name: {key: Codec(shelved.kind).encode(shelved.kept.value(key)) for key in shelved.kept.kept_keys()}
             for name, shelved in inventory(cloud).items()}
    return {**lists, "following": {name: shelved.kept.following for name, shelved in inventory(cloud).items()},
            **{name: json.dumps(fact.read()) for name, fact in facts(cloud).items()}}


class Restarts(RuleBasedStateMachine):
    """``steady`` is never restarted; ``other`` is, and must stay its twin."""

    def __init__(self, make_lab: Callable[..., Lab]) -> None:
        super().__init__()
        self.make_lab = make_lab
        self.folder = Path(tempfile.mkdtemp(prefix="mvh-store-"))
        self.count = 0
        self.attempted: set[str] = set()

    @initialize()
    def make(self) -> None:
        self.steady, self.other = self.make_lab(), self.make_lab()
        self.keeper = Keeper(self.other.cloud, Database(self.folder))
        for lab in (self.steady, self.other):
            lab.cloud.add_sim(SUPER, status="new")
            lab.cloud.add_wireless_sim(WIRELESS, status="new", rate_plan=None)
            self.device = lab.cloud.add_device(logging=True)
            self.plan = lab.call("CreateRatePlan", api="wireless", UniqueName="all").sid

    def both(self, name: str, *keys: str, api: str = "supersim", **form: str) -> str:
        """Run an operation in both, and check that they say the same."""
        answers = []
        for lab in (self.steady, self.other):
            try:
                found = lab.call(name, *keys, api=api, **form)
                answers.append(getattr(found, "sid", ""))
            except Refused as refused:
                answers.append(f"{refused.code} {refused.message}")
        assert answers[0] == answers[1]
        return str(answers[0])

    # -- clients ------------------------------------------------------------------------------------------------------

    @rule(status=SUPER_STATUS, told=st.booleans())
    def update_sim(self, status: str, told: bool) -> None:
        fleet = self.steady.cloud.fleets.default_fleet().sid
        assert fleet == self.other.cloud.fleets.default_fleet().sid
        callback = {"CallbackUrl": NOBODY} if told else {}
        self.both("UpdateSim", self.steady.cloud.sim_sid(SUPER) or "", Status=status, Fleet=fleet, **callback)

    @rule(status=WIRELESS_STATUS)
    def update_wireless(self, status: str) -> None:
        self.both("UpdateSim", self.steady.cloud.sim_sid(WIRELESS) or "", api="wireless", Status=status,
                  RatePlan=self.plan)

    @rule()
    def text(self) -> None:
        self.count += 1
        self.both("CreateSmsCommand", Sim=self.steady.cloud.sim_sid(SUPER) or "", Payload=f"text {self.count:05}")

    @rule(include=st.sampled_from(["none", "start", "end"]), receipt=st.sampled_from(["true", "false"]))
    def command(self, include: str, receipt: str) -> None:
        self.count += 1
        self.both("CreateCommand", api="wireless", Sim=self.steady.cloud.sim_sid(WIRELESS) or "",
                  Command=f"command {self.count:05}", IncludeSid=include, DeliveryReceiptRequested=receipt)

    @rule(name=st.sampled_from(["a", "b", "c"]))
    def create_fleet(self, name: str) -> None:
        self.both("CreateFleet", UniqueName=name,
                  NetworkAccessProfile=self.steady.cloud.fleets.default_profile_sid)

    @rule(name=st.sampled_from(["a", "b", "c"]), limit=st.integers(1, 1_000))
    def update_fleet(self, name: str, limit: int) -> None:
        self.both("UpdateFleet", name, DataLimit=str(limit))

    @rule()
    def order_esim(self) -> None:
        self.both("CreateEsimProfile", GenerateMatchingId="true", CallbackUrl=NOBODY)

    @rule(key=st.sampled_from(["k1", "k2"]), value=st.text(min_size=1, max_size=20), secret=st.booleans())
    def set_item(self, key: str, value: str, secret: bool) -> None:
        for lab in (self.steady, self.other):
            store = lab.cloud.secrets if secret else lab.cloud.configs
            arguments = Arguments({"Key": key, "Value": value})
            if store.items.by("place", f"{self.device}/{key}") is None:
                try:
                    store.create(self.device, arguments)
                except Refused:
                    store.update(self.device, key, arguments)

    # -- devices and the rig ------------------------------------------------------------------------------------------

    def waiting(self, lab: Lab) -> dict[str, tuple[str, SmsWatcher]]:
        return {str(text): (iccid, progress) for iccid, text, progress in lab.ether.texts}

    @precondition(lambda self: bool(self.waiting(self.steady)))
    @rule(outcome=st.sampled_from(["attempted", "delivered", "failed"]))
    def progress(self, outcome: str) -> None:
        text = min(self.waiting(self.steady))
        for lab in (self.steady, self.other):
            progress = self.waiting(lab)[text][1]
            with lab.world.turn():
                if text not in self.attempted:
                    progress.attempted()
                if outcome == "delivered":
                    progress.delivered()
                elif outcome == "failed":
                    progress.failed(0)
            if outcome != "attempted":
                lab.ether.texts = [entry for entry in lab.ether.texts if entry[1] != text]
        self.attempted.add(text)

    @rule(iccid=st.sampled_from([SUPER, WIRELESS]), up=st.integers(0, 400_000))
    def use(self, iccid: str, up: int) -> None:
        for lab in (self.steady, self.other):
            lab.use(iccid, up=up, began=True, ended=True, up_packets=1)

    @rule(iccid=st.sampled_from([SUPER, WIRELESS]))
    def received(self, iccid: str) -> None:
        for lab in (self.steady, self.other):
            with lab.world.turn():
                lab.cloud.sms_received(iccid, "from a device")

    @rule(text=st.binary(max_size=30))
    def log(self, text: bytes) -> None:
        for lab in (self.steady, self.other):
            with lab.world.turn():
                lab.cloud.from_device(self.device, LogLine(origin="app", text=text, microseconds=1))

    @rule(code=st.sampled_from([83004, 33000, 83500]))
    def plan_failure(self, code: int) -> None:
        for lab in (self.steady, self.other):
            lab.cloud.rig.plan_failure(code)

    @rule(on=st.booleans())
    def maintenance(self, on: bool) -> None:
        for lab in (self.steady, self.other):
            lab.cloud.rig.set_operator_maintenance(on)

    # -- time and restarts --------------------------------------------------------------------------------------------

    @rule(duration=st.sampled_from(["1s", "30s", "7h", "40h", "800h"]))
    def wait(self, duration: str) -> None:
        for lab in (self.steady, self.other):
            lab.clock.sleep(duration)

    @rule()
    def restart(self) -> None:
        self.keeper.close()
        self.other.world.close()
        self.other = self.make_lab(start=self.other.world.now())
        self.keeper = Keeper(self.other.cloud, Database(self.folder))
        self.twins()

    def twins(self) -> None:
        other, steady = written(self.other.cloud), written(self.steady.cloud)
        assert [(name, value, steady[name]) for name, value in other.items() if value != steady[name]] == []

    def teardown(self) -> None:
        if hasattr(self, "other"):
            try:
                self.restart()  # what is in the store is what there was
            finally:
                self.keeper.close()
                for lab in (self.steady, self.other):
                    lab.world.close()
        shutil.rmtree(self.folder)


def test_restarts_leave_no_trace(make_lab: Callable[..., Lab]) -> None:
    run_state_machine_as_test(lambda: Restarts(make_lab),  # type: ignore[arg-type]
                              settings=settings(max_examples=15, stateful_step_count=30, deadline=None,
                                                suppress_health_check=list(HealthCheck),
                                                phases=[Phase.explicit, Phase.reuse, Phase.generate]))


def test_a_value_that_cannot_be_read_back_refuses_the_store(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    lab.cloud.add_sim(SUPER)
    Keeper(lab.cloud, Database(tmp_path)).close()
    database = Database(tmp_path)
    row = database.rows["sims"][0]
    database.begin()
    database.write([row._replace(body=row.body.replace('"active"', '"flying"'))], [])
    database.close()
    before = (tmp_path / "cloud.db").read_bytes()

    twin, database = make_lab(), Database(tmp_path)
    with pytest.raises(HarnessError, match=r"holds in row 0 of 'sims' what can't be read"):
        Keeper(twin.cloud, database)
    database.close()
    assert (tmp_path / "cloud.db").read_bytes() == before
