"""The way from a board to the cloud, and through the cloud to the internet: that part of what the kernel asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harness.virtual.board.runner import CoreRunner
from harness.virtual.internet.seams import Internet
from harness.virtual.uplink import ToCloud, ToDevice, Uplink
from harness.virtual.world import World

T = TypeVar("T")


class CloudLink:
    """Base of the board: answers the kernel's questions about the cloud."""

    world: World
    _runner: CoreRunner
    _device_sid: str
    _epoch: int

    def __init__(self, uplink: Uplink | None, internet: Internet | None) -> None:
        self._uplink = uplink
        self._internet = internet

    @property
    def has_uplink(self) -> bool:
        return self._uplink is not None

    @property
    def internet(self) -> Internet | None:
        return self._internet

    def arriving(self, action: Callable[[T], None]) -> Callable[[T], None]:
        epoch = self._epoch

        def guarded(value: T) -> None:
            if epoch == self._epoch:
                self._runner.sync()
                self._guard(lambda: action(value))

        return guarded

    def unix_microseconds(self) -> int:
        epoch = self.world.epoch
        return int(epoch.timestamp()) * 1_000_000 + epoch.microsecond + self._runner.now() // 1_000

    def go_online(self) -> None:
        if self._uplink is not None:
            self._uplink.connect(self._device_sid, self)

    def go_offline(self) -> None:
        if self._uplink is not None:
            self._uplink.disconnect(self._device_sid)

    def send(self, message: ToCloud) -> None:
        if self._uplink is not None:
            self._runner.touch()
            self._uplink.to_cloud(self._device_sid, message)
            self._runner.posted_at(self._runner.now() + self._uplink.latency)

    def from_cloud(self, message: ToDevice) -> None:
        """Take a message of the cloud."""
        raise NotImplementedError

    def _guard(self, action: Callable[[], None]) -> None:
        """Do it; the power may fail on the way."""
        raise NotImplementedError
