"""A TCP connection of a device on its way through the network.

Theory of operation. Each direction is a :class:`~harness.virtual.internet.lanes.Lane`: what is put into one arrives in
order, one latency later or more. Octets are metered at the device. Between the lanes and the internet stands a NAT that
forgets a connection on which nothing flows for its timeout, without a word to either side, as those of mobile networks
do: whoever sends something then hears nothing, repeats it as TCP does, and gives up in the end.

A fault that breaks, ends or stalls connections *meets* each of them once (:meth:`FaultPlan.strike_standing`), and
strikes when so many octets have passed. Its effect goes into the lanes behind those octets, so they still arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.virtual.faults.fault import Fault
from harness.virtual.internet.lanes import WINDOW, Lane
from harness.virtual.internet.seams import (
    AcknowledgedHandler,
    Address,
    CloseReason,
    HalfCloseHandler,
    TcpConnection,
    TcpHandler,
)
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.network.data_path import DataPath
    from harness.virtual.network.ip_gateway import Traffic

TCP_OVERHEAD: Final = 40
"""Octets of an IPv4 and a TCP header."""
UNANSWERED: Final = 75_000_000_000
"""Nanoseconds until a connection that nobody answers is given up."""
GIVE_UP: Final = 423_000_000_000
"""Nanoseconds until who gets no acknowledgement gives up: twelve repeats, with pauses from 1 s to 1 min."""

_SEGMENT: Final = 1_400
_STANDING: Final = ("tcp-stall", "tcp-half-close", "tcp-cut", "tcp-reset")


class DeviceConnection:
    """A connection of a device. Implements ``TcpConnection`` for the modem and ``HalfCloseHandler`` for the internet.

    Attributes:
        far: the connection of the internet, None until the SYN has reached it.
        handler: hears what happens at the device's end.
        is_over: whether the device's side is closed; the host's side may still be open.
    """

    def __init__(self, path: DataPath, traffic: Traffic, local: Address, remote: Address, handler: TcpHandler, *,
                 by_device: bool = True) -> None:
        self.local = local
        self.remote = remote
        self.far: TcpConnection | None = None
        self.is_over = False
        self._path = path
        self._world = path.world
        self._traffic = traffic
        self.handler = handler
        self._up = Lane(path.world, path.latency, self._arrive_outside, name="network.tcp up")
        self._down = Lane(path.world, path.latency, self._arrive_at_device, name="network.tcp down")
        self._established = not by_device
        self._ended_here = self._ended_there = False
        self._far_over = False
        self._far_paused = self._paused = False
        self._used = self._world.now()
        self._forgotten = False  # by the NAT
        self._unacknowledged = 0  # octets of the device
        self._passed = {True: 0, False: 0}  # octets, up and down
        self._cut = {True: False, False: False}  # nothing that is sent from now on arrives
        self._met: dict[int, bool] = {}
        self._undo: list[Callable[[], None]] = []
        self._stalls = 0  # of what the device sends
        self._timer: Event | None = None
        self._trace = path.capture.connection(traffic.iccid, local, remote)
        self._trace.asked(by_device=by_device)
        if by_device:
            self._timer = self._world.call_at(self._used + UNANSWERED, self._give_up, name="network.tcp open")
        else:
            self._trace.opened(by_device=False)

    def __repr__(self) -> str:
        return f"TcpConnection({self.local} to {self.remote})"

    # -- what the modem does ------------------------------------------------------------------------------------------

    @property
    def unacknowledged(self) -> int:
        return self._unacknowledged

    def send(self, data: bytes) -> int:
        if self.is_over or self._ended_here or not self._established:
            return 0
        taken = bytes(data[:WINDOW - self._unacknowledged])
        if taken:
            self._unacknowledged += len(taken)
            self._path.count(self._traffic, up=_segments(len(taken)))
            self._trace.data(taken, up=True)
            self._pass(taken, up=True)
            self._watch()
        return len(taken)

    def half_close(self) -> None:
        if self.is_over or self._ended_here:
            return
        self._say_end()
        self._up.put(self._end_far)
        if self._ended_there:
            self.finish(CloseReason.LOCAL)

    def close(self) -> None:
        if not self.is_over:
            if not self._ended_here:
                self._say_end()
            self._up.put(self._close_far)
            self.finish(CloseReason.LOCAL)

    def abort(self) -> None:
        if not self.is_over:
            self._path.count(self._traffic, up=TCP_OVERHEAD)
            self._trace.ended(by_device=True, reset=True)
            self._up.put(self._abort_far)
            self.finish(CloseReason.LOCAL)

    def pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._down.hold()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._down.release()

    # -- what the internet tells --------------------------------------------------------------------------------------

    def connected(self) -> None:
        self._path.count(self._traffic, up=2 * TCP_OVERHEAD, down=TCP_OVERHEAD)
        if self._is_mapped():
            self._down.put(self._tell_connected)

    def received(self, data: bytes) -> None:
        if not self._is_mapped():
            self._hang_up_later()
        elif not self.is_over:
            self._pass(data, up=False)
            if self._down.octets >= WINDOW and self.far is not None:
                self._far_paused = True
                self.far.pause()

    def half_closed(self) -> None:
        if self.is_over:
            self._close_far()
        elif self._is_mapped() and not self._cut[False]:
            self._down.put(self._tell_half_closed)

    def closed(self, reason: CloseReason) -> None:
        self._far_over = True
        if self.is_over:
            self._gone()
        elif self._is_mapped():
            self._tell_over(reason)

    # -- what happens to it -------------------------------------------------------------------------------------------

    def reach(self) -> None:
        """The SYN has reached the internet."""
        if self.is_over or self._path.internet is None:
            return
        self._used = self._world.now()
        self.far = self._path.internet.connect_tcp(self.local, self.remote, self)

    def finish(self, reason: CloseReason) -> None:
        """Tell the modem once that it is over."""
        if self.is_over:
            return
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._world.call_later(0, lambda: self.handler.closed(reason), name="network.tcp")
        if self.far is None or self._far_over:
            self._gone()

    def cut(self) -> None:
        """The session is gone: nothing reaches anybody any more."""
        self.finish(CloseReason.NETWORK_LOST)
        self._up.clear()
        self._down.clear()
        if self.far is not None:
            self.far.close()
        self._gone()

    def look(self, *, opened: bool = False) -> None:
        """Let faults strike it that need no octets for it."""
        if self._established and not self.is_over:
            self._strike(b"", up=None, passing=opened)

    # -- faults -------------------------------------------------------------------------------------------------------

    def _pass(self, data: bytes, *, up: bool) -> None:
        """Put octets into their lane, and what faults do between them."""
        lane = self._up if up else self._down
        later = self._path.delay(self._traffic.iccid, self.remote, len(data), up=up)
        data = self._strike(data, up=up, later=later)
        if data and not self._cut[up]:
            self._passed[up] += len(data)
            lane.put(data, later=later)

    def _strike(self, data: bytes, *, up: bool | None, later: int = 0, passing: bool = True) -> bytes:
        """Let faults strike that want so many octets to have passed; return what of the data is left to go."""
        if self._path.faults is None:
            return data
        for kind in _STANDING:
            left = len(data)

            def is_due(fault: Fault, left: int = left) -> bool:
                return self._counted(fault) + (left if up in _directions(fault) else 0) >= fault.spec.number("after")

            fault = self._path.faults.strike_standing(
                kind, self._traffic.iccid, self.remote, self._met, is_due, passing=passing, port=self.local[1])
            if fault is None:
                continue
            first = max(0, fault.spec.number("after") - self._counted(fault)) if up in _directions(fault) else left
            if data[:first] and up is not None and not self._cut[up]:
                self._passed[up] += len(data[:first])
                (self._up if up else self._down).put(data[:first], later=later)
            data = data[first:]
            end = _ACTS[kind](self, fault)
            undo = self._path.faults.settle(fault, end)
            if undo is not None:
                self._undo.append(undo)
        return data

    def _counted(self, fault: Fault) -> int:
        return sum(self._passed[up] for up in _directions(fault))

    def _reset(self, fault: Fault) -> None:
        self._cut = {True: True, False: True}
        self._up.put(self._abort_far)
        self._tell_over(CloseReason.RESET)

    def _end_both(self, fault: Fault) -> None:
        self._cut = {True: True, False: True}
        self._up.put(self._close_far)
        self._tell_over(CloseReason.CLOSED_BY_PEER)

    def _end_one(self, fault: Fault) -> None:
        if not self._cut[False]:
            self._cut[False] = True
            self._down.put(self._tell_half_closed)

    def _stall(self, fault: Fault) -> Callable[[], None]:
        begun: list[bool] = []
        over = False

        def begin(up: bool) -> None:
            if not over:
                begun.append(up)
                (self._up if up else self._down).hold()
                self._stalls += up
                self._watch()

        def end() -> None:
            nonlocal over
            over = True
            for up in begun:
                self._stalls -= up
                if up and not self._forgotten and self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                (self._up if up else self._down).release()

        for up in _directions(fault):
            (self._up if up else self._down).put(partial(begin, up))
        return end

    # -- NAT ----------------------------------------------------------------------------------------------------------

    def age(self) -> None:
        """Let the NAT forget it if nothing flowed for too long."""
        now = self._world.now()
        if not self._forgotten and now - self._used > self._path.tcp_timeout:
            self._forgotten = True
            self._world.journal.record(
                "network", "nat_mapping_expired", device=self._traffic.iccid, local=f"{self.local[0]}:{self.local[1]}",
                remote=f"{self.remote[0]}:{self.remote[1]}")

    def _is_mapped(self) -> bool:
        """Tell whether the NAT knows the connection, and let it know that something flows."""
        self.age()
        if not self._forgotten:
            self._used = self._world.now()
        return not self._forgotten

    def _watch(self) -> None:
        """Begin to wait for an acknowledgement, if something waits for one that does not come."""
        if (self._stalls or self._forgotten) and self.unacknowledged and self._timer is None and not self.is_over:
            self._timer = self._world.call_at(self._world.now() + GIVE_UP, self._give_up, name="network.tcp repeat")

    def _give_up(self) -> None:
        self._timer = None
        if self._established and not self.unacknowledged:
            return
        self._trace.ended(by_device=True, reset=True)
        self._up.put(self._abort_far)
        self.finish(CloseReason.TIMED_OUT)

    def _hang_up_later(self) -> None:
        """The host sent something that nobody acknowledges: it gives up in the end."""
        if not self._far_paused and self.far is not None:
            self._far_paused = True
            self.far.pause()
            self._world.call_at(self._world.now() + GIVE_UP, self._abandon_far, name="network.tcp repeat")

    def _abandon_far(self) -> None:
        if self.far is not None and not self._far_over:
            self.far.abort()

    # -- inside: towards the internet ---------------------------------------------------------------------------------

    def _arrive_outside(self, data: bytes) -> int:
        if self.far is None or self._far_over:
            return len(data)
        if not self._is_mapped():
            self._watch()
            return len(data)
        taken = self.far.send(data)
        if taken:
            self._world.call_at(self._world.now() + self._path.latency, partial(self._tell_acknowledged, taken),
                                name="network.tcp acknowledgement")
        return taken

    def _say_end(self) -> None:
        self._ended_here = True
        self._path.count(self._traffic, up=TCP_OVERHEAD)
        self._trace.ended(by_device=True)

    def _end_far(self) -> None:
        if self.far is not None and self._is_mapped():
            self.far.half_close()

    def _close_far(self) -> None:
        if self.far is not None and self._is_mapped():
            self.far.close()

    def _abort_far(self) -> None:
        if self.far is not None and self._is_mapped():
            self.far.abort()

    # -- inside: towards the device -----------------------------------------------------------------------------------

    def _arrive_at_device(self, data: bytes) -> int:
        if self._far_paused and self._down.octets < WINDOW // 2 and self.far is not None and not self._forgotten:
            self._far_paused = False
            self.far.resume()
        if not self.is_over:
            self._path.count(self._traffic, down=_segments(len(data)))
            self._trace.data(data, up=False)
            self.handler.received(data)
        return len(data)

    def _tell_connected(self) -> None:
        if self.is_over:
            return
        self._established = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._trace.opened()
        self.handler.connected()
        self.look(opened=True)

    def _tell_acknowledged(self, octets: int) -> None:
        self._unacknowledged -= octets
        if not self.is_over and isinstance(self.handler, AcknowledgedHandler):
            self.handler.acknowledged()

    def _tell_half_closed(self) -> None:
        if self.is_over or self._ended_there:
            return
        self._ended_there = True
        self._path.count(self._traffic, down=TCP_OVERHEAD)
        self._trace.ended(by_device=False)
        if self._ended_here:
            self.finish(CloseReason.CLOSED_BY_PEER)
        elif isinstance(self.handler, HalfCloseHandler):
            self.handler.half_closed()
        else:
            self._up.put(self._close_far)
            self.finish(CloseReason.CLOSED_BY_PEER)

    def _tell_over(self, reason: CloseReason) -> None:
        """Tell the device that its peer is gone."""
        say = self._down.put if reason is CloseReason.CLOSED_BY_PEER else self._down.break_off
        say(partial(self._end_there, reason))

    def _end_there(self, reason: CloseReason) -> None:
        if not self.is_over:
            if not self._ended_there:
                self._trace.ended(by_device=False, reset=reason in (CloseReason.REFUSED, CloseReason.RESET))
            self.finish(reason)

    def _gone(self) -> None:
        """Neither side has it any more."""
        self._trace.over()
        while self._undo:
            self._undo.pop()()
        self._path.forget(self._traffic, self)


def _segments(octets: int) -> int:
    """Return the octets of IP that a stream takes, without what acknowledges it."""
    return octets + TCP_OVERHEAD * max(1, -(-octets // _SEGMENT))


def _directions(fault: Fault) -> tuple[bool, ...]:
    """Return the directions that a fault concerns: True is up."""
    return {"up": (True,), "down": (False,), "both": (True, False)}[fault.spec.text("direction")]


_ACTS: Final[dict[str, Callable[[DeviceConnection, Fault], Callable[[], None] | None]]] = {
    "tcp-reset": DeviceConnection._reset, "tcp-cut": DeviceConnection._end_both,
    "tcp-half-close": DeviceConnection._end_one, "tcp-stall": DeviceConnection._stall}
