"""The multiplexer of one serial line: an AT port for each channel (3GPP TS 27.010, basic option).

Theory of operation. ``+CMUX`` turns the line over to a :class:`Mux`. A SABM on channel 0 opens the multiplexer, one on
a higher channel makes an AT port there. It ends with the control message CLD or a DISC on channel 0, and by power-off;
a client that merely closes the port leaves it running, which is a trap that real modules set too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.formats.cmux import Frame, FrameReader, FrameType, Message, MessageType, decode_messages

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataPort
    from harness.virtual.modem.engine import Session
    from harness.virtual.modem.modem import VirtualModem

MAX_CHANNELS: Final = 8
_MAX_HELD: Final = 1 << 16  # octets for a channel that is told to wait
_FLOW_OFF: Final = 0x02  # FC bit of the V.24 signals (clause 5.4.6.3.7)
_SIGNALS_READY: Final = 0x8D  # EA, RTC, RTR, DV


class Channel:
    """One open channel with its AT port."""

    def __init__(self, mux: Mux, dlci: int) -> None:
        self.dlci = dlci
        self.stopped = False
        self.held = bytearray()
        self._mux = mux
        self.session: Session = mux.modem.add_port(self.send)
        self.session.multiplexed = True

    def __repr__(self) -> str:
        return f"Channel({self.dlci})"

    def send(self, data: bytes) -> None:
        """Send what the AT port says, in frames of at most N1 octets; hold it while the client wants none."""
        if self.stopped or self._mux.stopped:
            self.held += data[:_MAX_HELD - len(self.held)]
            return
        for start in range(0, len(data), self._mux.frame_size):
            self._mux.send(Frame(dlci=self.dlci, type=FrameType.UIH, command=False,
                                 information=data[start:start + self._mux.frame_size]))

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
        modem.record("mux_started", frame_size=frame_size)

    def __repr__(self) -> str:
        return f"Mux({sorted(self._channels)})"

    def send(self, frame: Frame) -> None:
        """Send a frame to the client."""
        self._port.send(frame.encode())

    # -- DataLink -----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take octets of the client; what is no frame is skipped."""
        for frame in self._reader.feed(data):
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
        if dlci and dlci not in self._channels:
            if len(self._channels) >= MAX_CHANNELS:
                self._answer(dlci, FrameType.DM)
                return
            self._channels[dlci] = Channel(self, dlci)
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
        if kind is MessageType.FCOFF:
            self.stopped = True
        if kind is MessageType.MSC and len(message.values) >= 2:
            self._signals(message.values[0] >> 2, message.values[1])
        self._say(Message(type=kind, values=message.values, command=False))
        if kind is MessageType.FCON:
            self.stopped = False
            for channel in tuple(self._channels.values()):
                channel.release()
        elif kind is MessageType.CLD:
            self._leave()

    def _signals(self, dlci: int, signals: int) -> None:
        channel = self._channels.get(dlci)
        if channel is not None:
            channel.stopped = bool(signals & _FLOW_OFF)
            if not channel.stopped:
                channel.release()

    def _say(self, message: Message) -> None:
        self.send(Frame(dlci=0, type=FrameType.UIH, command=False, information=message.encode()))

    # -- the end ------------------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        self._close_all()
        self._port.finish("")

    def _close_all(self) -> None:
        channels = tuple(self._channels.values())
        self._channels.clear()
        for channel in channels:
            self._close(channel)
        if channels:
            self.modem.record("mux_stopped")

    def _close(self, channel: Channel) -> None:
        self.modem.remove_port(channel.session)
        channel.session.hang_up()
