"""The STM32U585 around its core: all peripherals on one bus, and the registers that only the kernel touches."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from harness.errors import UsageError
from harness.virtual.board.devices.i2c import I2cBus
from harness.virtual.board.devices.spi import SpiBus
from harness.virtual.board.peripherals.adc import Adc
from harness.virtual.board.peripherals.base import DmaRequest, Peripheral, PeripheralHost
from harness.virtual.board.peripherals.bus import Bus
from harness.virtual.board.peripherals.caches import DCACHE_BASE, ICACHE_BASE, Cache, Syscfg
from harness.virtual.board.peripherals.clock_tree import ClockTree
from harness.virtual.board.peripherals.crc import Crc
from harness.virtual.board.peripherals.exti import Exti
from harness.virtual.board.peripherals.gpdma import Gpdma
from harness.virtual.board.peripherals.gpio import Port
from harness.virtual.board.peripherals.i2c import I2CS, I2c
from harness.virtual.board.peripherals.iwdg import Iwdg
from harness.virtual.board.peripherals.pin import PORTS, Pin, parse_pin
from harness.virtual.board.peripherals.power import FlashRegisters, Pwr
from harness.virtual.board.peripherals.rcc import Rcc
from harness.virtual.board.peripherals.rng import Rng
from harness.virtual.board.peripherals.rtc import Rtc, Tamp
from harness.virtual.board.peripherals.spi import SPIS, Spi
from harness.virtual.board.peripherals.timer import TIMERS, BasicTimer, Timer
from harness.virtual.board.peripherals.timer_outputs import connect_timers
from harness.virtual.board.peripherals.usart import USARTS, Usart


class Soc:
    """All peripherals of one board.

    Args:
        strict: whether an access to a register that is not modelled is a bus error.
    """

    def __init__(self, host: PeripheralHost, clocks: ClockTree, *, strict: bool = False) -> None:
        self._host = host
        self.clocks = clocks
        self.exti = Exti(host)
        self.ports = {letter: Port(host, letter, edge=self.exti.edge, edges_matter=self.exti.wants)
                      for letter in PORTS}
        self.exti.on_select = self._route_pins
        self.timers = {name: (Timer if kind.channels else BasicTimer)(host, name, kind)
                       for name, kind in TIMERS.items()}
        connect_timers(self.timers, self.ports)
        self.rcc = rcc = Rcc(host, clocks, reset_peripheral=self._reset_one)
        self.i2cs = {name: I2c(host, name, kind, clock_hz=partial(rcc.kernel_hz, name)) for name, kind in I2CS.items()}
        self.usarts = {name: Usart(host, name, kind, clock_hz=partial(rcc.kernel_hz, name))
                       for name, kind in USARTS.items()}
        self.spis = {name: Spi(host, name, kind, SpiBus(name, self.pin), clock_hz=partial(rcc.kernel_hz, name))
                     for name, kind in SPIS.items()}
        self.adc = Adc(host, clock_hz=partial(rcc.kernel_hz, "ADC1"))
        self.rng = Rng(host)
        self.rtc = Rtc(host)
        self.tamp = Tamp(host)
        self.iwdg = Iwdg(host, expired=self._watchdog_expired)
        self.dma = Gpdma(host, self._requests())
        self.pwr = Pwr(host)
        self.flash = FlashRegisters(host)
        self._peripherals: dict[str, Peripheral] = {
            peripheral.name: peripheral for peripheral in (
                self.exti, *self.ports.values(), *self.timers.values(), *self.usarts.values(),
                *self.i2cs.values(), *self.spis.values(), self.adc, self.rng, Crc(host), self.rtc, self.tamp, self.iwdg,
                self.dma, Cache(host, "ICACHE", ICACHE_BASE), Cache(host, "DCACHE1", DCACHE_BASE), Syscfg(host),
                self.rcc, self.pwr, self.flash)}
        self.bus = Bus(self._peripherals.values(), strict=strict, record=host.record_fact)

    def __repr__(self) -> str:
        return f"Soc({len(self._peripherals)} peripherals, hclk={self.clocks.hclk} Hz)"

    def _route_pins(self) -> None:
        for port in self.ports.values():
            for pin in port.pins:
                pin.route()

    def _requests(self) -> dict[int, DmaRequest]:
        """Return the request lines by their number (RM0456, GPDMA1 requests)."""
        lines: dict[int, DmaRequest] = {}
        groups: tuple[tuple[int, int, Iterable[I2c | Spi | Usart]], ...] = (
            (6, 2, self.spis.values()), (12, 3, self.i2cs.values()), (24, 2, self.usarts.values()))
        for first, step, group in groups:
            for index, peripheral in enumerate(group):
                lines[first + step * index] = peripheral.rx_request
                lines[first + step * index + 1] = peripheral.tx_request
        lines[0] = self.adc.request
        return lines

    def reset(self) -> None:
        """Reset all peripherals, as a system reset does."""
        for peripheral in self._peripherals.values():
            peripheral.reset()

    def power_on(self) -> None:
        """Begin anew: counts of pin changes start at 0, and levels that pins begin with are no changes."""
        self.rtc.power_on()
        self.tamp.power_on()
        self.rcc.power_on()
        for port in self.ports.values():
            port.power_on()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all peripherals that are modelled."""
        return tuple(self._peripherals)

    def peripheral(self, name: str) -> Peripheral:
        """Return a peripheral by its name in the reference manual, ``TIM6``.

        Raises:
            UsageError: none of this name is modelled.
        """
        if name not in self._peripherals:
            raise UsageError(f"no peripheral {name!r}: modelled are {', '.join(self._peripherals)}")
        return self._peripherals[name]

    def pin(self, name: str) -> Pin:
        """Return a pin by its name, ``PA5``.

        Raises:
            UsageError: there is no such pin.
        """
        port, number = parse_pin(name)
        return self.ports[port].pins[number]

    def uart(self, name: str) -> Usart:
        """Return a serial interface by its name, ``USART2``.

        Raises:
            UsageError: there is none of this name.
        """
        if name not in self.usarts:
            raise UsageError(f"no serial interface {name!r}: there are {', '.join(self.usarts)}")
        return self.usarts[name]

    def i2c(self, name: str) -> I2cBus:
        """Return the bus at an I2C interface, ``I2C1``.

        Raises:
            UsageError: there is none of this name.
        """
        if name not in self.i2cs:
            raise UsageError(f"no I2C interface {name!r}: there are {', '.join(self.i2cs)}")
        return self.i2cs[name].bus

    def spi(self, name: str) -> SpiBus:
        """Return the bus at an SPI interface, ``SPI1``.

        Raises:
            UsageError: there is none of this name.
        """
        if name not in self.spis:
            raise UsageError(f"no SPI interface {name!r}: there are {', '.join(self.spis)}")
        return self.spis[name].bus

    def timer(self, name: str) -> Timer:
        """Return a timer by its name, ``TIM1``.

        Raises:
            UsageError: there is none of this name.
        """
        if name not in self.timers:
            raise UsageError(f"no timer {name!r}: there are {', '.join(self.timers)}")
        return self.timers[name]

    # -- registers that applications reach through the kernel ---------------------------------------------------------

    def peek(self, address: int) -> int | None:
        """Return a register on the kernel's list; None if it is not there or the address is not aligned."""
        peripheral = self._mediated(address)
        return None if peripheral is None else peripheral.read(address - peripheral.base, 4)

    def poke(self, address: int, mask: int, xor: int) -> bool:
        """Change bits of a register on the list; those the application may not touch stay. False if not on the list.

        Bits under ``mask`` take the value they have in ``xor``; all others are toggled where ``xor`` has a one.
        """
        peripheral = self._mediated(address)
        if peripheral is None:
            return False
        offset = address - peripheral.base
        value = (peripheral.read(offset, 4) & ~mask) ^ xor
        peripheral.write(offset, 4, value & 0xFFFF_FFFF)
        return True

    def _mediated(self, address: int) -> Peripheral | None:
        peripheral = self.bus.find(address)
        if peripheral is None or address & 3 or not peripheral.has(address - peripheral.base):
            return None
        offset = address - peripheral.base
        allowed = (peripheral is self.rcc or (peripheral is self.flash and offset == 0)
                   or (peripheral is self.pwr and offset in (0x0C, 0x28)))
        return peripheral if allowed else None

    def _watchdog_expired(self) -> None:
        self.rcc.watchdog_expired()
        self._host.watchdog_expired("IWDG")

    def _reset_one(self, name: str) -> None:
        if name in self._peripherals:
            self._peripherals[name].reset()
