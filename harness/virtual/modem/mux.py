"""The multiplexer of one serial line: an AT port for each channel (3GPP TS 27.010, basic option).

Theory of operation. ``+CMUX`` turns the line over to a :class:`Mux`. A SABM on channel 0 opens the multiplexer, one on
a higher channel makes an AT port there; one on a channel that is open begins it anew, so a host that crashed and
came back finds nothing of before. It ends with the control message CLD or a DISC on channel 0, and by power-off; a
client that merely closes the port leaves it running, which is a trap that real modules set too.

The control message PSC puts the line to sleep (clause 5.4.7): who wants to talk then sends flags until the other end
answers with flags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.formats.cmux import (
    FLAG,
    MAX_INFORMATION,
    Frame,
    FrameReader,
    FrameType,
    Message,
    MessageType,
    decode_messages,
)

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataPort
    from harness.virtual.modem.engine import Session
    from harness.virtual.modem.modem import VirtualModem

MAX_CHANNELS: Final = 8
_MAX_HELD: Final = 1 << 16  # octets for a channel that is told to wait
_FLOW_OFF: Final = 0x02  # FC bit of the V.24 signals (clause 5.4.6.3.7)
_READY: Final = 0x04  # RTC: data terminal ready
_SIGNALS_READY: Final = 0x8D  # EA, RTC, RTR, DV
_SPEED: Final = {9_600: 3, 19_200: 4, 38_400: 5, 57_600: 6, 115_200: 7, 230_400: 8}  # clause 5.4.6.3.9
_SILENCE: Final = 1_000_000_000  # nanoseconds after which the rest of a frame is waited for no longer
_WAKE_UP: Final = bytes((FLAG,)) * 4
_WAKE_UP_EVERY: Final = 100_000_000  # nanoseconds
_WAKE_UP_TRIES: Final = 100  # T3: 10 s


class Channel:
    """One open channel with its AT port."""

    def __init__(self, mux: Mux, dlci: int, frame_size: int) -> None:
        self.dlci = dlci
        self.frame_size = frame_size
        self.stopped = False
        self.ready = False  # as the host's last MSC told
        self.held = bytearray()
        self._mux = mux
        self.session: Session = mux.modem.add_port(self.send)
        self.session.multiplexed = True
        self.session.output.bits_per_second = 0  # the line itself is paced

    def __repr__(self) -> str:
        return f"Channel({self.dlci})"

    def send(self, data: bytes) -> None:
        """Send what the AT port says, in frames of at most N1 octets; hold it while the client wants none."""
        if self.stopped or self._mux.stopped:
            self.held += data[:_MAX_HELD - len(self.held)]
            return
        for start in range(0, len(data), self.frame_size):
            self._mux.send(Frame(dlci=self.dlci, type=FrameType.UIH, command=False,
                                 information=data[start:start + self.frame_size]))

    def release(self) -> None:
        """Send what was held."""
        held = bytes(self.held)
        self.held.clear()
        if held:
            self.send(held)


class Mux:
    """The multiplexer on one port; a :class:`~harness.virtual.modem.data_mode.DataLink`.

    Args:
        frame_size: N1, the longest information field sent, in octets.
    """

    def __init__(self, modem: VirtualModem, port: DataPort, *, frame_size: int) -> None:
        self.modem = modem
        self.frame_size = frame_size
        self.stopped = False
        self._port = port
        self._reader = FrameReader()
        self._channels: dict[int, Channel] = {}
        self._negotiated: dict[int, int] = {}  # N1 of channels, as PN agreed
        self._last_heard = 0
        self._asleep = False
        self._kept = bytearray()  # frames for a line that is asleep
        modem.record("mux_started", frame_size=frame_size)

    def __repr__(self) -> str:
        return f"Mux({sorted(self._channels)})"

    def send(self, frame: Frame) -> None:
        """Send a frame to the client, or keep it until the line is awake."""
        if not self._asleep:
            self._port.send(frame.encode())
            return
        first = not self._kept
        if len(self._kept) < _MAX_HELD:
            self._kept += frame.encode()
        if first:
            self._call(_WAKE_UP_TRIES)

    # -- DataLink -----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take octets of the client; what is no frame is skipped."""
        now = self.modem.world.now()
        frames = self._reader.resync() if now - self._last_heard > _SILENCE else []
        self._last_heard = now
        if self._asleep and FLAG in data:
            self._port.send(_WAKE_UP)
            self._wake()
        for frame in (*frames, *self._reader.feed(data)):
            self._take(frame)

    @property
    def standing(self) -> bool:
        """Nothing ends it from this side."""
        return True

    def suspended(self) -> None:
        """There is no escape sequence on the line of a multiplexer."""

    def resumed(self) -> None:
        """Nothing was kept for the client meanwhile."""

    def hung_up(self) -> None:
        """The power went, or the port: all channels go with it."""
        self._close_all()

    # -- frames -------------------------------------------------------------------------------------------------------

    def _take(self, frame: Frame) -> None:
        if frame.type is FrameType.SABM:
            self._open(frame.dlci)
        elif frame.type is FrameType.DISC:
            self._disconnect(frame.dlci)
        elif frame.type in (FrameType.UIH, FrameType.UI):
            if frame.dlci == 0:
                for message in decode_messages(frame.information):
                    self._control(message)
            elif (channel := self._channels.get(frame.dlci)) is not None:
                channel.session.receive(frame.information)
            else:
                self._answer(frame.dlci, FrameType.DM)

    def _open(self, dlci: int) -> None:
        if dlci == 0:
            self._close_channels()
        elif dlci in self._channels:
            self._close(self._channels.pop(dlci))
        if dlci:
            if len(self._channels) >= MAX_CHANNELS:
                self._answer(dlci, FrameType.DM)
                return
            self._channels[dlci] = Channel(self, dlci, self._negotiated.get(dlci, self.frame_size))
            self.modem.record("mux_channel_opened", channel=dlci)
        self._answer(dlci, FrameType.UA)
        if dlci:
            self._say(Message(type=MessageType.MSC, values=bytes((dlci << 2 | 3, _SIGNALS_READY))))

    def _disconnect(self, dlci: int) -> None:
        if dlci and dlci not in self._channels:
            self._answer(dlci, FrameType.DM)
            return
        self._answer(dlci, FrameType.UA)
        if dlci:
            self._close(self._channels.pop(dlci))
        else:
            self._leave()

    def _answer(self, dlci: int, kind: FrameType) -> None:
        self.send(Frame(dlci=dlci, type=kind, command=True, poll=True))  # responses carry the C/R bit of the command

    # -- control messages ---------------------------------------------------------------------------------------------

    def _control(self, message: Message) -> None:
        if not message.command:
            return  # the answer to a message of ours
        try:
            kind = MessageType(message.type)
        except ValueError:
            self._say(Message(type=MessageType.NSC, values=bytes((message.type | 0x02,)), command=False))
            return
        values = message.values
        if kind is MessageType.FCOFF:
            self.stopped = True
        elif kind is MessageType.MSC and len(values) >= 2:
            self._signals(values[0] >> 2, values[1])
        elif kind is MessageType.PN and len(values) == 8:
            values = self._negotiate(values)
        elif kind is MessageType.RPN and len(values) == 1:
            values += bytes((_SPEED.get(self.modem.settings.number("+IPR"), 7), 0x03, 0, 0x11, 0x13, 0xFF, 0x3F))
        self._say(Message(type=kind, values=values, command=False))
        if kind is MessageType.FCON:
            self.stopped = False
            for channel in tuple(self._channels.values()):
                channel.release()
        elif kind is MessageType.CLD:
            self._leave()
        elif kind is MessageType.PSC:
            self._asleep = True

    def _signals(self, dlci: int, signals: int) -> None:
        channel = self._channels.get(dlci)
        if channel is not None:
            channel.stopped = bool(signals & _FLOW_OFF)
            if not channel.stopped:
                channel.release()
            was_ready, channel.ready = channel.ready, bool(signals & _READY)
            if was_ready and not channel.ready:
                channel.session.client_gone()

    def _negotiate(self, values: bytes) -> bytes:
        """Agree to what PN asks for: UIH frames of the first convergence layer, none longer than ours."""
        dlci, asked = values[0] & 0x3F, int.from_bytes(values[4:6], "little")
        size = self._negotiated[dlci] = min(asked or self.frame_size, MAX_INFORMATION)
        if (channel := self._channels.get(dlci)) is not None:
            channel.frame_size = size
        return bytes((values[0], 0)) + values[2:4] + size.to_bytes(2, "little") + values[6:]

    # -- a line that is asleep ----------------------------------------------------------------------------------------

    def _call(self, tries: int) -> None:
        """Send flags until the client answers with some, or has had its time."""
        if not self._asleep:
            return
        if tries == 0:
            self._wake()
            return
        self._port.send(_WAKE_UP)
        self.modem.later(_WAKE_UP_EVERY, lambda: self._call(tries - 1), name="modem-wake-up", scaled=False)

    def _wake(self) -> None:
        self._asleep = False
        kept = bytes(self._kept)
        self._kept.clear()
        if kept:
            self._port.send(kept)

    def _say(self, message: Message) -> None:
        self.send(Frame(dlci=0, type=FrameType.UIH, command=False, information=message.encode()))

    # -- the end ------------------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._close_all()
        self._port.finish("")

    def _close_all(self) -> None:
        if self._channels:
            self._close_channels()
            self.modem.record("mux_stopped")
        self._asleep = False

    def _close_channels(self) -> None:
        channels = tuple(self._channels.values())
        self._channels.clear()
        for channel in channels:
            self._close(channel)

    def _close(self, channel: Channel) -> None:
        self.modem.remove_port(channel.session)
        channel.session.hang_up()
