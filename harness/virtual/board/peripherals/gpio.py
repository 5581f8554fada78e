"""GPIO ports A to I, and their pins as tests see them (RM0456, chapter GPIO).

A pin has one level, made from what drives it: the port itself in output mode, a peripheral in alternate function mode,
a test that drives it from outside, a pull resistor. An undriven pin without a pull reads as 0.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import UsageError
from harness.virtual.board.peripherals.base import WORD, Peripheral, PeripheralHost, registers

PORTS = "ABCDEFGHI"
GPIO_BASE = 0x4202_0000

INPUT, OUTPUT, ALTERNATE, ANALOG = range(4)
_PULL_UP, _PULL_DOWN = 1, 2

# Port A and B keep their JTAG and SWD pins in alternate function mode after reset.
_RESETS = {"A": {"MODER": 0xABFF_FFFF, "OSPEEDR": 0x0800_0000, "PUPDR": 0x6400_0000},
           "B": {"MODER": 0xFFFF_FEBF, "PUPDR": 0x0000_0100}}

Watcher = Callable[[int], None]


class Pin:
    """One pin, as a test holds it: ``board.pin("PA5")``.

    Example::

        led = board.pin("PA5")
        led.watch(lambda level: print("LED", level))
        board.pin("PC13").drive(1)      # a button
    """

    def __init__(self, port: Port, number: int) -> None:
        self._port = port
        self._number = number
        self._watchers: list[Watcher] = []
        self.external: int | None = None
        """What the outside drives."""
        self._function: int | None = None
        self._level = 0
        self._changes = 0

    def __repr__(self) -> str:
        return f"Pin({self.name!r}, level={self._level}, mode={('input', 'output', 'alternate', 'analog')[self.mode]})"

    @property
    def name(self) -> str:
        """``PA5``."""
        return f"P{self._port.letter}{self._number}"

    @property
    def level(self) -> int:
        """0 or 1."""
        return self._level

    @property
    def changes(self) -> int:
        """How often the level changed since power-on."""
        return self._changes

    @property
    def mode(self) -> int:
        """MODER of this pin: 0 input, 1 output, 2 alternate function, 3 analog."""
        return self._port.values["MODER"] >> 2 * self._number & 3

    @property
    def alternate_function(self) -> int:
        """Number of the alternate function that is selected."""
        half, index = divmod(self._number, 8)
        return self._port.values["AFRH" if half else "AFRL"] >> 4 * index & 0xF

    def drive(self, level: int | None) -> None:
        """Drive the pin from outside, or let it go with None.

        Raises:
            UsageError: not 0, 1 or None.
        """
        if level not in (0, 1, None):
            raise UsageError(f"a pin is driven to 0 or 1, or let go with None, not {level!r}")
        self._port.drive(self, level)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` with every new level; return what ends that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    def drive_function(self, level: int | None) -> None:
        """For peripherals: the level of the alternate function's output, None if it has none."""
        self._function = level
        self._port.refresh(1 << self._number)

    def resolve(self) -> int:
        """Return the level that all who drive the pin agree on; a push-pull output is stronger than the outside."""
        values, number = self._port.values, self._number
        mode = self.mode
        driven: int | None = None
        if mode == OUTPUT:
            driven = values["ODR"] >> number & 1
        elif mode == ALTERNATE:
            driven = self._function
        if driven == 1 and values["OTYPER"] >> number & 1:
            driven = None  # open drain: high means let go
        if driven is not None:
            return driven
        if self.external is not None:
            return self.external
        return int(mode != ANALOG and values["PUPDR"] >> 2 * number & 3 == _PULL_UP)

    def update(self) -> bool:
        """Take the resolved level; return whether it changed."""
        level = self.resolve()
        if level == self._level:
            return False
        self._level = level
        self._changes += 1
        return True

    def tell(self) -> bool:
        """Tell the watchers; return whether there are any."""
        for watcher in tuple(self._watchers):
            watcher(self._level)
        return bool(self._watchers)

    def power_on(self) -> None:
        """Forget the past of the chip; what the outside drives stays."""
        self._function = None
        self._changes = 0
        self._level = self.resolve()


class Port(Peripheral):
    """A port of 16 pins.

    Args:
        letter: ``A`` to ``I``.
        edge: told every change of a pin's level: number and level. EXTI listens there.
    """

    REGISTERS = registers(
        ("MODER", 0x00, 0xFFFF_FFFF), ("OTYPER", 0x04, 0, 0xFFFF), ("OSPEEDR", 0x08), ("PUPDR", 0x0C),
        ("IDR", 0x10, 0, 0), ("ODR", 0x14, 0, 0xFFFF), ("BSRR", 0x18), ("LCKR", 0x1C, 0, 0x1_FFFF), ("AFRL", 0x20),
        ("AFRH", 0x24), ("BRR", 0x28), ("HSLVR", 0x2C, 0, 0xFFFF), ("SECCFGR", 0x30, 0, 0))

    def __init__(self, host: PeripheralHost, letter: str, *, edge: Callable[[str, int, int], None]) -> None:
        super().__init__(host, f"GPIO{letter}", GPIO_BASE + 0x400 * PORTS.index(letter))
        self.letter = letter
        self._edge = edge
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
            if pins & 1 and pin.update():
                self._changed(pin, by="app")
            pins >>= 1

    def drive(self, pin: Pin, level: int | None) -> None:
        """Drive a pin from outside, or let it go."""
        self._host.sync()
        pin.external = level
        if pin.update():
            self._changed(pin, by="test")

    def _changed(self, pin: Pin, *, by: str) -> None:
        number = self.pins.index(pin)
        self._host.record_fact("pin_changed", pin=pin.name, level=pin.level, by=by)
        self._edge(self.letter, number, pin.level)
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


def parse_pin(name: str) -> tuple[str, int]:
    """Return port and number of a pin name.

    Raises:
        UsageError: there is no such pin.
    """
    if len(name) >= 3 and name[0] == "P" and name[1] in PORTS and name[2:].isdecimal() and name[2:] == str(
            int(name[2:])) and int(name[2:]) < 16:
        return name[1], int(name[2:])
    raise UsageError(f"no pin {name!r}: pins are PA0 to PI15")
