"""The connection to the cloud, who wants it, and what the application sees of it.

The kernel connects when anybody has a reason to: itself (cold boot, no calendar time, an update, a crash to report, no
application, a debugger, a check-in that is due) or the application. Until the application asks for the network for the
first time the kernel keeps its own connection; from then on the application's requests count, and after the last was
released the device goes offline, unless the bundle's policy tells it to stay connected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from harness.clock import Duration
from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvEventType, MvNetworkReason, MvNetworkStatus, MvStatus
from harness.virtual.board.kernel.handles import HandleTable
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.notifications import Notifications
from harness.virtual.world import Event

MAX_REQUESTS = 16
CHECK_IN_STAY = "5s"
"""How long a device that came online only to show itself stays there."""


class Trigger(Enum):
    """What moves the connection."""

    WANTED = auto()
    UNWANTED = auto()
    ESTABLISHED = auto()
    LINK_LOST = auto()
    CLOUD_LOST = auto()


_OFFLINE, _CONNECTED = MvNetworkStatus.DELIBERATELYOFFLINE, MvNetworkStatus.CONNECTED
_CONNECTING, _LINK_ONLY = MvNetworkStatus.CONNECTING, MvNetworkStatus.DISCONNECTEDWITHLINKUP

TRANSITIONS: dict[MvNetworkStatus, dict[Trigger, MvNetworkStatus]] = {
    _OFFLINE: {Trigger.WANTED: _CONNECTING},
    _CONNECTING: {Trigger.ESTABLISHED: _CONNECTED, Trigger.UNWANTED: _OFFLINE},
    _CONNECTED: {Trigger.LINK_LOST: _CONNECTING, Trigger.CLOUD_LOST: _LINK_ONLY, Trigger.UNWANTED: _OFFLINE},
    _LINK_ONLY: {Trigger.ESTABLISHED: _CONNECTED, Trigger.LINK_LOST: _CONNECTING, Trigger.UNWANTED: _OFFLINE},
}
"""Every move there is; a trigger that a state does not list changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the running bundle wants to be connected.

    Attributes:
        grace_seconds: how long the connection outlives the application's last release.
        check_in_seconds: how often the device shows itself on its own; 0 to stay connected, None for never.
    """

    grace_seconds: int = 0
    check_in_seconds: int | None = None


class Surroundings(Protocol):
    """What the connection asks of the rest of the kernel."""

    def reasons(self) -> MvNetworkReason:
        """Return the kernel's own reasons to be connected."""

    def connected(self) -> None:
        """The cloud can be reached from now on."""

    def disconnected(self) -> None:
        """The cloud can't be reached any more."""

    def network_released(self, handle: int) -> None:
        """The application gave this request back."""

    def network_changed(self) -> None:
        """The status changed; the application's own requests have been told."""


@dataclass(slots=True, kw_only=True)
class Request:
    """One of the application's requests for the network."""

    centre: int
    tag: int


