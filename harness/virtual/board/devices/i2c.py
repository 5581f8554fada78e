"""An I2C bus and what can be attached to it (NXP UM10204)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum, auto
from typing import TypeVar

from harness.errors import UsageError

T = TypeVar("T", bound="I2cDevice")


class I2cDevice(ABC):
    """A target on an I2C bus: subclass it for a device of your own.

    A transfer is :meth:`started`, then bytes in one direction, then :meth:`stopped` or another start.

    Args:
        address: its 7-bit address.

    Raises:
        UsageError: not an address that a device may have (0x08 to 0x77).
    """

    def __init__(self, address: int) -> None:
        if not 0x08 <= address <= 0x77:
            raise UsageError(f"an I2C device has a 7-bit address from 0x08 to 0x77, not {address:#x}")
        self.address = address

    def __repr__(self) -> str:
        return f"{type(self).__name__}(address=0x{self.address:02x})"

    def started(self, *, reading: bool) -> bool:
        """Take a start with this device's address; return whether it is acknowledged."""
        return True

    @abstractmethod
    def write(self, byte: int) -> bool:
        """Take a byte from the controller; return whether it is acknowledged."""

    @abstractmethod
    def read(self) -> int:
        """Return the next byte for the controller."""

    def stopped(self) -> None:  # noqa: B027 - most devices have nothing to do here
        """Take the end of the transfer."""


class BusFault(Enum):
    """What a test can do to a bus."""

    ARBITRATION = auto()
    """Another controller wins the next transfer (ARLO)."""
    BUS_ERROR = auto()
    """A misplaced start or stop is seen during the next transfer (BERR)."""
    CLOCK_HELD = auto()
    """Somebody holds SCL low: nothing moves until the bus is released."""


class I2cBus:
    """The two wires at one I2C interface.

    Example::

        bus = board.i2c("I2C1")
        sensor = bus.attach(Mcp9808(temperature=21.5))
        sensor.temperature = 30.0
        bus.detach(sensor)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._devices: dict[int, I2cDevice] = {}
        self._fault: BusFault | None = None
        self.on_release: Callable[[], None] | None = None
        """Called when the clock is let go; set by the interface whose transfer waits."""

    def __repr__(self) -> str:
        return f"I2cBus({self.name!r}, {[*self._devices.values()]})"

    @property
    def devices(self) -> tuple[I2cDevice, ...]:
        """What is attached."""
        return tuple(self._devices.values())

    def attach(self, device: T) -> T:
        """Attach a device and return it.

        Raises:
            UsageError: another device has its address.
        """
        if device.address in self._devices:
            raise UsageError(f"{self.name}: {self._devices[device.address]!r} has this address already")
        self._devices[device.address] = device
        return device

    def detach(self, device: I2cDevice) -> None:
        """Take a device off the bus; no error if it is not there."""
        if self._devices.get(device.address) is device:
            del self._devices[device.address]

    @property
    def fault(self) -> BusFault | None:
        """What will happen to the next transfer, or happens now."""
        return self._fault

    def lose_arbitration(self) -> None:
        """Let another controller win the next transfer."""
        self._fault = BusFault.ARBITRATION

    def disturb(self) -> None:
        """Let a misplaced start or stop be seen during the next transfer."""
        self._fault = BusFault.BUS_ERROR

    def hold_clock(self) -> None:
        """Let SCL be held low from now on, as a hung device does."""
        self._fault = BusFault.CLOCK_HELD

    def release(self) -> None:
        """Undo :meth:`hold_clock`, or a fault that has not happened yet."""
        self._fault = None
        going_on, self.on_release = self.on_release, None
        if going_on is not None:
            going_on()

    def find(self, address: int) -> I2cDevice | None:
        """Return the device of this address, None if nobody answers."""
        return self._devices.get(address)
