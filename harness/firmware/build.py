"""Building fixtures: the same sources and the same compiler give the same bytes, wherever they lie."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageError
from harness.firmware.catalogue import COMMON, HASHES, Fixture, compiled_sources, fixture, sha256
from harness.firmware.toolchain import Kind, Toolchain
from harness.formats.bundle import Bundle, BundleOptions, create_bundle
from harness.formats.elf import ElfImage

_FLAGS = (
    "-std=gnu11", "-Os", "-g", "-ffreestanding", "-nostdlib", "-ffunction-sections", "-fdata-sections",
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-Wall", "-Wextra", "-Werror", f"-I{COMMON}",
    # -e: lld overlooks ENTRY in the script; max-page-size: it would align segments to 64 KiB
    "-Wl,--gc-sections", "-Wl,-e,reset_handler", "-Wl,--build-id=none", "-Wl,-z,max-page-size=4",
)
_BUNDLE_OPTIONS = {"polite-update": BundleOptions(maximum_politeness_time_s=600)}
"""Fixtures whose bundles need a policy."""
_HARD_FLOAT = frozenset({"hard-float"})
"""Fixtures that use the floating-point registers."""
_KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What came out of a build: an ELF file with debug information, and an unsigned bundle of it."""

    name: str
    elf: bytes = field(repr=False)
    bundle: bytes = field(repr=False)


def build_fixture(name: str, toolchain: Toolchain, out: Path | None = None) -> Built:
    """Build one fixture and return its ELF file and bundle.

    Args:
        name: of the fixture.
        toolchain: from :func:`find_toolchain`.
        out: directory (made if need be) that gets ``<name>.elf``, ``<name>.zip`` and ``SHA256SUMS``; None writes
            nothing.

    Raises:
        UsageError: no such fixture, or the compiler refused it.
        ElfError: the compiler's output does not fit the board.
    """
    source = fixture(name)
    elf = _compile(source, toolchain)
    built = Built(name=name, elf=elf, bundle=create_bundle(ElfImage.read(elf).rom(), options=bundle_options(name)))
    if out is not None:
        _write(built, out)
    return built


def bundle_options(name: str) -> BundleOptions:
    """Return the policies that the bundle of this fixture has."""
    return _BUNDLE_OPTIONS.get(name, BundleOptions())


def differences(built: Built, *, comparable: bool = True) -> list[str]:
    """Return in what a build differs from the prebuilt files, in words; empty if in nothing.

    The ELF file is compared by its bytes, the bundle by its members: archives of equal members may differ between
    zlib versions. The prebuilt files are held against their recorded hashes first.

    Args:
        built: from :func:`build_fixture`.
        comparable: False where another compiler built, so that only the recorded hashes can be checked.
    """
    source = fixture(built.name)
    recorded = source.hashes()
    found = []
    for path in (source.elf, source.bundle):
        try:
            actual = sha256(path.read_bytes())
        except OSError:
            found.append(f"{path.name} is missing")
            continue
        if recorded.get(path.name) != actual:
            found.append(f"{path.name} has the SHA-256 {actual}, {HASHES} says {recorded.get(path.name, 'nothing')}")
    if found or not comparable:
        return found
    if source.elf.read_bytes() != built.elf:
        found.append(f"{source.elf.name} was built to {sha256(built.elf)}, the prebuilt one is "
                     f"{recorded[source.elf.name]}")
    if Bundle.read(source.bundle.read_bytes()) != Bundle.read(built.bundle):
        found.append(f"{source.bundle.name} holds other members than the bundle that was built")
    return found


def _compile(source: Fixture, toolchain: Toolchain) -> bytes:
    root = source.directory.parent
    inputs = [path.relative_to(root).as_posix() for path in compiled_sources(source)]
    with tempfile.TemporaryDirectory(prefix="fixture-") as scratch:
        elf = Path(scratch) / "out.elf"
        prefixes = (f"-ffile-prefix-map={root}=.", f"-ffile-prefix-map={toolchain.own_path}=/{toolchain.kind}",
                    f"-ffile-prefix-map={scratch}=.")
        floats = "hard" if source.name in _HARD_FLOAT else "soft"
        arguments = (*toolchain.flags(floats=floats), *_FLAGS, *prefixes, "-T", f"{COMMON}/link.ld", *inputs,
                     "-o", str(elf))
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment |= {"LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}
        if toolchain.kind is Kind.ZIG:
            # Zig else puts a cache beside the sources, which may be read-only.
            environment.setdefault("ZIG_LOCAL_CACHE_DIR", str(Path(scratch) / "cache"))
            environment.setdefault("HOME", scratch)
        toolchain.run(arguments, cwd=root, environment=environment)
        return elf.read_bytes()


def _write(built: Built, out: Path) -> None:
    files = {f"{built.name}.elf": built.elf, f"{built.name}.zip": built.bundle}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            _replace(out / name, data)
        listing = "".join(f"{sha256(data)}  {name}\n" for name, data in files.items())
        _replace(out / HASHES, listing.encode())
    except OSError as error:
        raise UsageError(f"the build can't be written to {out}: {error}") from error


def _replace(path: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as scratch:
        scratch.write(data)
    Path(scratch.name).chmod(0o644)
    shutil.move(scratch.name, path)
