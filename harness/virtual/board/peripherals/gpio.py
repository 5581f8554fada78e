"""GPIO ports A to I (RM0456, chapter GPIO)."""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.board.peripherals.base import WORD, Peripheral, PeripheralHost, Timer, registers
from harness.virtual.board.peripherals.pin import ANALOG, PORTS, Pin

GPIO_BASE = 0x4202_0000

# Port A and B keep their JTAG and SWD pins in alternate function mode after reset.
_RESETS = {"A": {"MODER": 0xABFF_FFFF, "OSPEEDR": 0x0800_0000, "PUPDR": 0x6400_0000},
           "B": {"MODER": 0xFFFF_FEBF, "PUPDR": 0x0000_0100}}


class Port(Peripheral):
    """A port of 16 pins.

    Args:
        letter: ``A`` to ``I``.
        edge: told every change of a pin's level: letter, number and level. EXTI listens there.
        edges_matter: tells whether it wants to know of a pin's edges.
    """

    REGISTERS = registers(
        ("MODER", 0x00, 0xFFFF_FFFF), ("OTYPER", 0x04, 0, 0xFFFF), ("OSPEEDR", 0x08), ("PUPDR", 0x0C),
        ("IDR", 0x10, 0, 0), ("ODR", 0x14, 0, 0xFFFF), ("BSRR", 0x18), ("LCKR", 0x1C, 0, 0x1_FFFF), ("AFRL", 0x20),
        ("AFRH", 0x24), ("BRR", 0x28), ("HSLVR", 0x2C, 0, 0xFFFF), ("SECCFGR", 0x30, 0, 0))

    def __init__(self, host: PeripheralHost, letter: str, *, edge: Callable[[str, int, int], None],
                 edges_matter: Callable[[str, int], bool]) -> None:
        super().__init__(host, f"GPIO{letter}", GPIO_BASE + 0x400 * PORTS.index(letter))
        self.letter = letter
        self._edge = edge
        self._edges_matter = edges_matter
        self._lock_step = 0
        self._locked = 0
        self.pins = tuple(Pin(self, number) for number in range(16))
        self.values.update(_RESETS.get(letter, {}))
        self.power_on()

    def reset(self) -> None:
        super().reset()
        self.values.update(_RESETS.get(self.letter, {}))
        self._lock_step = self._locked = 0
        self.refresh(0xFFFF)

    def power_on(self) -> None:
        """Let the pins begin with the levels of a chip that comes out of power-on reset: no level *changes*."""
        for pin in self.pins:
            pin.power_on()

    def refresh(self, pins: int = 0xFFFF) -> None:
        """Work out the levels of these pins anew and tell of those that changed."""
        for pin in self.pins:
            if pins & 1:
                pin.route()
                if pin.waveforms and (pwm := pin.take_waveform()) is not None:
                    self._host.record_fact("pwm_changed", pin=pin.name, frequency_hz=round(pwm.frequency_hz, 3),
                                           duty=round(pwm.duty, 6))
                if pin.update():
                    self._changed(pin, by="app")
            pins >>= 1

    def drive(self, pin: Pin, level: int | None) -> None:
        """Drive a pin from outside, or let it go."""
        self._host.sync()
        pin.external = level
        if pin.update():
            self._changed(pin, by="test")

    def edges_matter(self, number: int) -> bool:
        """Return whether an edge of this pin would do anything."""
        return self._edges_matter(self.letter, number)

    @property
    def now_ns(self) -> int:
        """The calendar, for what drives pins in time."""
        return self._host.calendar_ns

    def after_ns(self, nanoseconds: int, action: Callable[[], None]) -> Timer:
        """Let ``action`` happen after this time."""
        return self._host.call_after(nanoseconds, action, "pin")

    def _changed(self, pin: Pin, *, by: str) -> None:
        level = pin.level
        if not pin.is_waving:
            self._host.record_fact("pin_changed", pin=pin.name, level=level, by=by)
        self._edge(self.letter, pin.number, level)
        if pin.tell():
            self._host.posted()

    # -- registers --

    def _lockable(self, name: str, value: int, mask: int, width: int) -> None:
        """Store configuration bits, except those of locked pins (``width`` bits each)."""
        if self._locked:
            for number in range(16):
                if self._locked >> number & 1:
                    mask &= ~(((1 << width) - 1) << width * number)
        self.store_by_name(name, value, mask)
        self.refresh()

    def write_afrl(self, value: int, mask: int) -> None:
        self._lock_functions("AFRL", self._locked & 0xFF, value, mask)

    def write_afrh(self, value: int, mask: int) -> None:
        self._lock_functions("AFRH", self._locked >> 8, value, mask)

    def _lock_functions(self, name: str, locked: int, value: int, mask: int) -> None:
        for number in range(8):
            if locked >> number & 1:
                mask &= ~(0xF << 4 * number)
        self.store_by_name(name, value, mask)
        self.refresh()

    def write_ospeedr(self, value: int, mask: int) -> None:
        self._lockable("OSPEEDR", value, mask, 2)

    def write_moder(self, value: int, mask: int) -> None:
        self._lockable("MODER", value, mask, 2)

    def write_otyper(self, value: int, mask: int) -> None:
        self._lockable("OTYPER", value, mask, 1)

    def write_pupdr(self, value: int, mask: int) -> None:
        self._lockable("PUPDR", value, mask, 2)

    def read_idr(self) -> int:
        value = 0
        for number, pin in enumerate(self.pins):
            value |= pin.level << number if pin.mode != ANALOG else 0
        return value

    def write_odr(self, value: int, mask: int) -> None:
        self._set_outputs(self.values["ODR"] & ~mask | value & mask)

    def read_bsrr(self) -> int:
        return 0

    def write_bsrr(self, value: int, mask: int) -> None:
        # Setting wins where both halves name a pin (RM0456, GPIOx_BSRR).
        self._set_outputs(self.values["ODR"] & ~(value >> 16) | value & 0xFFFF)

    def read_brr(self) -> int:
        return 0

    def write_brr(self, value: int, mask: int) -> None:
        self._set_outputs(self.values["ODR"] & ~(value & 0xFFFF))

    def _set_outputs(self, value: int) -> None:
        value &= 0xFFFF
        changed = value ^ self.values["ODR"]
        self.values["ODR"] = value
        if changed:
            self.refresh(changed)

    def write_lckr(self, value: int, mask: int) -> None:
        """Follow the lock sequence: key and pins, pins, key and pins, then a read."""
        if self._locked or mask != WORD:
            return
        pins, key = value & 0xFFFF, value >> 16 & 1
        wanted = (1, 0, 1)[self._lock_step] if self._lock_step < 3 else None
        if key == wanted and (self._lock_step == 0 or pins == self.values["LCKR"] & 0xFFFF):
            self._lock_step += 1
        else:
            self._lock_step = 1 if key else 0
        self.values["LCKR"] = pins

    def read_lckr(self) -> int:
        if self._lock_step == 3:
            self._locked = self.values["LCKR"] & 0xFFFF
            self.values["LCKR"] |= 1 << 16
            self._lock_step = 0
        return self.values["LCKR"]
