"""System notifications: what the device itself tells the application, by way of a notification centre."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvEventType, MvStatus, MvSystemNotificationSource
from harness.virtual.board.kernel.handles import HandleTable
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.notifications import Notifications

MAX_OPEN = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One open system notification."""

    source: MvSystemNotificationSource
    centre: int
    tag: int


class SystemNotifications:
    """All open system notifications of an application."""

    def __init__(self, host: KernelHost, notifications: Notifications) -> None:
        self._host = host
        self._notifications = notifications
        self._open: HandleTable[Subscription] = HandleTable(MAX_OPEN, MvStatus.UNAVAILABLE,
                                                            host.random("system notification handles"))

    def __repr__(self) -> str:
        return f"SystemNotifications({len(self._open)} open)"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvOpenSystemNotification": self.open, "mvCloseSystemNotification": self.close}

    def reset(self) -> None:
        """Forget everything: the application that opened it is gone."""
        self._open.clear()

    def tell(self, source: MvSystemNotificationSource, event: MvEventType) -> int:
        """Notify everybody who listens to ``source``; return how many that are."""
        listeners = [subscription for subscription in self._open if subscription.source is source]
        for subscription in listeners:
            self._notifications.notify(subscription.centre, event, subscription.tag)
        return len(listeners)

    # -- system calls --

    def open(self, params: int, handle: int) -> MvStatus:
        if self._host.in_handler:
            return MvStatus.UNAVAILABLE
        wanted = self._host.memory.unpack(structures.MvOpenSystemNotificationParams, params)
        if not self._notifications.exists(wanted.notification_handle):
            return MvStatus.INVALIDHANDLE
        if wanted.notification_source not in tuple(MvSystemNotificationSource):
            return MvStatus.INVALIDHANDLE  # the header's word for an unknown source
        value = self._open.open(Subscription(source=MvSystemNotificationSource(wanted.notification_source),
                                             centre=wanted.notification_handle, tag=wanted.notification_tag))
        self._host.memory.write_uint(handle, value)
        return MvStatus.OKAY

    def close(self, handle: int) -> MvStatus:
        if self._host.in_handler:
            return MvStatus.UNAVAILABLE
        self._open.close(self._host.memory.read_uint(handle))
        self._host.memory.write_uint(handle, 0)
        return MvStatus.OKAY
