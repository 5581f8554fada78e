"""C compilers that can build for the board: Arm's GCC, or the PyPI package ``ziglang`` (clang and lld in a wheel)."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.errors import UsageError

PINNED_ZIG = "0.17.0"
"""The ziglang release that made the prebuilt images. Another one may give other bytes that do the same."""

_HINT = ("install the PyPI package ziglang (pip install 'microvisor-harness[firmware]') or Arm's GCC "
         "(Debian: apt-get install gcc-arm-none-eabi)")
_TIMEOUT = 300


class Kind(StrEnum):
    """Which compiler."""

    GCC = "gcc"
    ZIG = "zig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """A compiler that was found.

    Attributes:
        command: how to call it as a C compiler driver.
        version: as it tells it.
        own_path: where its own headers are; compiled images must not remember it.
    """

    kind: Kind
    command: tuple[str, ...]
    version: str
    own_path: Path

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"

    @property
    def is_reference(self) -> bool:
        """Whether it is the compiler of the prebuilt images, which gives the same bytes again."""
        return self.kind is Kind.ZIG and self.version == PINNED_ZIG

    def flags(self, *, floats: str = "soft") -> tuple[str, ...]:
        """Return the flags that select the CPU and what only this compiler needs.

        Args:
            floats: ``soft``, or ``hard`` to use the floating-point registers.
        """
        hard = floats == "hard"
        if self.kind is Kind.GCC:
            fpu = ("-mfloat-abi=hard", "-mfpu=fpv5-sp-d16") if hard else ("-mfloat-abi=soft",)
            # -fno-tree-loop-distribute-patterns: a loop in memset must not become a call of memset
            return ("-mcpu=cortex-m33", "-mthumb", *fpu, "-fno-tree-loop-distribute-patterns")
        # Zig's cortex_m33 has no floating point unless told; its assembler then refuses FP instructions.
        target, cpu = ("eabihf", "cortex_m33+fp_armv8d16sp") if hard else ("eabi", "cortex_m33")
        return ("-target", f"thumb-freestanding-{target}", f"-mcpu={cpu}", "-fno-sanitize=all",
                "-fdebug-compilation-dir=.", "-Wno-initializer-overrides")

    def run(self, arguments: Sequence[str], *, cwd: Path, environment: dict[str, str]) -> None:
        """Run the compiler.

        Raises:
            UsageError: it refused the sources, or could not be started; the message has what it printed.
        """
        try:
            done = subprocess.run([*self.command, *arguments], cwd=cwd, env=environment, capture_output=True, text=True,
                                  errors="replace", timeout=_TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"{self} could not be run: {error}") from error
        if done.returncode:
            raise UsageError(f"{self} failed with exit code {done.returncode}:\n{done.stderr.strip()}")


def find_toolchain(kind: str | None = None) -> Toolchain:
    """Return a compiler: the wanted kind, or ziglang before Arm's GCC.

    Raises:
        UsageError: there is none, or no such kind is known; the message says what to install.
    """
    if kind is not None and kind not in list(Kind):
        raise UsageError(f"no such toolchain: {kind!r} (there are: {', '.join(Kind)})")
    finders = {Kind.ZIG: _find_zig, Kind.GCC: _find_gcc}
    wanted = [Kind(kind)] if kind is not None else list(finders)
    for candidate in wanted:
        found = finders[candidate]()
        if found is not None:
            return found
    raise UsageError(f"no compiler for the board ({' or '.join(wanted)}): {_HINT}")


def _find_zig() -> Toolchain | None:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or not spec.submodule_search_locations:
        return None
    command = (sys.executable, "-m", "ziglang")
    version = _ask((*command, "version"))
    if version is None:
        return None
    return Toolchain(kind=Kind.ZIG, command=(*command, "cc"), version=version,
                     own_path=Path(next(iter(spec.submodule_search_locations))).resolve())


def _find_gcc() -> Toolchain | None:
    path = shutil.which("arm-none-eabi-gcc")
    if path is None:
        return None
    version = _ask((path, "-dumpfullversion"))
    if version is None:
        return None
    return Toolchain(kind=Kind.GCC, command=(path,), version=version, own_path=Path(path).resolve().parent.parent)


def _ask(command: tuple[str, ...]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
