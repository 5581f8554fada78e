"""Where captures of a virtual network go: into memory for a test, into a file for a stack that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.errors import UsageError

_MAX_BYTES: Final = 64 << 20


class CaptureBuffer:
    """A capture in memory, bounded: what comes after 64 MiB is counted and not kept.

    Attributes:
        dropped: how many packets were not kept.
    """

    def __init__(self, limit: int = _MAX_BYTES) -> None:
        self._limit = limit
        self._octets = bytearray()
        self.dropped = 0

    def __repr__(self) -> str:
        return f"CaptureBuffer({len(self._octets)} octets, {self.dropped} packets dropped)"

    def __call__(self, block: bytes) -> None:
        """Take a block."""
        if len(self._octets) + len(block) > self._limit:
            self.dropped += 1
        else:
            self._octets += block

    def octets(self) -> bytes:
        """Return the file so far."""
        return bytes(self._octets)


class CaptureFile:
    """A capture in a file, written packet by packet, so that it can be followed while it grows.

    Raises:
        UsageError: the file can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise UsageError(f"can't write {path}: {error.strerror or error}") from None

    def __repr__(self) -> str:
        return f"CaptureFile({str(self._path)!r})"

    def __call__(self, block: bytes) -> None:
        """Write a block. One that does not fit on the disk ends the capture: the stack goes on."""
        if not self._file.closed:
            try:
                self._file.write(block)
            except OSError:
                self.close()

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._file.close()
