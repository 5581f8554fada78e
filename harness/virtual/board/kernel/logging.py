"""Server logging: messages of the application wait in a buffer of its own until the cloud has them.

Only the room is taken from the application's buffer: messages are not laid out in its memory. While the device is
online they leave in small groups; a flood, or being offline, fills the buffer, and what finds no room is refused with
INVALIDBUFFERSIZE and lost. The longest message is not public; :data:`MAX_MESSAGE` is the buffer size that the vendor's
own applications format into.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.old_calls import TEMPORARY_SERVER_LOG
from harness.virtual.uplink import LogLine

ALIGNMENT = 512
MAX_MESSAGE = 1024
OVERHEAD = 8
"""Bytes of the buffer that a message takes besides its own."""

DRAIN_DELAY = "10ms"
DRAIN_BURST = 16
"""Messages that leave at a time: 1600 a second at most."""

_MAX_SYSTEM = 64
_MAX_AT_ONCE = 64


class ServerLogging:
    """The log of the application and of the kernel itself.

    Args:
        microseconds: the kernel's time.
        is_online: tells whether the cloud can be reached.
    """

    def __init__(self, host: KernelHost, *, microseconds: Callable[[], int], is_online: Callable[[], bool]) -> None:
        self._host = host
        self._microseconds = microseconds
        self._is_online = is_online
        self._queue: deque[tuple[LogLine, int]] = deque()  # with the room each takes in the application's buffer
        self._at_once = 0
        self._used = 0
        self._capacity = 0
        self._draining = False
        self.enabled = True
        """Whether the cloud takes messages; it says so by LogSettings."""
        self.accepted = 0
        self.discarded = 0

    def __repr__(self) -> str:
        return f"ServerLogging({len(self._queue)} waiting, {self._used} of {self._capacity} bytes)"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvServerLoggingInit": self.init, "mvServerLog": self.log, TEMPORARY_SERVER_LOG: self.log_at_once}

    def reset(self) -> None:
        """Forget the application's buffer; what waits in it still goes out."""
        self._capacity = 0

    def system(self, text: str) -> None:
        """Log a message of the kernel itself."""
        if sum(line.origin == "system" for line, _ in self._queue) < _MAX_SYSTEM:
            self._put(LogLine(microseconds=self._microseconds(), origin="system", text=text.encode()))
        self._host.record("log_written", origin="system", text=text)

    def flush(self) -> None:
        """Begin to send what waits, if the cloud can be reached."""
        if self._queue and not self._draining and self._is_online():
            self._draining = True
            self._host.call_later(DRAIN_DELAY, self._drain, "log drain")

    def statistics(self) -> dict[str, int]:
        """Return messages waiting, accepted and discarded, and bytes in use of the buffer."""
        return {"waiting": len(self._queue), "accepted": self.accepted, "discarded": self.discarded,
                "used": self._used, "capacity": self._capacity}

    def _put(self, line: LogLine, *, size: int = 0) -> None:
        self._queue.append((line, size))
        self.flush()

    def _drain(self) -> None:
        self._draining = False
        if not self._is_online():
            return
        for _ in range(min(DRAIN_BURST, len(self._queue))):
            line, size = self._queue.popleft()
            self._used -= size
            self._at_once -= line.origin == "app" and size == 0
            self._host.send(line)
        self.flush()

    # -- system calls --

    def init(self, buffer: int, length_bytes: int) -> MvStatus:
        self._host.memory.check_write(buffer, length_bytes)
        if buffer % ALIGNMENT:
            return MvStatus.INVALIDBUFFERALIGNMENT
        if length_bytes < ALIGNMENT or length_bytes % ALIGNMENT:
            return MvStatus.INVALIDBUFFERSIZE
        self._capacity = length_bytes
        return MvStatus.OKAY

    def log(self, message: int, length_bytes: int) -> MvStatus:
        if not self._capacity:
            return MvStatus.UNAVAILABLE
        data = self._host.memory.read(message, length_bytes)
        if length_bytes > MAX_MESSAGE:
            return MvStatus.LOGMESSAGETOOLONG
        if not self.enabled:
            return MvStatus.LOGGINGDISABLEDBYSERVER
        if self._used + length_bytes + OVERHEAD > self._capacity:
            self.discarded += 1
            return MvStatus.INVALIDBUFFERSIZE
        self._used += length_bytes + OVERHEAD
        self.accepted += 1
        self._host.record("log_written", origin="app", text=data.decode("utf-8", "replace"))
        self._put(LogLine(microseconds=self._microseconds(), origin="app", text=data), size=length_bytes + OVERHEAD)
        return MvStatus.OKAY

    def log_at_once(self, s: int, len: int) -> MvStatus:
        data = self._host.memory.read(s, min(len, MAX_MESSAGE))
        self._host.memory.check_read(s, len)
        if self.enabled and self._at_once < _MAX_AT_ONCE:  # what finds no room is lost: there is no status for it
            self._at_once += 1
            self._host.record("log_written", origin="app", text=data.decode("utf-8", "replace"))
            self._put(LogLine(microseconds=self._microseconds(), origin="app", text=data))
        return MvStatus.OKAY
