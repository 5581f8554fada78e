"""Replacing the application: from the cloud's target to the new one running, or the old one untouched.

The manifest is fetched, then every layer in chunks into the staging area of external flash. Nothing of the running
application changes before all hashes hold and the staged copy is committed. The same target again does nothing, whether
it is installed, on its way or has failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import Enum, IntEnum, auto
from typing import Protocol

from harness.errors import BundleError
from harness.formats.bundle import AppBody, Bundle, LayerReference, Manifest, Memory, write_archive
from harness.virtual.board.core.interface import FLASH_SIZE
from harness.virtual.board.flash import USER_SIZE, Application, FlashStore, StagedLayer
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.uplink import AppReported, FetchLayer, FetchManifest, LayerChunk, UpdateFailed
from harness.virtual.uplink import Manifest as ManifestMessage
from harness.virtual.world import Event

CHUNK = 16 << 10
"""Bytes of a layer that are asked for at a time."""

ANSWER_TIMEOUT = "30s"
MAX_ATTEMPTS = 3
MAX_MANIFEST = 16 << 10
MAX_LAYERS = 32
INSTALL_TIME = "500ms"
"""How long the device is busy with its flash before the new application starts."""


class UpdateError(IntEnum):
    """Why an update failed: the ``update_error_code`` the cloud shows. The vendor's numbers are not public."""

    NO_ANSWER = 1
    MANIFEST_UNAVAILABLE = 2
    MANIFEST_INVALID = 3
    LAYER_UNAVAILABLE = 4
    LAYER_INVALID = 5
    NO_ROOM = 6
    KERNEL_TOO_OLD = 7


class Phase(Enum):
    """Where an update stands."""

    IDLE = auto()
    MANIFEST = auto()
    LAYERS = auto()
    STAGED = auto()
    INSTALLING = auto()
    FAILED = auto()


PHASES: dict[Phase, frozenset[Phase]] = {
    Phase.IDLE: frozenset({Phase.MANIFEST}),
    Phase.MANIFEST: frozenset({Phase.LAYERS, Phase.FAILED, Phase.IDLE}),
    Phase.LAYERS: frozenset({Phase.STAGED, Phase.FAILED, Phase.IDLE}),
    Phase.STAGED: frozenset({Phase.INSTALLING, Phase.IDLE}),
    Phase.INSTALLING: frozenset({Phase.IDLE}),
    Phase.FAILED: frozenset({Phase.IDLE}),
}
"""From each phase, those that may follow. Another target goes through IDLE."""


