"""The board's flash chips, and how an application gets into them so that a power cut never leaves none.

Theory of operation. A new application is first *staged* in external flash, layer by layer. When all of it was verified,
one record is written that says so: the commit point. Only then is internal flash erased and programmed, page by page
from the staged copy, and a second record says that it is done. There are two record slots, written in turn, each with a
hash over its content: a torn record does not count, and the older one does. At power-on a record that still has
something pending leads to the same installation again, from its beginning. So every cut leaves the old application, or
the new one as soon as the board starts.

Everything that changes a chip goes through :class:`NorFlash`, which counts operations and can cut the power in the
middle of any of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.errors import HarnessError, InternalError, UsageError
from harness.virtual.board.core.interface import FLASH_SIZE

PAGE = 8192
"""Erase unit of internal flash in bytes (RM0456, embedded flash memory)."""

SECTOR = 4096
"""Erase unit of external flash in bytes."""

EXTERNAL_SIZE = 8 << 20
RECORD_SIZE = 64 << 10
STAGING_BASE, STAGING_SIZE = 2 * RECORD_SIZE, 2 << 20
USER_BASE = STAGING_BASE + STAGING_SIZE
"""Where the part of external flash begins that belongs to the application."""

USER_SIZE = EXTERNAL_SIZE - USER_BASE

_MAGIC = b"MVHR"


class PowerCut(HarnessError):
    """The power went off in the middle of a flash operation. The board is dead until it is switched on again."""


class Power:
    """What all chips of one board share: a count of operations, and the power that may fail during one of them."""

    def __init__(self) -> None:
        self.operations = 0
        """Erase and write operations that were begun."""
        self.cut_at: int | None = None
        """Number of the operation (from 1) during which the power fails; None for never."""
        self.is_on = True

    def __repr__(self) -> str:
        return f"Power(operations={self.operations}, cut_at={self.cut_at}, is_on={self.is_on})"

    def begin(self) -> bool:
        """Count an operation; return whether the power fails in its middle."""
        if not self.is_on:
            raise PowerCut("the board has no power")
        self.operations += 1
        return self.cut_at is not None and self.operations >= self.cut_at

    def fail(self) -> PowerCut:
        """Switch off; return the error to raise."""
        self.is_on = False
        return PowerCut(f"power cut during flash operation {self.operations}")


class NorFlash:
    """A NOR flash chip: erasing sets a whole unit to ones, writing only clears bits.

    Args:
        size: bytes.
        unit: bytes erased at a time.

    Only units that were written take memory.
    """

    def __init__(self, size: int, unit: int, power: Power) -> None:
        self.size = size
        self.unit = unit
        self._power = power
        self._units: dict[int, bytearray] = {}

    def __repr__(self) -> str:
        return f"NorFlash({self.size} bytes, {len(self._units)} units of {self.unit} in use)"

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes; what was never written reads as 0xFF."""
        self._check(offset, size)
        result = bytearray()
        while size:
            index, start = divmod(offset, self.unit)
            count = min(size, self.unit - start)
            block = self._units.get(index)
            result += b"\xff" * count if block is None else block[start:start + count]
            offset, size = offset + count, size - count
        return bytes(result)

    def is_blank(self, index: int) -> bool:
        """Return whether a unit holds nothing but ones."""
        block = self._units.get(index)
        return block is None or block.count(0xFF) == self.unit

    def erase(self, index: int) -> None:
        """Erase one unit: one operation. A blank one is not erased again."""
        self._check(index * self.unit, self.unit)
        if self.is_blank(index):
            return
        if self._power.begin():
            half = self.unit // 2
            self._units[index][:half] = b"\xff" * half
            raise self._power.fail()
        self._units.pop(index, None)

    def write(self, offset: int, data: bytes) -> None:
        """Clear bits: one operation for each unit that is touched."""
        self._check(offset, len(data))
        while data:
            index, start = divmod(offset, self.unit)
            part, data = data[:self.unit - start], data[self.unit - start:]
            cut = self._power.begin()
            self._program(index, start, part[:len(part) // 2] if cut else part)
            if cut:
                raise self._power.fail()
            offset += len(part)

    def _program(self, index: int, start: int, data: bytes) -> None:
        block = self._units.setdefault(index, bytearray(b"\xff" * self.unit))
        old = int.from_bytes(block[start:start + len(data)], "little")
        block[start:start + len(data)] = (old & int.from_bytes(data, "little")).to_bytes(len(data), "little")

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or offset + size > self.size:
            raise InternalError(f"0x{offset:x} + 0x{size:x} lies outside a flash of 0x{self.size:x} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedLayer:
    """A layer in the staging area.

    Attributes:
        digest: lower-case hex SHA-256 of the content.
        internal: whether it goes to internal flash; otherwise to the application's part of external flash.
        start: where it goes, counted from the beginning of that.
        offset: where it is staged, counted from the beginning of external flash.
        size: bytes of its content.
    """

    digest: str
    internal: bool
    start: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as the records know it; ``manifest`` is empty for a bare image."""

    app_sid: str
    manifest: bytes = field(repr=False)
    layers: tuple[StagedLayer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is installed, and what shall be.

    Attributes:
        final: what a passed factory test installs.
        tested: whether a factory test has passed.
    """

    seq: int = 0
    installed: Application | None = None
    pending: Application | None = None
    final: Application | None = None
    tested: bool = False


class FlashStore:
    """Internal and external flash of one board with the application in them.

    Example::

        store = FlashStore()
        store.install("KA...", manifest, [(True, 0, image)])
        store.image()[:4]  # the initial stack pointer
    """

    def __init__(self) -> None:
        self.power = Power()
        self.internal = NorFlash(FLASH_SIZE, PAGE, self.power)
        self.external = NorFlash(EXTERNAL_SIZE, SECTOR, self.power)
        self.record = Record()

    def __repr__(self) -> str:
        installed, pending = self.record.installed, self.record.pending
        return (f"FlashStore(installed={installed.app_sid if installed else None}, "
                f"pending={pending.app_sid if pending else None}, operations={self.power.operations})")

    @property
    def installed(self) -> Application | None:
        """The application in internal flash, None if there is none."""
        return self.record.installed

    def image(self) -> bytes:
        """Return all of internal flash."""
        return self.internal.read(0, FLASH_SIZE)

    def boot(self) -> bool:
        """Come up after power-on; return whether an installation was completed on the way.

        Raises:
            PowerCut: the power failed again.
        """
        self.power.is_on = True
        self.record = self._newest()
        if self.record.pending is None:
            return False
        self.install_pending()
        return True

    # -- staging ------------------------------------------------------------------------------------------------------

    def plan(self, layers: Sequence[tuple[str, bool, int, int]]) -> tuple[StagedLayer, ...] | None:
        """Return where layers (digest, internal, start, size) are staged; None if they have no room."""
        offset, planned = STAGING_BASE, []
        for digest, internal, start, size in layers:
            planned.append(StagedLayer(digest=digest, internal=internal, start=start, offset=offset, size=size))
            offset += -(-size // SECTOR) * SECTOR
        return tuple(planned) if offset <= USER_BASE else None

    def discard_pending(self) -> None:
        """Let what was staged go; the installed application stays."""
        if self.record.pending is not None or self.record.final is not None:
            self._write_record(replace(self.record, pending=None, final=None))

    def is_staged(self, layer: StagedLayer) -> bool:
        """Return whether the staging area holds this layer's content, maybe from before a power cut."""
        return hashlib.sha256(self.external.read(layer.offset, layer.size)).hexdigest() == layer.digest

    def stage(self, layer: StagedLayer, position: int, data: bytes) -> None:
        """Write part of a layer. Parts come in order, so each sector is erased when its first byte comes."""
        offset = layer.offset + position
        for sector in range(-(-offset // SECTOR), -(-(offset + len(data)) // SECTOR)):
            self.external.erase(sector)
        self.external.write(offset, data)

    def staged(self, layer: StagedLayer) -> bytes:
        """Return the content of a staged layer."""
        return self.external.read(layer.offset, layer.size)

    def commit(self, application: Application) -> None:
        """Say that all layers are staged and verified: from here on a power cut leads to the new application."""
        self._write_record(replace(self.record, pending=application))

    # -- installing ---------------------------------------------------------------------------------------------------

    def install_pending(self) -> Application:
        """Program what was committed into internal flash and say so; return it.

        Raises:
            InternalError: nothing was committed.
        """
        application = self.record.pending
        if application is None:
            raise InternalError("nothing is staged")
        image = bytearray(b"\xff" * FLASH_SIZE)
        for layer in application.layers:
            content = self.staged(layer)
            if layer.internal:
                image[layer.start:layer.start + layer.size] = content
            else:
                self._copy_external(USER_BASE + layer.start, content)
        for index in range(FLASH_SIZE // PAGE):
            page = bytes(image[index * PAGE:(index + 1) * PAGE])
            if self.internal.read(index * PAGE, PAGE) != page:
                self.internal.erase(index)
                if page.count(0xFF) != PAGE:
                    self.internal.write(index * PAGE, page)
        self._write_record(replace(self.record, installed=application, pending=None))
        return application

    def install(self, app_sid: str, manifest: bytes, layers: Sequence[tuple[bool, int, bytes]]) -> Application:
        """Stage, commit and install layers (whether internal, start, content) at one go.

        Raises:
            UsageError: they have no room in the staging area.
        """
        self.commit(self._stage_all(app_sid, manifest, layers))
        return self.install_pending()

    def _stage_all(self, app_sid: str, manifest: bytes, layers: Sequence[tuple[bool, int, bytes]]) -> Application:
        planned = self.plan([(hashlib.sha256(content).hexdigest(), internal, start, len(content))
                             for internal, start, content in layers])
        if planned is None:
            total = sum(len(content) for *_, content in layers)
            raise UsageError(f"layers of {total} bytes have no room in the staging area of {STAGING_SIZE}")
        self.discard_pending()
        for layer, (*_, content) in zip(planned, layers, strict=True):
            self.stage(layer, 0, content)
        return Application(app_sid=app_sid, manifest=manifest, layers=planned)

    def stage_final(self, app_sid: str, manifest: bytes, layers: Sequence[tuple[bool, int, bytes]]) -> None:
        """Stage an application for the end of the factory test.

        Raises:
            UsageError: it has no room in the staging area.
        """
        self._write_record(replace(self.record, final=self._stage_all(app_sid, manifest, layers)))

    def install_final(self) -> Application | None:
        """Take note that the factory test has passed, and install what was staged for that; None if nothing was."""
        final = self.record.final
        self._write_record(replace(self.record, pending=final, final=None, tested=True))
        return None if final is None else self.install_pending()

    def _copy_external(self, offset: int, content: bytes) -> None:
        for index in range(offset // SECTOR, -(-(offset + len(content)) // SECTOR)):
            start = index * SECTOR
            old = self.external.read(start, SECTOR)
            low, high = max(start, offset), min(start + SECTOR, offset + len(content))
            new = old[:low - start] + content[low - offset:high - offset] + old[high - start:]
            if new != old:
                self.external.erase(index)
                self.external.write(start, new)

    # -- records ------------------------------------------------------------------------------------------------------

    def _newest(self) -> Record:
        found = [record for slot in (0, 1) if (record := self._read_record(slot)) is not None]
        return max(found, key=lambda record: record.seq, default=Record())

    def _read_record(self, slot: int) -> Record | None:
        header = self.external.read(slot * RECORD_SIZE, 40)
        size = int.from_bytes(header[4:8], "little")
        if header[:4] != _MAGIC or size > RECORD_SIZE - 40:
            return None
        body = self.external.read(slot * RECORD_SIZE + 40, size)
        if hashlib.sha256(body).digest() != header[8:]:
            return None
        plain = json.loads(body)
        return Record(seq=plain["seq"], installed=_application(plain["installed"]),
                      pending=_application(plain["pending"]), final=_application(plain["final"]),
                      tested=plain["tested"])

    def _write_record(self, record: Record) -> None:
        record = replace(record, seq=self.record.seq + 1)
        body = json.dumps({"seq": record.seq, "installed": _plain(record.installed), "pending": _plain(record.pending),
                           "final": _plain(record.final), "tested": record.tested}, sort_keys=True).encode()
        if len(body) > RECORD_SIZE - 40:
            raise InternalError(f"a flash record of {len(body)} bytes has no room")
        base = (record.seq & 1) * RECORD_SIZE
        for index in range(base // SECTOR, (base + RECORD_SIZE) // SECTOR):
            self.external.erase(index)
        self.external.write(base, _MAGIC + len(body).to_bytes(4, "little") + hashlib.sha256(body).digest() + body)
        self.record = record


def _plain(application: Application | None) -> dict[str, object] | None:
    if application is None:
        return None
    return {"app_sid": application.app_sid, "manifest": base64.b64encode(application.manifest).decode(),
            "layers": [[layer.digest, layer.internal, layer.start, layer.offset, layer.size]
                       for layer in application.layers]}


def _application(plain: dict[str, object] | None) -> Application | None:
    if plain is None:
        return None
    layers = plain["layers"]
    assert isinstance(layers, list)
    return Application(app_sid=str(plain["app_sid"]), manifest=base64.b64decode(str(plain["manifest"])), layers=tuple(
        StagedLayer(digest=digest, internal=internal, start=start, offset=offset, size=size)
        for digest, internal, start, offset, size in layers))
