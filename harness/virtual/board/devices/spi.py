"""An SPI bus and what can be attached to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from harness.errors import UsageError

T = TypeVar("T", bound="SpiDevice")


class SpiDevice(ABC):
    """A device on an SPI bus: subclass it for one of your own."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def selected(self) -> None:  # noqa: B027 - some devices have nothing to do here
        """Chip select fell: a transfer begins."""

    @abstractmethod
    def transfer(self, value: int, bits: int) -> int:
        """Take a frame of this many bits from MOSI and return the one that goes to MISO at the same time."""

    def deselected(self) -> None:  # noqa: B027 - likewise
        """Chip select rose."""


class SpiLoopback(SpiDevice):
    """A wire from MOSI to MISO."""

    def transfer(self, value: int, bits: int) -> int:
        return value


class SelectPin(Protocol):
    """The pin that selects a device."""

    @property
    def level(self) -> int: ...

    def watch(self, watcher: Callable[[int], None]) -> Callable[[], None]: ...


@dataclass(slots=True)
class _Place:
    """Where a device is attached."""

    device: SpiDevice
    select: SelectPin | None
    stop: Callable[[], None] | None = None


class SpiBus:
    """The wires at one SPI interface.

    A device answers while its select pin is low; one without a select pin answers whenever the interface is on, and
    its transfers are those of the interface. Where nobody answers, MISO reads as ones.

    Args:
        pin: finds a pin by name.

    Example::

        flash = board.spi("SPI1").attach(MyFlash(), select="PA4")
    """

    def __init__(self, name: str, pin: Callable[[str], SelectPin]) -> None:
        self.name = name
        self._pin = pin
        self._places: list[_Place] = []

    def __repr__(self) -> str:
        return f"SpiBus({self.name!r}, {[place.device for place in self._places]})"

    @property
    def devices(self) -> tuple[SpiDevice, ...]:
        """What is attached."""
        return tuple(place.device for place in self._places)

    def attach(self, device: T, *, select: str | None = None) -> T:
        """Attach a device, selected by the pin of this name while that is low, and return it.

        Raises:
            UsageError: no such pin, or the device is attached already.
        """
        if device in self.devices:
            raise UsageError(f"{self.name}: {device!r} is attached already")
        place = _Place(device, None if select is None else self._pin(select))
        if place.select is not None:
            place.stop = place.select.watch(lambda level: device.deselected() if level else device.selected())
        self._places.append(place)
        return device

    def detach(self, device: SpiDevice) -> None:
        """Take a device off the bus; no error if it is not there."""
        for place in self._places:
            if place.device is device:
                if place.stop is not None:
                    place.stop()
                self._places.remove(place)
                return

    def begin(self) -> None:
        """Take note that the interface was switched on."""
        for place in self._places:
            if place.select is None:
                place.device.selected()

    def end(self) -> None:
        """Take note that the interface was switched off."""
        for place in self._places:
            if place.select is None:
                place.device.deselected()

    def transfer(self, value: int, bits: int) -> int:
        """Exchange one frame with the devices that are selected; return MISO."""
        result = (1 << bits) - 1
        for place in tuple(self._places):
            if place.select is None or not place.select.level:
                result &= place.device.transfer(value, bits)
        return result
