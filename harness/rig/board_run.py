"""One image on one virtual board, in virtual time, with nothing around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.clock import NANOSECONDS, Duration, to_ns
from harness.errors import FormatError, UsageError
from harness.formats.bundle import Bundle, create_bundle
from harness.formats.elf import ElfImage
from harness.rig.bench import furnish
from harness.rig.bench_model import BenchTable
from harness.rig.bench_options import Typed
from harness.virtual.board.board import Board
from harness.virtual.board.core.interface import CoreState, Register
from harness.virtual.board.journal_text import describe
from harness.virtual.world import World

_DEVICE_SID = "UV" + "0" * 31 + "1"
_CHUNK = to_ns("100ms")
_MASKS = 0x00FF_FFFF  # FAULTMASK, BASEPRI and PRIMASK in CFBP
_MAX_BYTES = 64 << 20
_LOOKS, _REACH = 4, 128
"""What shows a hang: how often in a row the core is found within so many bytes, with interrupts kept out."""
_GLANCES, _GLANCE = 24, to_ns("40ns")
"""How often and how far apart one looks whether a loop lets interrupts in by itself, as idle loops in PendSV do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something the board did.

    Attributes:
        t: virtual seconds since power-on.
        source: ``log``, ``uart``, ``pin``, ``kernel`` or ``crash``.
    """

    t: float
    source: str
    text: str


def read_image(path: Path) -> ElfImage | Bundle:
    """Return the ELF image or the bundle in a file, told apart by its first bytes; of a ``.bin`` file a bundle of it.

    Raises:
        UsageError: the file can't be read.
        ElfError, BundleError: it is malformed, or not for this board.
        FormatError: it is neither.
    """
    data = _read(path)
    if data.startswith(b"\x7fELF"):
        return ElfImage.read(data)
    if data.startswith(b"PK"):
        return Bundle.read(data)
    if path.suffix == ".bin":
        return Bundle.read(create_bundle(data))
    raise FormatError(f"{path}: neither an ELF image (\\x7fELF) nor a bundle (a zip): it begins with {data[:4]!r}")


def read_bundle(path: Path) -> bytes:
    """Return the bundle in a file as it is, or a new unsigned one of the ELF or raw flash image (``.bin``) in it.

    Raises:
        UsageError, FormatError: as :func:`read_image`.
    """
    data = _read(path)
    if path.suffix == ".bin":
        return create_bundle(data)
    image = read_image(path)
    return data if isinstance(image, Bundle) else create_bundle(image.rom())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror or error}") from None
    if len(data) > _MAX_BYTES:
        raise FormatError(f"{path}: larger than {_MAX_BYTES >> 20} MiB, this is no application image")
    return data


def _type(board: Board, item: Typed) -> None:
    board.uart(item.uart).send(item.data)


def _shielded_at(board: Board) -> int | None:
    """Return where the core executes if interrupts can't break into that, None otherwise."""
    core = board.core
    if not board.is_running or core.state is not CoreState.RUNNING:
        return None
    masked = core.exception or core.read_register(Register.CFBP) & _MASKS
    return core.read_register(Register.PC) if masked else None


def _hang(world: World, board: Board, looks: Sequence[int | None]) -> str | None:
    """Return in words where the application hangs, None if it does not seem to."""
    places = [place for place in looks if place is not None]
    if len(places) < _LOOKS or max(places) - min(places) > _REACH:
        return None
    seen = set()
    for _ in range(_GLANCES):
        seen.add(board.core.read_register(Register.CFBP) & _MASKS)
        world.clock.sleep(_GLANCE / NANOSECONDS)
    if len(seen) > 1:
        return None
    masks = board.core.read_register(Register.CFBP)
    told = [f"exception {board.core.exception}"] if board.core.exception else []
    told += ["PRIMASK=1"] if masks & 1 else []
    told += ["FAULTMASK=1"] if masks >> 16 & 1 else []
    told += [f"BASEPRI=0x{masks >> 8 & 0xFF:02X}"] if masks >> 8 & 0xFF else []
    return f"hung in {board.symbolise(places[-1]) or f'0x{places[-1]:08x}'}, {', '.join(told)}"


def run_image(image: ElfImage | Bundle, *, duration: Duration, seed: int = 1,
              hclk_hz: int = 64_000_000, bench: BenchTable | None = None,
              typed: Sequence[Typed] = ()) -> Iterator[Happening]:
    """Yield what a board with this image does from power-on, for a virtual duration, as it happens.

    Args:
        bench: what stands around the board.
        typed: what arrives on its serial interfaces.

    Raises:
        UsageError: the bench can't be as it is described, or the board has no such serial interface.
    """
    bench = bench or BenchTable()
    world = World(seed=seed)
    board = Board(world, None, name="board", device_sid=_DEVICE_SID, hclk_hz=hclk_hz, strict=bench.strict)
    try:
        furnish(board, bench)
        for item in typed:
            board.uart(item.uart)  # complain of it before anything runs
            world.call_later(f"{item.at}ns", partial(_type, board, item), name="keyboard")
        board.install(image)
        cursor = world.journal.written
        board.power_on()
        end = world.now() + to_ns(duration)
        looks: list[int | None] = []
        while True:
            for entry in world.journal.since(cursor):
                cursor = entry.seq + 1
                if (described := describe(entry)) is not None:
                    yield Happening(t=entry.t / NANOSECONDS, source=described[0], text=described[1])
            looks = [*looks[1 - _LOOKS:], _shielded_at(board)]
            if world.now() >= end:
                if (hang := _hang(world, board, looks)) is not None:
                    yield Happening(t=world.now() / NANOSECONDS, source="crash", text=hang)
                return
            world.clock.sleep((min(end, world.now() + _CHUNK) - world.now()) / NANOSECONDS)
    finally:
        board.close()
        world.close()
