"""Whatever two ends do with a connection, and faults with it: octets keep their order, and an end is told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.virtual.faults import FaultPlan, Faults
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import CloseReason, TcpConnection
from tests.unit.network.conftest import new_stage

if TYPE_CHECKING:
    from tests.unit.network.conftest import FakeTerminal

KINDS = ("tcp-reset", "tcp-cut", "tcp-half-close", "tcp-stall", "tcp-delay")


class End:
    """One end, and what was sent and heard there; sends are numbered octets."""

    connection: TcpConnection

    def __init__(self) -> None:
        self.sent = self.heard = 0
        self.is_open = self.half_closed_ = False
        self.over: CloseReason | None = None

    def send(self, octets: int) -> None:
        taken = self.connection.send(bytes((self.sent + number) % 251 for number in range(octets)))
        assert 0 <= taken <= octets
        self.sent += taken

    def connected(self) -> None:
        assert self.over is None
        self.is_open = True

    def received(self, data: bytes) -> None:
        assert data
        assert self.over is None
        assert not self.half_closed_
        assert data == bytes((self.heard + number) % 251 for number in range(len(data)))
        self.heard += len(data)

    def half_closed(self) -> None:
        assert self.over is None
        assert not self.half_closed_
        self.half_closed_ = True

    def closed(self, reason: CloseReason) -> None:
        assert self.over is None
        self.over = reason


class FaultyDevice:
    """The terminal, as a plan of faults sees it."""

    name = "modem-1"

    def __init__(self, iccid: str) -> None:
        self.iccid = iccid

    def holds(self, condition: str) -> bool:
        return True

    def inject(self, fault: object) -> Callable[[], None] | None:
        return None

    def faults_changed(self) -> None: ...


class AnyConnection(RuleBasedStateMachine):
    """A device and a host with one connection."""

    @initialize(seed=st.integers(1, 5))
    def begin(self, seed: int) -> None:
        self.stage = new_stage(seed=seed, nat_tcp_timeout="10min")
        self.plan = FaultPlan(self.stage.world)
        self.faults = Faults(self.plan)
        self.stage.network.connect_faults(self.plan)
        internet = VirtualInternet(self.stage.world)
        internet.connect_devices(self.stage.network)
        self.stage.network.connect_internet(internet)
        self.terminal: FakeTerminal = self.stage.terminal()
        self.plan.connect_device(FaultyDevice(self.terminal.iccid))
        self.stage.network.activate(self.terminal, 1, "super", lambda session: None)
        self.stage.world.clock.sleep("1s")
        self.far = End()

        def accept(connection: TcpConnection) -> End:
            self.far.connection = connection
            self.far.is_open = True
            return self.far

        internet.add_host("host.example", address="203.0.113.7").on_tcp(80, accept)
        self.near = End()
        self.near.connection = self.stage.network.connect_tcp(self.terminal, 1, 50_000, ("203.0.113.7", 80), self.near)

    def end(self, near: bool) -> End | None:
        end = self.near if near else self.far
        return end if end.is_open else None

    @rule(near=st.booleans(), octets=st.integers(1, 90_000))
    def send(self, near: bool, octets: int) -> None:
        if (end := self.end(near)) is not None:
            with self.stage.world.turn():
                end.send(octets)

    @rule(near=st.booleans(), what=st.sampled_from(["pause", "resume", "resume", "half_close", "close", "abort"]),
          really=st.integers(0, 2))
    def act(self, near: bool, what: str, really: int) -> None:
        if (end := self.end(near)) is not None and (really == 0 or what in ("pause", "resume")):
            with self.stage.world.turn():
                getattr(end.connection, what)()

    @rule(span=st.sampled_from(["0s", "50ms", "100ms", "1s", "30s", "11min"]))
    def wait(self, span: str) -> None:
        self.stage.world.clock.sleep(span)

    @rule(kind=st.sampled_from(KINDS), after=st.integers(0, 120_000), direction=st.sampled_from(["up", "down", "both"]),
          chance=st.sampled_from([{}, {"sticky": True}, {"p": 0.3}]))
    def go_wrong(self, kind: str, after: int, direction: str, chance: dict[str, Any]) -> None:
        self.faults.set({"kind": kind, "direction": direction, **({"by": "3s"} if kind == "tcp-delay" else {
            "after": after}), **({"span": "20s"} if kind == "tcp-stall" and after % 2 else {}), **chance})

    @rule()
    def go_well(self) -> None:
        self.faults.clear()

    @precondition(lambda self: hasattr(self, "far"))
    @invariant()
    def nothing_comes_from_nowhere(self) -> None:
        assert self.far.heard <= self.near.sent
        assert self.near.heard <= self.far.sent
        assert 0 <= self.near.connection.unacknowledged <= 65_536

    def teardown(self) -> None:
        if not hasattr(self, "far"):
            return
        self.faults.clear()
        with self.stage.world.turn():
            for end in (self.near, self.far):
                if end.is_open:
                    end.connection.resume()
        self.stage.world.clock.sleep("20min")
        self.stage.network.end_sessions(self.terminal.iccid)
        self.stage.world.clock.sleep("1min")
        assert self.near.over is not None
        assert self.far.over is not None or not self.far.is_open
        assert repr(self.stage.network._gateway.path) == "DataPath(0 connections)"
        self.nothing_comes_from_nowhere()


TestAnyConnection = AnyConnection.TestCase
TestAnyConnection.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