class Network:
    """The connection of one board.

    Args:
        delay: from wanting a connection to having it.
    """

    def __init__(self, host: KernelHost, notifications: Notifications, surroundings: Surroundings,
                 *, delay: Duration) -> None:
        self._host = host
        self._notifications = notifications
        self._surroundings = surroundings
        self._delay = delay
        self._requests: HandleTable[Request] = HandleTable(MAX_REQUESTS, MvStatus.PARAMETERFAULT,
                                                           host.random("network handles"))
        self._application_decides = False
        self._check_in_due = False
        self._coverage = True
        self._cloud_reachable = True
        self._timer: Event | None = None
        self._check_in: Event | None = None
        self.status = _OFFLINE
        self.policy = Policy()

    def __repr__(self) -> str:
        return f"Network({self.status.name}, {len(self._requests)} requests, {self.reasons()!r})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvRequestNetwork": self.request, "mvReleaseNetwork": self.release,
                "mvGetNetworkStatus": self.get_status, "mvGetNetworkReasons": self.get_reasons}

    @property
    def is_connected(self) -> bool:
        """Whether the cloud can be reached."""
        return self.status is _CONNECTED

    @property
    def requests(self) -> int:
        """How many requests of the application there are."""
        return len(self._requests)

    def is_requested_by(self, handle: int) -> bool:
        """Return whether this is a handle of one of the application's requests."""
        return self._requests.find(handle) is not None

    def reset(self) -> None:
        """Forget the application's requests: it is gone, and the kernel decides again."""
        self._requests.clear()
        self._application_decides = False
        self.update()

    def reasons(self) -> MvNetworkReason:
        """Return all reasons to be connected."""
        reasons = self._surroundings.reasons()
        if not self._application_decides:
            reasons |= MvNetworkReason.NEVERUSEDNETWORKAPI
        elif len(self._requests):
            reasons |= MvNetworkReason.USINGNETWORK
        if self._check_in_due or self.policy.check_in_seconds == 0:
            reasons |= MvNetworkReason.MINIMUMCHECKINEXPIRED
        return reasons

    def update(self) -> None:
        """Look at the reasons again, and connect or go offline."""
        if self.reasons():
            self._cancel_timer_unless(_CONNECTING, _LINK_ONLY)
            self._move(Trigger.WANTED)
            self._try()
        elif self.status in (_CONNECTING, _LINK_ONLY) or not self.policy.grace_seconds:
            self._move(Trigger.UNWANTED)
        elif self.status is _CONNECTED and self._timer is None:
            self._timer = self._host.call_later(self.policy.grace_seconds, self._grace_over, "connection grace time")

    def check_in(self) -> None:
        """Show the device to the cloud: the time to do so has come."""
        self._check_in_due = True
        self.update()

    # -- what tests do to it --

    @property
    def coverage(self) -> bool:
        """Whether there is a network to reach; setting it False loses the link, True lets it come back."""
        return self._coverage

    @coverage.setter
    def coverage(self, there: bool) -> None:
        self._coverage = there
        if not there:
            self._move(Trigger.LINK_LOST)
        self.update()

    @property
    def cloud_reachable(self) -> bool:
        """Whether the cloud answers while there is a link; setting it False leaves the link up."""
        return self._cloud_reachable

    @cloud_reachable.setter
    def cloud_reachable(self, there: bool) -> None:
        self._cloud_reachable = there
        if not there:
            self._move(Trigger.CLOUD_LOST)
        self.update()

    # -- inside --

    def _try(self) -> None:
        if self.status in (_CONNECTING, _LINK_ONLY) and self._timer is None and self._coverage and (
                self._cloud_reachable):
            self._timer = self._host.call_later(self._delay, self._established, "network connect")

    def _established(self) -> None:
        self._timer = None
        if self._coverage and self._cloud_reachable:
            self._move(Trigger.ESTABLISHED)

    def _grace_over(self) -> None:
        self._timer = None
        if not self.reasons():
            self._move(Trigger.UNWANTED)

    def _cancel_timer_unless(self, *states: MvNetworkStatus) -> None:
        if self._timer is not None and self.status not in states:
            self._timer.cancel()
            self._timer = None

    def _move(self, trigger: Trigger) -> None:
        before = self.status
        after = TRANSITIONS[before].get(trigger, before)
        if after is before:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.status = after
        if after is _CONNECTED:
            self._host.record("network_connected", reasons=int(self.reasons()))
            self._surroundings.connected()
            if self._check_in_due:
                self._host.call_later(CHECK_IN_STAY, self._checked_in, "check-in over")
        elif before is _CONNECTED:
            self._host.record("network_disconnected", why=trigger.name.lower(), status=after.name)
            self._surroundings.disconnected()
        if after is _OFFLINE and self.policy.check_in_seconds:
            self._check_in = self._host.call_later(self.policy.check_in_seconds, self.check_in, "check-in")
        elif self._check_in is not None and after is _CONNECTED:
            self._check_in.cancel()
            self._check_in = None
        for request in self._requests:
            self._notifications.notify(request.centre, MvEventType.NETWORKSTATUSCHANGED, request.tag)
        self._surroundings.network_changed()

    def _checked_in(self) -> None:
        self._check_in_due = False
        self.update()

    # -- system calls --

    def request(self, params: int, handle: int) -> MvStatus:
        memory = self._host.memory
        wanted = memory.unpack(structures.MvRequestNetworkParams, params)
        if wanted.version != 1:
            return MvStatus.UNSUPPORTEDSTRUCTUREVERSION
        if wanted.notification_handle and not self._notifications.exists(wanted.notification_handle):
            return MvStatus.PARAMETERFAULT
        value = self._requests.open(Request(centre=wanted.notification_handle, tag=wanted.notification_tag))
        memory.write_uint(handle, value)
        self._application_decides = True
        self.update()
        return MvStatus.OKAY

    def release(self, handle: int) -> MvStatus:
        memory = self._host.memory
        value = memory.read_uint(handle)
        self._requests.close(value)
        memory.write_uint(handle, 0)
        self._surroundings.network_released(value)
        self.update()
        return MvStatus.OKAY

    def get_status(self, handle: int, status: int) -> MvStatus:
        self._requests.get(handle)
        self._host.memory.write_uint(status, int(self.status))
        return MvStatus.OKAY

    def get_reasons(self, reasons: int, request_ref_count: int) -> MvStatus:
        self._host.memory.write_uint(reasons, int(self.reasons()))
        self._host.memory.write_uint(request_ref_count, len(self._requests))
        return MvStatus.OKAY
