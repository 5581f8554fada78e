"""The uplink between a board's Microvisor kernel and the Microvisor side of the cloud: plain messages, no shared state.

The cloud implements :class:`CloudEnd`, a board implements :class:`DeviceEnd`; :class:`Uplink` joins them inside one
world and delays every message by its latency. Boards in other processes need only another carrier of the same messages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from harness.clock import NANOSECONDS, Duration, to_ns
from harness.virtual.world import World

# -- device to cloud ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The device came online.

    Attributes:
        app_sid: the application that is installed, None if there is none.
        wake_reason: number of the MvWakeReason of this boot.
    """

    app_sid: str | None
    wake_reason: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One message of the application or the kernel for the device's log stream.

    Attributes:
        microseconds: when it was logged, since the kernel started.
        origin: ``app`` or ``system``.
        text: the bytes as logged, which need not be valid UTF-8.
    """

    microseconds: int
    origin: str
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchManifest:
    """Ask for the manifest of an application."""

    app_sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLayer:
    """Ask for part of a layer, by the lower-case hex SHA-256 of the layer's content."""

    app_sid: str
    digest: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppReported:
    """An application was installed and started."""

    app_sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFailed:
    """The targeted application could not be installed; the old one keeps running.

    Attributes:
        code: a number other than 0 that goes to ``app.update_error_code``.
        reason: the rule that was broken, for the log stream.
    """

    app_sid: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """One item of the configuration stores: in the account's or the device's, of the configs or the secrets."""

    device_scope: bool
    secret: bool
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchConfig:
    """Ask for items of the configuration stores; answered by :class:`ConfigValues` with the same number."""

    request: int
    keys: tuple[ConfigKey, ...]


ToCloud: TypeAlias = Hello | LogLine | FetchManifest | FetchLayer | AppReported | UpdateFailed | FetchConfig

# -- cloud to device ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The application this device shall run, sent on every Hello and whenever it changes."""

    app_sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The encoded manifest of an application; empty if there is no such application any more."""

    app_sid: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChunk:
    """Part of a layer. ``total`` is the size of the whole layer in bytes; data is empty if it can't be had."""

    app_sid: str
    digest: str
    offset: int
    data: bytes
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Restart the application (wake reason 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Whether the cloud takes log messages of this device."""

    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTime:
    """Calendar time, sent on every Hello: Unix time in microseconds when the message was sent."""

    unix_microseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigValues:
    """The items asked for, in the order of the keys; None where there is no such key."""

    request: int
    values: tuple[bytes | None, ...]


ToDevice: TypeAlias = ConfigValues | Target | Manifest | LayerChunk | Restart | LogSettings | ServerTime


class CloudEnd(Protocol):
    """The Microvisor side of a cloud."""

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        """Take a message of a device; answers go out by :meth:`Uplink.to_device`."""


class DeviceEnd(Protocol):
    """The kernel of a board."""

    def from_cloud(self, message: ToDevice) -> None:
        """Take a message of the cloud."""


class Uplink:
    """Carries messages between devices and the cloud with a latency, in order per device.

    Args:
        latency: one way, for either direction.

    A device that is offline gets nothing: what the cloud sends to it is dropped, and it asks again with its next Hello.
    """

    def __init__(self, world: World, *, latency: Duration = "50ms") -> None:
        self.world = world
        self.latency = to_ns(latency)
        self._cloud: CloudEnd | None = None
        self._devices: dict[str, DeviceEnd] = {}

    def __repr__(self) -> str:
        return f"Uplink(latency={self.latency / NANOSECONDS:g}s, online={sorted(self._devices)})"

    def connect_cloud(self, cloud: CloudEnd) -> None:
        """Let ``cloud`` take what devices send."""
        self._cloud = cloud

    def connect(self, device_sid: str, device: DeviceEnd) -> None:
        """Put the device online."""
        self._devices[device_sid] = device

    def disconnect(self, device_sid: str) -> None:
        """Take the device offline; what is under way to it is lost."""
        self._devices.pop(device_sid, None)

    def is_online(self, device_sid: str) -> bool:
        """Return whether messages to this device would arrive."""
        return device_sid in self._devices

    def to_cloud(self, device_sid: str, message: ToCloud) -> None:
        """Send a message of a device that is online; it arrives after the latency."""

        def arrive() -> None:
            if self._cloud is not None:
                self._cloud.from_device(device_sid, message)

        self._later(arrive, f"uplink {type(message).__name__} from {device_sid}")

    def to_device(self, device_sid: str, message: ToDevice) -> None:
        """Send a message to a device; it arrives after the latency, if the device is online then as it is now."""
        device = self._devices.get(device_sid)
        if device is None:
            return

        def arrive() -> None:
            if self._devices.get(device_sid) is device:
                device.from_cloud(message)

        self._later(arrive, f"uplink {type(message).__name__} to {device_sid}")

    def _later(self, action: Callable[[], None], name: str) -> None:
        self.world.call_at(self.world.now() + self.latency, action, name=name)