class _Failure(Exception):
    def __init__(self, code: UpdateError, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Surroundings(Protocol):
    """What an update asks of the rest of the kernel."""

    def is_online(self) -> bool: ...

    def politeness_seconds(self) -> int:
        """Return for how long the running application may put the installation off; 0 if not at all."""

    def update_downloaded(self) -> None:
        """Tell the application that an update is ready."""

    def update_phase_changed(self) -> None:
        """The reasons to be connected may have changed."""

    def system_log(self, text: str) -> None:
        """Write a line into the device's log stream."""

    def stop_application(self) -> None:
        """Let the application execute no more: its flash is about to change."""

    def start_installed(self) -> None:
        """Start the application that was just installed."""


class Updater:
    """The update machine of one board.

    Args:
        kernel_version: what a bundle's minimum kernel version is compared with.
    """

    def __init__(self, host: KernelHost, store: FlashStore, surroundings: Surroundings, *, kernel_version: int) -> None:
        self._host = host
        self._store = store
        self._surroundings = surroundings
        self._kernel_version = kernel_version
        self._target = ""
        self._manifest = b""
        self._layers: tuple[StagedLayer, ...] = ()
        self._body: AppBody | None = None
        self._index = 0
        self._position = 0
        self._attempts = 0
        self._timer: Event | None = None
        self._report = ""
        self.phase = Phase.IDLE

    def __repr__(self) -> str:
        return f"Updater({self.phase.name}, target={self._target or None})"

    @property
    def is_fetching(self) -> bool:
        """Whether something is still to be fetched from the cloud."""
        return self.phase in (Phase.MANIFEST, Phase.LAYERS)

    def report(self, app_sid: str) -> None:
        """Tell the cloud that this application was installed and runs, as soon as there is a connection."""
        self._report = app_sid
        self._send_report()

    # -- what the cloud says ------------------------------------------------------------------------------------------

    def target(self, app_sid: str) -> None:
        """Take the application that this device shall run."""
        if self.phase is Phase.INSTALLING or (app_sid == self._target and self.phase is not Phase.IDLE):
            return
        self._cancel_timer()
        self._store.discard_pending()
        self._move(Phase.IDLE)
        installed = self._store.installed
        if installed is not None and installed.app_sid == app_sid:
            return
        self._target = app_sid
        self._host.record("update_targeted", app=app_sid)
        self._move(Phase.MANIFEST)
        self._attempts = 0
        self._ask()

    def manifest(self, message: ManifestMessage) -> None:
        """Take a manifest; one that was not asked for is passed over."""
        if self.phase is Phase.MANIFEST and message.app_sid == self._target:
            self._attempt(lambda: self._take_manifest(message.data))

    def chunk(self, message: LayerChunk) -> None:
        """Take part of a layer; one that was not asked for is passed over."""
        if self.phase is not Phase.LAYERS or message.app_sid != self._target:
            return
        layer = self._layers[self._index]
        if message.digest == layer.digest and message.offset == self._position:
            self._attempt(lambda: self._take_chunk(layer, message))

    def connected(self) -> None:
        """The cloud can be reached: ask for what was not answered."""
        self._send_report()
        if self.is_fetching:
            self._attempts = 0
            self._ask()

    def disconnected(self) -> None:
        """The cloud can't be reached: wait, and keep what was fetched."""
        if self.is_fetching:
            self._cancel_timer()

    def apply(self) -> bool:
        """Install what is staged; return False if nothing is."""
        if self.phase is not Phase.STAGED:
            return False
        self._cancel_timer()
        self._move(Phase.INSTALLING)
        self._surroundings.system_log("INSTALLING_APP")
        self._surroundings.stop_application()
        self._host.call_later(INSTALL_TIME, self._install, "update install")
        return True

    # -- inside -------------------------------------------------------------------------------------------------------

    def _move(self, phase: Phase) -> None:
        if phase is not self.phase:
            if phase not in PHASES[self.phase]:
                raise AssertionError(f"{self.phase} is not followed by {phase}")
            self.phase = phase
            self._surroundings.update_phase_changed()

    def _attempt(self, step: Callable[[], None]) -> None:
        self._cancel_timer()
        self._attempts = 0
        try:
            step()
        except _Failure as failure:
            self._fail(failure.code, failure.reason)

    def _fail(self, code: UpdateError, reason: str) -> None:
        self._cancel_timer()
        self._host.record("update_failed", app=self._target, code=int(code), reason=reason)
        self._surroundings.system_log(f"UPDATE_FAILED {int(code)}: {reason}")
        if self._surroundings.is_online():
            self._host.send(UpdateFailed(app_sid=self._target, code=int(code), reason=reason))
        self._move(Phase.FAILED)

    def _ask(self) -> None:
        self._cancel_timer()
        if not self._surroundings.is_online():
            return
        if self.phase is Phase.MANIFEST:
            self._host.send(FetchManifest(app_sid=self._target))
        else:
            layer = self._layers[self._index]
            self._host.send(FetchLayer(app_sid=self._target, digest=layer.digest, offset=self._position,
                                       size=min(CHUNK, layer.size - self._position) if layer.size else CHUNK))
        self._attempts += 1
        self._timer = self._host.call_later(ANSWER_TIMEOUT, self._unanswered, "update answer timeout")

    def _unanswered(self) -> None:
        self._timer = None
        if self._attempts < MAX_ATTEMPTS:
            self._ask()
        else:
            what = "the manifest" if self.phase is Phase.MANIFEST else f"layer {self._layers[self._index].digest}"
            self._fail(UpdateError.NO_ANSWER, f"the cloud did not answer {MAX_ATTEMPTS} requests for {what}")

    def _take_manifest(self, data: bytes) -> None:
        if not data:
            raise _Failure(UpdateError.MANIFEST_UNAVAILABLE, f"the cloud has no application {self._target}")
        if len(data) > MAX_MANIFEST:
            raise _Failure(UpdateError.MANIFEST_INVALID,
                           f"the manifest has {len(data)} bytes; at most {MAX_MANIFEST} are taken")
        try:
            body = Manifest.decode(data).app
        except BundleError as error:
            raise _Failure(UpdateError.MANIFEST_INVALID, str(error)) from error
        if not 0 < len(body.layers) <= MAX_LAYERS:
            raise _Failure(UpdateError.MANIFEST_INVALID,
                           f"the manifest names {len(body.layers)} layers; 1 to {MAX_LAYERS} can be installed")
        if body.update is not None and body.update.minimum_kernel_version > self._kernel_version:
            raise _Failure(UpdateError.KERNEL_TOO_OLD, f"the application needs kernel version "
                           f"{body.update.minimum_kernel_version}, this is {self._kernel_version}")
        for number, layer in enumerate(body.layers):
            _check_region(number, layer)
        self._host.record("update_manifest_received", app=self._target, layers=len(body.layers), size=len(data))
        self._manifest, self._body, self._layers = data, body, ()
        self._index = self._position = 0
        self._move(Phase.LAYERS)
        self._layers = (self._provisional(0),)
        self._ask()

    def _provisional(self, index: int) -> StagedLayer:
        """Return layer ``index`` with size 0: how long it is, the first chunk tells."""
        assert self._body is not None
        reference = self._body.layers[index]
        assert reference.region is not None
        return StagedLayer(digest=reference.fetch_hash.hex(), start=reference.region.start, offset=0, size=0,
                           internal=reference.region.memory is Memory.INTERNAL_FLASH)

    def _take_chunk(self, layer: StagedLayer, message: LayerChunk) -> None:
        assert self._body is not None
        what = f"layer {layer.digest}"
        if not message.data:
            raise _Failure(UpdateError.LAYER_UNAVAILABLE, f"the cloud does not have {what}")
        if layer.size == 0:
            layer = self._size(layer, message.total)
            if self._store.is_staged(layer):  # from before a power cut
                self._layer_complete(layer)
                return
        if message.total != layer.size or self._position + len(message.data) > layer.size:
            raise _Failure(UpdateError.LAYER_INVALID, f"{what} has {layer.size} bytes, but the cloud sends more")
        self._store.stage(layer, self._position, message.data)
        self._position += len(message.data)
        if self._position < layer.size:
            self._ask()
            return
        digest = hashlib.sha256(self._store.staged(layer)).hexdigest()
        if digest != layer.digest:
            raise _Failure(UpdateError.LAYER_INVALID, f"{what} has the SHA-256 {digest}")
        self._layer_complete(layer)

    def _size(self, layer: StagedLayer, total: int) -> StagedLayer:
        assert self._body is not None
        region = self._body.layers[self._index].region
        assert region is not None
        if not 0 < total <= region.size:
            raise _Failure(UpdateError.LAYER_INVALID,
                           f"layer {layer.digest} has {total} bytes; its region has {region.size}")
        planned = self._store.plan([(known.digest, known.internal, known.start, known.size)
                                    for known in self._layers[:-1]]
                                   + [(layer.digest, layer.internal, layer.start, total)])
        if planned is None:
            raise _Failure(UpdateError.NO_ROOM, f"layer {layer.digest} of {total} bytes has no room in staging")
        self._layers = planned
        return planned[-1]

    def _layer_complete(self, layer: StagedLayer) -> None:
        assert self._body is not None
        self._host.record("update_layer_received", app=self._target, digest=layer.digest, size=layer.size)
        self._index += 1
        self._position = 0
        if self._index < len(self._body.layers):
            self._layers += (self._provisional(self._index),)
            self._ask()
            return
        contents = {staged.digest: self._store.staged(staged) for staged in self._layers}
        try:
            Bundle.read(write_archive({"manifest": self._manifest, **contents}))
        except BundleError as error:
            raise _Failure(UpdateError.LAYER_INVALID, str(error)) from error
        self._store.commit(Application(app_sid=self._target, manifest=self._manifest, layers=self._layers))
        self._move(Phase.STAGED)
        self._host.record("update_staged", app=self._target)
        seconds = self._surroundings.politeness_seconds()
        self._surroundings.update_downloaded()
        if seconds:
            self._timer = self._host.call_later(seconds, self._patience_over, "update politeness")
        else:
            self.apply()

    def _patience_over(self) -> None:
        self._timer = None
        self.apply()

    def _install(self) -> None:
        application = self._store.install_pending()
        self._host.record("update_installed", app=application.app_sid, operations=self._store.power.operations)
        self._move(Phase.IDLE)
        self._surroundings.system_log("STARTING_NEW_APP")
        self._surroundings.start_installed()
        self._surroundings.system_log("COMPLETE")
        self.report(application.app_sid)

    def _send_report(self) -> None:
        if self._report and self._surroundings.is_online():
            self._host.send(AppReported(app_sid=self._report))
            self._host.record("app_reported", app=self._report)
            self._report = ""

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _check_region(number: int, layer: LayerReference) -> None:
    region = layer.region
    if region is None:
        raise _Failure(UpdateError.MANIFEST_INVALID, f"layer {number} has no target region")
    limit = FLASH_SIZE if region.memory is Memory.INTERNAL_FLASH else USER_SIZE
    if region.size < 1 or region.end > limit:
        raise _Failure(UpdateError.MANIFEST_INVALID, f"layer {number} goes to {region}, outside 0x{limit:x} bytes")
    if layer.encrypted_with_key_id:
        raise _Failure(UpdateError.MANIFEST_INVALID,
                       f"layer {number} is encrypted with key {layer.encrypted_with_key_id:016x}, not known here")
