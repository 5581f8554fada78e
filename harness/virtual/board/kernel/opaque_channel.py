"""Channels of opaque bytes. The one endpoint that is known is ``log``: the log of applications of 2021 and 2022.

What is written there becomes messages of the device's log stream, one for each line; a line without an end goes out
when nothing has followed it for :data:`LINE_PATIENCE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.kernel.channels import Channel, Channels, Setup
from harness.virtual.board.kernel.enums import MvChannelType, MvClosureReason, MvEventType, MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.logging import MAX_MESSAGE
from harness.virtual.board.kernel.notifications import Notifications
from harness.virtual.uplink import LogLine
from harness.virtual.world import Event

LOG_ENDPOINT = b"log"
DRAIN_DELAY = "10ms"
LINE_PATIENCE = "100ms"
MAX_BACKLOG = 65_536
"""Bytes that the cloud keeps for a device that does not read them."""


class OpaqueChannel(Channel):
    """A stream of bytes both ways.

    Args:
        sink: takes what the application wrote, when it has left the device.
    """

    def __init__(self, host: KernelHost, notifications: Notifications, setup: Setup,
                 sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._out = bytearray()
        self._was_full = False
        self._draining = False
        self._start = 0  # of what waits in the receive buffer
        self._end = 0
        self._backlog = bytearray()
        super().__init__(host, notifications, setup)

    @property
    def room(self) -> int:
        """Bytes that the send buffer still takes."""
        return self.setup.send_size - len(self._out)

    def write(self, data: bytes) -> None:
        """Queue what fits; the caller has looked at :attr:`room`."""
        self._out += data
        self._drain_soon()

    def found_full(self) -> None:
        """Remember to tell the application when there is room again."""
        self._was_full = True

    def opened(self) -> None:
        self._drain_soon()

    def deliver(self, data: bytes) -> None:
        """Send bytes from the cloud's side; what the receive buffer has no room for waits, up to a bound."""
        self._backlog += data[:MAX_BACKLOG - len(self._backlog)]
        self._fill()

    def waiting(self) -> tuple[int, int]:
        """Return where in the application's memory received bytes wait, and how many."""
        return self.setup.receive + self._start, self._end - self._start

    def consume(self, count: int) -> None:
        """Give back the first ``count`` bytes of what waits."""
        self._start = min(self._end, self._start + count)
        if self._start == self._end:
            self._start = self._end = 0
        self._fill()

    def _fill(self) -> None:
        data = bytes(self._backlog[:self.setup.receive_size - self._end])
        if data:
            self.host.memory.write(self.setup.receive + self._end, data)
            self._end += len(data)
            del self._backlog[:len(data)]
            self.notify(MvEventType.CHANNELDATAREADABLE)

    def _drain_soon(self) -> None:
        if self._out and not self._draining and self.closure is MvClosureReason.NONE:
            self._draining = True
            self.host.call_later(DRAIN_DELAY, self._drain, "channel drain")

    def _drain(self) -> None:
        self._draining = False
        if self.is_closed:
            return
        data, self._out = bytes(self._out), bytearray()
        self._sink(data)
        if self._was_full:
            self._was_full = False
            self.notify(MvEventType.CHANNELDATAWRITESPACE)


class OpaqueCalls:
    """The calls that read and write channels of opaque bytes.

    Args:
        microseconds: the kernel's time, for log messages.
        logging_enabled: tells whether the cloud takes log messages.
    """

    def __init__(self, host: KernelHost, channels: Channels, *, microseconds: Callable[[], int],
                 logging_enabled: Callable[[], bool]) -> None:
        self._host = host
        self._channels = channels
        self._microseconds = microseconds
        self._logging_enabled = logging_enabled
        self._line = bytearray()
        self._flush: Event | None = None
        channels.register(MvChannelType.OPAQUEBYTES, LOG_ENDPOINT, self._open_log)

    def __repr__(self) -> str:
        return f"OpaqueCalls({len(self._line)} bytes of a line)"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvWriteChannelStream": self.write_stream, "mvWriteChannel": self.write,
                "mvReadChannel": self.read, "mvReadChannelComplete": self.read_complete}

    def logging_changed(self) -> None:
        """Close the log channels if the cloud takes no messages any more."""
        if not self._logging_enabled():
            for channel in self._channels.of(OpaqueChannel):
                channel.close(MvClosureReason.CHANNELCLOSEDBYSERVER)

    # -- the log --

    def _open_log(self, host: KernelHost, notifications: Notifications, setup: Setup) -> Channel:
        return OpaqueChannel(host, notifications, setup, self._logged)

    def _logged(self, data: bytes) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._line += data
        *lines, rest = bytes(self._line).split(b"\n")
        self._line = bytearray(rest)
        for line in lines:
            self._log(line.removesuffix(b"\r"))
        while len(self._line) >= MAX_MESSAGE:
            self._log(bytes(self._line[:MAX_MESSAGE]))
            del self._line[:MAX_MESSAGE]
        if self._line:
            self._flush = self._host.call_later(LINE_PATIENCE, self._flush_line, "log channel line")

    def _flush_line(self) -> None:
        self._flush = None
        line, self._line = bytes(self._line), bytearray()
        self._log(line)

    def _log(self, line: bytes) -> None:
        if line and self._logging_enabled():
            self._host.record("log_written", origin="app", text=line.decode("utf-8", "replace"))
            self._host.send(LogLine(microseconds=self._microseconds(), origin="app", text=line))

    # -- system calls --

    def write_stream(self, handle: int, data: int, len: int, written: int) -> MvStatus:
        channel = self._channels.get(handle, OpaqueChannel)
        memory = self._host.memory
        memory.check_read(data, len)
        taken = min(len, channel.room)
        channel.write(memory.read(data, taken))
        if taken < len:
            channel.found_full()
        memory.write_uint(written, taken)
        return MvStatus.OKAY

    def write(self, handle: int, data: int, len: int, available: int) -> MvStatus:
        channel = self._channels.get(handle, OpaqueChannel)
        memory = self._host.memory
        if len:
            memory.check_read(data, len)
        if len > channel.room:
            channel.found_full()
            memory.write_uint(available, channel.room)
            return MvStatus.INVALIDBUFFERSIZE
        if len:
            channel.write(memory.read(data, len))
        memory.write_uint(available, channel.room)
        return MvStatus.OKAY

    def read(self, handle: int, read_pointer_out: int, length_out: int) -> MvStatus:
        address, length = self._channels.get(handle, OpaqueChannel).waiting()
        self._host.memory.write_uint(read_pointer_out, address)
        self._host.memory.write_uint(length_out, length)
        return MvStatus.OKAY

    def read_complete(self, handle: int, consumed: int) -> MvStatus:
        self._channels.get(handle, OpaqueChannel).consume(consumed)
        return MvStatus.OKAY
