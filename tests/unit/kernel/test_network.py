"""The connection: its states, its reasons, and what the application is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.kernel.enums import MvNetworkReason, MvNetworkStatus, MvStatus
from harness.virtual.board.kernel.network import TRANSITIONS, Policy
from harness.virtual.uplink import Hello, ServerTime

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(MvNetworkStatus)


def test_the_kernel_connects_by_itself_and_says_hello(bench: Bench) -> None:
    bench.wait("1999ms")
    assert not bench.uplink.is_online(bench.board.device_sid)
    bench.wait("100ms")
    assert bench.cloud.of(Hello) == [Hello(app_sid="KA" + "1" * 32, wake_reason=0)]
    assert bench.reasons() == MvNetworkReason.NEVERUSEDNETWORKAPI | MvNetworkReason.RTCNOTSET
    bench.tell(ServerTime(unix_microseconds=1))
    assert bench.reasons() == MvNetworkReason.NEVERUSEDNETWORKAPI


def test_a_board_without_application_stays_connected(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(app=False)
    bench.wait("3s")
    assert bench.uplink.is_online(bench.board.device_sid)
    assert bench.reasons() & MvNetworkReason.NOAPPLICATIONCODE


def test_status_needs_a_handle(bench: Bench) -> None:
    assert bench.call("mvGetNetworkStatus", 0, bench.words(0)) is MvStatus.INVALIDHANDLE


def test_the_application_is_told_of_changes_only(bench: Bench) -> None:
    centre, buffer = bench.centre()
    handle = bench.network(centre, tag=7)
    assert bench.status(handle) == MvNetworkStatus.CONNECTING
    bench.wait("3s")
    assert bench.status(handle) == MvNetworkStatus.CONNECTED
    assert bench.core.pended == [51]
    assert bench.word(buffer + 8) == 1
    assert bench.word(buffer + 12) == 7
    bench.network(centre, tag=8)  # connected already: no event
    bench.wait("3s")
    assert bench.core.pended == [51]


def test_requests_are_counted_and_the_last_release_goes_offline(bench: Bench) -> None:
    first, second = bench.network(), bench.network()
    bench.wait("3s")
    bench.tell(ServerTime(unix_microseconds=1))
    out = bench.words(0, 0)
    assert bench.call("mvGetNetworkReasons", out, out + 4) is MvStatus.OKAY
    assert (bench.word(out), bench.word(out + 4)) == (MvNetworkReason.USINGNETWORK, 2)
    where = bench.words(first)
    assert bench.call("mvReleaseNetwork", where) is MvStatus.OKAY
    assert bench.word(where) == 0
    assert bench.status(second) == MvNetworkStatus.CONNECTED
    assert bench.call("mvReleaseNetwork", bench.words(second)) is MvStatus.OKAY
    assert not bench.uplink.is_online(bench.board.device_sid)
    assert bench.call("mvReleaseNetwork", bench.words(second)) is MvStatus.INVALIDHANDLE
    assert bench.reasons() == MvNetworkReason.NOTCONNECTING


def test_bad_requests_are_refused(bench: Bench) -> None:
    assert bench.call("mvRequestNetwork", bench.words(2, 0, 0),
                      bench.words(0)) is MvStatus.UNSUPPORTEDSTRUCTUREVERSION
    assert bench.call("mvRequestNetwork", bench.words(1, 0x1234, 0), bench.words(0)) is MvStatus.PARAMETERFAULT
    for _ in range(16):
        bench.network()
    assert bench.call("mvRequestNetwork", bench.words(1, 0, 0), bench.words(0)) is MvStatus.PARAMETERFAULT


def test_loss_of_coverage_and_of_the_cloud(bench: Bench) -> None:
    handle = bench.network()
    network = bench.board.kernel.network
    bench.wait("3s")
    network.coverage = False
    assert bench.status(handle) == MvNetworkStatus.CONNECTING
    bench.wait("10s")
    assert bench.status(handle) == MvNetworkStatus.CONNECTING
    network.coverage = True
    bench.wait("3s")
    network.cloud_reachable = False
    assert bench.status(handle) == MvNetworkStatus.DISCONNECTEDWITHLINKUP
    assert not bench.uplink.is_online(bench.board.device_sid)
    network.cloud_reachable = True
    bench.wait("3s")
    assert bench.status(handle) == MvNetworkStatus.CONNECTED
    assert len(bench.cloud.of(Hello)) == 3


def test_a_policy_with_check_ins_shows_itself_and_leaves(bench: Bench) -> None:
    network = bench.board.kernel.network
    network.policy = Policy(grace_seconds=2, check_in_seconds=60)
    handle = bench.network()
    bench.wait("3s")
    bench.tell(ServerTime(unix_microseconds=1))
    assert bench.call("mvReleaseNetwork", bench.words(handle)) is MvStatus.OKAY
    bench.wait("1s")
    assert network.is_connected
    bench.wait("2s")
    assert not network.is_connected
    bench.wait("63s")
    assert network.is_connected
    assert bench.reasons() == MvNetworkReason.MINIMUMCHECKINEXPIRED
    bench.wait("10s")
    assert not network.is_connected


def test_a_policy_of_zero_stays_connected(bench: Bench) -> None:
    network = bench.board.kernel.network
    network.policy = Policy(check_in_seconds=0)
    handle = bench.network()
    bench.wait("3s")
    bench.call("mvReleaseNetwork", bench.words(handle))
    bench.wait("100s")
    assert network.is_connected


@pytest.mark.parametrize(("source", "status"), [(0, MvStatus.OKAY), (1, MvStatus.OKAY), (2, MvStatus.INVALIDHANDLE)])
def test_system_notifications_by_source(bench: Bench, source: int, status: MvStatus) -> None:
    centre, _ = bench.centre()
    assert bench.call("mvOpenSystemNotification", bench.words(centre, 5, source), bench.words(0)) is status


def test_system_notifications_tell_of_the_network(bench: Bench) -> None:
    centre, buffer = bench.centre()
    out = bench.words(0)
    assert bench.call("mvOpenSystemNotification", bench.words(centre ^ 1, 5, 0), out) is MvStatus.INVALIDHANDLE
    assert bench.call("mvOpenSystemNotification", bench.words(centre, 5, 0), out) is MvStatus.OKAY
    bench.wait("3s")
    assert (bench.word(buffer + 8), bench.word(buffer + 12)) == (1, 5)
    assert bench.call("mvCloseSystemNotification", out) is MvStatus.OKAY
    assert bench.word(out) == 0
    assert bench.call("mvCloseSystemNotification", out) is MvStatus.INVALIDHANDLE
    bench.core.exception = 20
    assert bench.call("mvOpenSystemNotification", bench.words(centre, 5, 0), out) is MvStatus.UNAVAILABLE


def test_a_restart_takes_the_handles_along(bench: Bench) -> None:
    handle = bench.network()
    bench.call("mvRestart", 0)
    assert bench.call("mvGetNetworkStatus", handle, bench.words(0)) is MvStatus.INVALIDHANDLE
    assert bench.reasons() & MvNetworkReason.NEVERUSEDNETWORKAPI
