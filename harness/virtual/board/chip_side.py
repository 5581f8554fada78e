"""What a board is to the peripherals of its chip, and how tests get at what stands around the chip: pins and buses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from harness.clock import Duration
from harness.journal import Fact
from harness.virtual.board.core.interface import FLASH_BASE, Core
from harness.virtual.board.devices.i2c import I2cBus
from harness.virtual.board.devices.spi import SpiBus
from harness.virtual.board.flash import PAGE, FlashStore
from harness.virtual.board.kernel.enums import MvWakeReason
from harness.virtual.board.peripherals.adc import Adc
from harness.virtual.board.peripherals.pin import Pin
from harness.virtual.board.peripherals.rng import Rng
from harness.virtual.board.peripherals.soc import Soc
from harness.virtual.board.peripherals.timer import Timer
from harness.virtual.board.peripherals.usart import Usart
from harness.virtual.world import Event, World

_CALENDAR_START = datetime(2000, 1, 1, tzinfo=UTC)


class _Whole(Protocol):
    """The board that this is a side of."""

    core: Core
    soc: Soc
    store: FlashStore
    world: World

    @property
    def is_running(self) -> bool: ...

    def now(self) -> int: ...

    def call_on_chip(self, delay: Duration, action: Callable[[], None], name: str) -> Event: ...

    def start_application(self, reason: MvWakeReason) -> None: ...

    def _record(self, source: str, event: str, **data: Fact) -> None: ...


class ChipSide:
    """Part of :class:`~.board.Board`."""

    # -- what stands around the chip ----------------------------------------------------------------------------------

    def pin(self: _Whole, name: str) -> Pin:
        """Return a pin by its name, ``PA5``; raises UsageError if there is none."""
        return self.soc.pin(name)

    def uart(self: _Whole, name: str) -> Usart:
        """Return a serial interface by its name, ``USART2``; raises UsageError if there is none."""
        return self.soc.uart(name)

    def i2c(self: _Whole, name: str) -> I2cBus:
        """Return the bus at an I2C interface, ``I2C1``, to attach devices to; raises UsageError if there is none."""
        return self.soc.i2c(name)

    def spi(self: _Whole, name: str) -> SpiBus:
        """Return the bus at an SPI interface, ``SPI1``, to attach devices to; raises UsageError if there is none."""
        return self.soc.spi(name)

    @property
    def adc(self: _Whole) -> Adc:
        """The analog-to-digital converter, to set voltages at its channels."""
        return self.soc.adc

    @property
    def rng(self: _Whole) -> Rng:
        """The random number generator, to let its noise source fail."""
        return self.soc.rng

    def timer(self: _Whole, name: str) -> Timer:
        """Return a timer by its name, ``TIM1``, to trip its break input; raises UsageError if there is none."""
        return self.soc.timer(name)

    # -- what peripherals ask of the board ----------------------------------------------------------------------------

    def read_bus(self: _Whole, address: int, size: int) -> int:
        return int.from_bytes(self.core.read_memory(address, size), "little")

    def write_bus(self: _Whole, address: int, size: int, value: int) -> None:
        self.core.write_memory(address, value.to_bytes(size, "little"))

    @property
    def calendar_ns(self: _Whole) -> int:
        return (self.world.epoch - _CALENDAR_START) // timedelta(microseconds=1) * 1000 + self.now()

    def call_after(self: _Whole, nanoseconds: int, action: Callable[[], None], name: str) -> Event:
        return self.call_on_chip(f"{nanoseconds}ns", action, name)

    def watchdog_expired(self: _Whole, name: str) -> None:
        """Reset the chip, as a watchdog does that was not refreshed; nothing while the kernel holds the application."""
        if self.is_running:
            self._record("board", "watchdog_expired", watchdog=name)
            self.start_application(MvWakeReason.MICROVISORWATCHDOG)

    # -- what a debugger asks of the flash ----------------------------------------------------------------------------

    def erase_flash_page(self: _Whole, index: int) -> None:
        self.store.internal.erase(index)
        self.core.program(FLASH_BASE + index * PAGE, b"\xff" * PAGE)

    def program_flash(self: _Whole, address: int, data: bytes) -> None:
        self.store.internal.write(address - FLASH_BASE, data)
        self.core.program(address, data)

    def read_flash(self: _Whole, address: int, size: int) -> bytes:
        return self.store.internal.read(address - FLASH_BASE, size)
