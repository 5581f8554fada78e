"""Updates from the cloud: the happy way, every way to fail, and power cuts at every flash operation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.formats.bundle import Bundle, BundleOptions, Manifest, create_bundle
from harness.virtual.board.core.interface import FLASH_BASE
from harness.virtual.board.flash import FlashStore, PowerCut
from harness.virtual.board.kernel.enums import MvNetworkReason, MvStatus
from harness.virtual.board.kernel.kernel import KernelSettings
from harness.virtual.board.kernel.update import CHUNK, PHASES, Phase, UpdateError
from harness.virtual.uplink import (
    AppReported,
    FetchLayer,
    FetchManifest,
    Hello,
    LayerChunk,
    LogLine,
    Restart,
    Target,
    ToCloud,
    UpdateFailed,
)
from harness.virtual.uplink import Manifest as ManifestMessage

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench

OLD, NEW, THIRD = "KA" + "1" * 32, "KA" + "2" * 32, "KA" + "3" * 32


@dataclass(slots=True)
class Cloud:
    """Answers what boards ask, from bundles; can be told to send something else."""

    bench: Bench
    target: str = NEW
    bundles: dict[str, Bundle] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    change_chunk: Callable[[LayerChunk], LayerChunk] = lambda chunk: chunk
    silent: bool = False
    heard: list[ToCloud] = field(default_factory=list)

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        self.heard.append(message)
        if self.silent:
            return
        match message:
            case Hello():
                self.bench.uplink.to_device(device_sid, Target(app_sid=self.target))
            case FetchManifest(app_sid=sid):
                data = self.manifests.get(sid, self.bundles[sid].manifest_bytes if sid in self.bundles else b"")
                self.bench.uplink.to_device(device_sid, ManifestMessage(app_sid=sid, data=data))
            case FetchLayer(app_sid=sid, digest=digest, offset=offset, size=size):
                content = self.bundles[sid].layer(digest) or b""
                chunk = LayerChunk(app_sid=sid, digest=digest, offset=offset, data=content[offset:offset + size],
                                   total=len(content))
                self.bench.uplink.to_device(device_sid, self.change_chunk(chunk))

    def of(self, kind: type[ToCloud]) -> list[ToCloud]:
        return [message for message in self.heard if isinstance(message, kind)]

    def log(self) -> list[bytes]:
        return [message.text for message in self.heard if isinstance(message, LogLine) and message.origin == "system"]


def image(seed: int, size: int = 20_000) -> bytes:
    """Return an image with a vector table and content that no other has."""
    body = b"".join(hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(-(-size // 32)))
    return (0x2008_0000).to_bytes(4, "little") + (FLASH_BASE + 0x401).to_bytes(4, "little") + body[8:size]


def attach(bench: Bench, **options: object) -> Cloud:
    cloud = Cloud(bench)
    cloud.bundles = {NEW: Bundle.read(create_bundle(image(2))), THIRD: Bundle.read(create_bundle(image(3)))}
    for name, value in options.items():
        setattr(cloud, name, value)
    bench.uplink.connect_cloud(cloud)
    return cloud


def flash(bench: Bench, size: int = 20_000) -> bytes:
    return bench.core.read_memory(FLASH_BASE, size)


def test_every_phase_can_be_left() -> None:
    assert set(PHASES) == set(Phase)
    assert all(PHASES.values())


def test_a_target_is_fetched_verified_installed_and_started(bench: Bench) -> None:
    cloud = attach(bench)
    bench.wait("10s")
    assert flash(bench) == image(2)
    assert cloud.of(AppReported) == [AppReported(app_sid=NEW)]
    out = bench.words(0)
    bench.call("mvGetWakeReason", out)
    assert bench.word(out) == 9
    assert cloud.log() == [b"INSTALLING_APP", b"STARTING_NEW_APP", b"COMPLETE"]
    sizes = [message.size for message in cloud.of(FetchLayer) if isinstance(message, FetchLayer)]
    assert sizes == [CHUNK, 20_000 - CHUNK]
    steps = [entry.event for entry in bench.world.journal.select(source="kernel") if entry.event.startswith("update")]
    assert steps == [
        "update_targeted", "update_manifest_received", "update_layer_received", "update_staged", "update_installed"]


def test_the_same_target_again_does_nothing(bench: Bench) -> None:
    cloud = attach(bench)
    bench.wait("10s")
    heard = len(cloud.heard)
    bench.tell(Target(app_sid=NEW))
    bench.wait("10s")
    assert len(cloud.heard) == heard


def test_the_same_target_while_it_is_under_way_does_nothing(bench: Bench) -> None:
    cloud = attach(bench)
    bench.wait("2120ms")
    bench.tell(Target(app_sid=NEW))
    bench.wait("10s")
    assert len(cloud.of(FetchManifest)) == 1
    assert len(cloud.of(AppReported)) == 1


def test_another_target_on_the_way_wins(bench: Bench) -> None:
    cloud = attach(bench)
    bench.wait("2250ms")
    assert bench.board.kernel.update.phase is Phase.LAYERS
    bench.tell(Target(app_sid=THIRD))
    bench.wait("10s")
    assert flash(bench) == image(3)
    assert cloud.of(AppReported) == [AppReported(app_sid=THIRD)]


def test_fetching_is_a_reason_to_be_connected(bench: Bench) -> None:
    attach(bench)
    bench.wait("2250ms")
    assert bench.reasons() & MvNetworkReason.FETCHINGUPDATE


def _corrupt(chunk: LayerChunk) -> LayerChunk:
    return replace(chunk, data=bytes([chunk.data[0] ^ 1]) + chunk.data[1:])


def _grown(chunk: LayerChunk) -> LayerChunk:
    return replace(chunk, total=chunk.total + (1 if chunk.offset else 0))


CHUNK_FAULTS = {"a flipped bit": (_corrupt, UpdateError.LAYER_INVALID), "a size that changes": (
    _grown, UpdateError.LAYER_INVALID), "nothing": (lambda chunk: replace(chunk, data=b""),
                                                    UpdateError.LAYER_UNAVAILABLE),
    "a layer larger than its region": (lambda chunk: replace(chunk, total=2 << 20), UpdateError.LAYER_INVALID)}


@pytest.mark.parametrize("fault", CHUNK_FAULTS)
def test_a_bad_layer_fails_and_the_old_application_keeps_running(bench: Bench, fault: str) -> None:
    change, code = CHUNK_FAULTS[fault]
    cloud = attach(bench, change_chunk=change)
    resets, before = bench.core.resets, flash(bench)
    bench.wait("20s")
    failure, = cloud.of(UpdateFailed)
    assert isinstance(failure, UpdateFailed)
    assert (failure.app_sid, failure.code) == (NEW, code)
    assert failure.reason
    assert bench.core.resets == resets
    assert flash(bench) == before
    assert bench.board.store.installed is not None
    assert bench.board.store.installed.app_sid == OLD
    bench.tell(Target(app_sid=NEW))
    bench.wait("20s")
    assert len(cloud.of(UpdateFailed)) == 1
    cloud.change_chunk = lambda chunk: chunk
    bench.tell(Target(app_sid=THIRD))
    bench.wait("20s")
    assert flash(bench) == image(3)


MANIFESTS = {
    "empty": (b"", UpdateError.MANIFEST_UNAVAILABLE), "no protobuf": (b"\xff\xff\xff", UpdateError.MANIFEST_INVALID),
    "too long": (bytes(20_000), UpdateError.MANIFEST_INVALID), "no layers": (b"\x12\x00", UpdateError.MANIFEST_INVALID),
    "a newer kernel": (Bundle.read(create_bundle(image(2), options=BundleOptions(
        minimum_kernel_version=99))).manifest_bytes, UpdateError.KERNEL_TOO_OLD),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_bad_manifest_fails(bench: Bench, kind: str) -> None:
    data, code = MANIFESTS[kind]
    cloud = attach(bench, manifests={NEW: data})
    bench.wait("20s")
    failure, = cloud.of(UpdateFailed)
    assert isinstance(failure, UpdateFailed)
    assert failure.code == code


def test_regions_outside_flash_fail(bench: Bench) -> None:
    manifest = Manifest.decode(Bundle.read(create_bundle(image(2))).manifest_bytes)
    layer = manifest.app.layers[0]
    assert layer.region is not None
    app = replace(manifest.app, layers=(replace(layer, region=replace(layer.region, start=4096)),))
    cloud = attach(bench, manifests={NEW: replace(manifest, app=app, body=app.encode()).encode()})
    bench.wait("20s")
    failure, = cloud.of(UpdateFailed)
    assert isinstance(failure, UpdateFailed)
    assert failure.code == UpdateError.MANIFEST_INVALID


def test_a_cloud_that_does_not_answer_is_asked_three_times(bench: Bench) -> None:
    cloud = attach(bench)
    bench.wait("2090ms")
    cloud.silent = True
    bench.wait("120s")
    assert len(cloud.of(FetchManifest)) == 3
    failure, = cloud.of(UpdateFailed)
    assert isinstance(failure, UpdateFailed)
    assert failure.code == UpdateError.NO_ANSWER


def test_a_lost_connection_is_resumed_where_it_broke(bench: Bench) -> None:
    cloud = attach(bench)
    bench.wait("2310ms")
    assert bench.board.kernel.update.phase is Phase.LAYERS
    bench.board.kernel.network.coverage = False
    bench.wait("60s")
    bench.board.kernel.network.coverage = True
    bench.wait("10s")
    assert flash(bench) == image(2)
    offsets = [message.offset for message in cloud.of(FetchLayer) if isinstance(message, FetchLayer)]
    assert offsets in ([0, CHUNK], [0, 0, CHUNK], [0, CHUNK, CHUNK])
    assert len(cloud.of(FetchManifest)) == 1


def test_a_polite_application_decides_when(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(app=False)
    polite = Bundle.read(create_bundle(image(1), options=BundleOptions(maximum_politeness_time_s=60)))
    bench.board.install(polite, OLD)
    attach(bench)
    centre, buffer = bench.centre()
    assert bench.call("mvOpenSystemNotification", bench.words(centre, 9, 1), bench.words(0)) is MvStatus.OKAY
    bench.wait("30s")
    assert (bench.word(buffer + 8), bench.word(buffer + 12)) == (5, 9)
    assert flash(bench) == image(1)
    assert bench.call("mvRestart", 0) is MvStatus.OKAY
    bench.wait("2s")
    assert flash(bench) == image(2)


def test_politeness_ends(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(app=False)
    bench.board.install(Bundle.read(create_bundle(image(1), options=BundleOptions(maximum_politeness_time_s=60))), OLD)
    attach(bench)
    bench.wait("60s")
    assert flash(bench) == image(1)
    bench.wait("10s")
    assert flash(bench) == image(2)


def test_a_blank_board_is_deployed_to(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(app=False)
    cloud = attach(bench)
    bench.wait("10s")
    assert flash(bench) == image(2)
    assert cloud.of(AppReported) == [AppReported(app_sid=NEW)]
    assert not bench.reasons() & MvNetworkReason.NOAPPLICATIONCODE


def test_a_remote_restart_has_wake_reason_2(bench: Bench) -> None:
    attach(bench, silent=True)
    bench.wait("3s")
    bench.tell(Restart())
    out = bench.words(0)
    bench.call("mvGetWakeReason", out)
    assert bench.word(out) == 2


def _operations(make_bench: Callable[..., Bench]) -> int:
    bench = make_bench()
    before = bench.board.store.power.operations
    attach(bench)
    bench.wait("10s")
    assert flash(bench) == image(2)
    return bench.board.store.power.operations - before


def test_a_power_cut_at_any_flash_operation_leaves_the_old_or_the_new_application(
        make_bench: Callable[..., Bench]) -> None:
    total = _operations(make_bench)
    assert total > 10
    outcomes = []
    for number in range(1, total + 1):
        bench = make_bench()
        store, old = bench.board.store, flash(bench)
        cloud = attach(bench)
        store.power.cut_at = store.power.operations + number
        bench.wait("10s")
        assert not bench.board.is_powered
        store.power.cut_at = None
        cloud.silent = True
        bench.board.power_on()
        outcomes.append({old: "old", image(2): "new"}[flash(bench)])
        cloud.silent = False
        bench.wait("12s")
        assert flash(bench) == image(2)
        assert AppReported(app_sid=NEW) in cloud.heard
    assert outcomes == sorted(outcomes, key=["old", "new"].index)
    assert {"old", "new"} == set(outcomes)


def test_a_second_power_cut_during_recovery_is_survived(make_bench: Callable[..., Bench]) -> None:
    total = _operations(make_bench)
    bench = make_bench()
    store = bench.board.store
    attach(bench)
    store.power.cut_at = store.power.operations + total - 2
    bench.wait("10s")
    assert not bench.board.is_powered
    store.power.cut_at = store.power.operations + 1
    with pytest.raises(PowerCut):
        bench.board.power_on()
    assert not bench.board.is_powered
    store.power.cut_at = None
    bench.board.power_on()
    assert flash(bench) == image(2)


def test_a_layer_that_was_staged_before_a_power_cut_is_not_fetched_again(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(app=False)
    cloud = attach(bench)
    bench.wait("2450ms")
    assert bench.board.kernel.update.phase is Phase.INSTALLING
    store = FlashStore()
    store.external = bench.board.store.external
    layer = bench.board.kernel.update._layers[0]
    assert store.is_staged(layer)
    assert cloud.of(FetchLayer)


def test_installing_directly_starts_the_image(bench: Bench) -> None:
    sid = bench.board.install(Bundle.read(create_bundle(image(4))))
    assert sid.startswith("KA")
    assert len(sid) == 34
    assert flash(bench) == image(4)
    assert bench.events("application_started")[-1] == {"app": sid, "reason": "applicationupdate"}


def test_a_board_that_is_on_is_not_switched_on_again(bench: Bench) -> None:
    with pytest.raises(UsageError, match="is on already"):
        bench.board.power_on()
    bench.board.power_off()
    with pytest.raises(UsageError, match="has no power"):
        bench.board.reset()


def test_the_kernel_version_is_a_setting(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(settings=KernelSettings(kernel_version=99))
    attach(bench, bundles={NEW: Bundle.read(create_bundle(image(2), options=BundleOptions(minimum_kernel_version=99)))})
    bench.wait("10s")
    assert flash(bench) == image(2)
