"""Which fixtures there are, and where their sources and prebuilt images lie.

They are the directory ``firmware_fixtures`` beside the package in a checkout, and the package
``harness.firmware_fixtures`` once installed.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InternalError, UsageError

COMMON = "common"
"""Directory of what all fixtures share: linker script, start-up code, declarations."""
HASHES = "SHA256SUMS"

_PACKAGE = Path(__file__).resolve().parent.parent
_DIRECTORY = "firmware_fixtures"
_ALWAYS = ("memory", "startup")
_INCLUDE = re.compile(r'^#include "(\w+)\.h"', re.MULTILINE)
_SOURCE_SUFFIXES = (".c", ".h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """An application of ours.

    Attributes:
        directory: where all of it is.
        elf: the prebuilt ELF file, with debug information.
        bundle: the prebuilt bundle.
        sources: C files and headers of its own, in a fixed order.
        description: what it does, in one line.
    """

    name: str
    directory: Path
    elf: Path
    bundle: Path
    sources: tuple[Path, ...]
    description: str

    def hashes(self) -> dict[str, str]:
        """Return the recorded hex SHA-256 of the prebuilt files by file name.

        Raises:
            UsageError: the list is missing or malformed.
        """
        recorded = {}
        try:
            for line in (self.directory / HASHES).read_text("ascii").splitlines():
                digest, name = line.split("  ", 1)
                recorded[name] = digest
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.directory / HASHES} can't be read as '<sha256>  <file>' lines: {error}") from error
        return recorded


def fixtures_root() -> Path:
    """Return the directory that holds the fixtures.

    Raises:
        InternalError: the installation lacks it.
    """
    candidates = (_PACKAGE / _DIRECTORY, _PACKAGE.parent / _DIRECTORY)
    for candidate in candidates:
        if (candidate / COMMON).is_dir():
            return candidate
    raise InternalError(f"the firmware fixtures are in none of {', '.join(map(str, candidates))}")


def is_installed() -> bool:
    """Return whether the fixtures are part of an installed package, not of a checkout."""
    return fixtures_root().parent == _PACKAGE


def fixture_names() -> tuple[str, ...]:
    """Return the names of all fixtures, sorted."""
    return tuple(sorted(path.parent.name for path in fixtures_root().glob("*/main.c")))


def fixture(name: str) -> Fixture:
    """Return the fixture of this name.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    names = fixture_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"there is no firmware fixture {name!r}; {hint}there are: {', '.join(names)}")
    directory = fixtures_root() / name
    sources = tuple(sorted(path for path in directory.iterdir() if path.suffix in _SOURCE_SUFFIXES))
    return Fixture(name=name, directory=directory, elf=directory / f"{name}.elf", bundle=directory / f"{name}.zip",
                   sources=sources, description=_description(directory / "main.c"))


def compiled_sources(item: Fixture) -> tuple[Path, ...]:
    """Return the C files that make up a fixture, in a fixed order.

    Start-up code and memory functions belong to every fixture; any other common file to those that include its
    header, directly or by way of another common file.
    """
    common = item.directory.parent / COMMON
    own = [path for path in item.sources if path.suffix == ".c"]
    parts = [common / f"{name}.c" for name in _ALWAYS]
    for path in (queue := [*own, *parts]):
        for name in _INCLUDE.findall(path.read_text("utf-8")):
            part = common / f"{name}.c"
            if part.is_file() and part not in queue:
                queue.append(part)
                parts.append(part)
    return (*sorted(parts), *own)


def sha256(data: bytes) -> str:
    """Return the lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def _description(source: Path) -> str:
    """Return the first line of the file's comment, which is ``/* name: what it does.``"""
    first = source.read_text("utf-8").split("\n", 1)[0]
    return first.removeprefix("/*").removesuffix("*/").strip().partition(": ")[2]
