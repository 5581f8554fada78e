"""Application testing: what the manufacturing image's test application calls.

Outside testing mode every call is refused with UNAVAILABLE. A board is put into the mode by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.logging import ALIGNMENT, DRAIN_DELAY, MAX_MESSAGE, OVERHEAD


class AppTest:
    """The testing mode of one board.

    Args:
        finished: told the result that the test application reports; it does not run on.
    """

    def __init__(self, host: KernelHost, *, active: bool, finished: Callable[[int], None]) -> None:
        self._host = host
        self.active = active
        self._finished = finished
        self._capacity = self._used = 0

    def __repr__(self) -> str:
        return f"AppTest(active={self.active})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvTestLoggingInit": self.init, "mvTestLog": self.log, "mvTestingComplete": self.complete}

    def reset(self) -> None:
        """Forget the logging buffer: the application is gone."""
        self._capacity = self._used = 0

    def _drained(self) -> None:
        self._used = 0

    # -- system calls --

    def init(self, buffer: int, length_bytes: int) -> MvStatus:
        if not self.active:
            return MvStatus.UNAVAILABLE
        self._host.memory.check_write(buffer, length_bytes)
        if buffer % ALIGNMENT:
            return MvStatus.INVALIDBUFFERALIGNMENT
        if length_bytes < ALIGNMENT or length_bytes % ALIGNMENT:
            return MvStatus.INVALIDBUFFERSIZE
        self._capacity, self._used = length_bytes, 0
        return MvStatus.OKAY

    def log(self, message: int, length_bytes: int) -> MvStatus:
        if not self.active or not self._capacity:
            return MvStatus.UNAVAILABLE
        data = self._host.memory.read(message, length_bytes)
        if length_bytes > MAX_MESSAGE:
            return MvStatus.LOGMESSAGETOOLONG
        if self._used + length_bytes + OVERHEAD > self._capacity:
            return MvStatus.INVALIDBUFFERSIZE
        if not self._used:
            self._host.call_later(DRAIN_DELAY, self._drained, "test log drain")
        self._used += length_bytes + OVERHEAD
        self._host.record("log_written", origin="test", text=data.decode("utf-8", "replace"))
        return MvStatus.OKAY

    def complete(self, status: int) -> MvStatus:
        if not self.active:
            return MvStatus.UNAVAILABLE
        self._host.record("testing_completed", status=status)
        self._finished(status)
        return MvStatus.OKAY
