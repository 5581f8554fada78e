"""What a rig file may say of the things around a virtual board: devices on its buses, voltages, levels, consoles."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_PIN = r"P[A-I](\d|1[0-5])"
PinName = Annotated[str, Field(pattern=rf"^{_PIN}$")]
"""A pin: ``PA0`` to ``PI15``."""

AdcInput = Annotated[str, Field(pattern=rf"^({_PIN}|1?\d|temperature|battery)$")]
"""A channel of ADC1 from 0 to 19, a pin that has one, ``temperature`` (degrees Celsius) or ``battery`` (volts)."""

UartName = Literal["USART1", "USART2", "USART3", "UART4", "UART5", "LPUART1"]
I2cName = Literal["I2C1", "I2C2", "I2C3", "I2C4"]
SpiName = Literal["SPI1", "SPI2", "SPI3"]


def _byte(value: Any) -> int:
    """Take a number from 0 to 255, written as such or as text: ``0x0F``, ``15``."""
    if isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,2}|\d{1,3}", value):
        value = int(value, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0xFF:
        raise ValueError("write a number from 0 to 255, as 15 or as 0x0F")
    return value


Byte = Annotated[int, BeforeValidator(_byte)]
Registers = dict[Byte, Byte]
"""Registers and their values: ``{ 0x0F = 0x33 }``."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class I2cTable(_Table):
    """``[[board.i2c]]``: a device on an I2C bus of a virtual board."""

    bus: I2cName
    device: Literal["mcp9808", "lis3dh", "ht16k33", "registers"]
    """A sensor or a display, or any device that is a file of 8-bit registers."""
    address: Byte | None = None
    """7-bit address; the device's usual one if absent."""
    temperature: float | None = None
    """Degrees Celsius that an mcp9808 or a lis3dh measures."""
    acceleration: tuple[float, float, float] | None = None
    """g along x, y and z that a lis3dh measures."""
    registers: Registers = Field(default_factory=dict)
    """Initial values of a device of kind ``registers``."""
    read_only: tuple[Byte, ...] = ()
    """Those that the application can't change."""

    @model_validator(mode="after")
    def _settings_of_this_device(self) -> I2cTable:
        given = {name for name in ("temperature", "acceleration", "registers", "read_only") if getattr(self, name)
                 not in (None, {}, ())}
        allowed = {"mcp9808": {"temperature"}, "lis3dh": {"temperature", "acceleration"}, "ht16k33": set(),
                   "registers": {"registers", "read_only"}}[self.device]
        if given - allowed:
            raise ValueError(f"device {self.device!r} has no {', '.join(sorted(given - allowed))}; "
                             f"it has {', '.join(sorted(allowed)) or 'no settings'}")
        if self.device == "registers" and self.address is None:
            raise ValueError("device 'registers' needs an 'address'")
        return self


class SpiTable(_Table):
    """``[[board.spi]]``: a device on an SPI bus of a virtual board."""

    bus: SpiName
    device: Literal["loopback", "registers"]
    """A wire from MOSI to MISO, or a file of 8-bit registers whose number comes first."""
    select: PinName | None = None
    """The pin that selects it while low; selected with the interface if absent."""
    registers: Registers = Field(default_factory=dict)
    read_only: tuple[Byte, ...] = ()
    read_bit: Byte = 0x80
    """Bit of the first byte that means reading."""


class BenchTable(_Table):
    """What stands around a virtual board. Keys of ``[[board]]``."""

    strict: bool = False
    """Whether an access to a register that is not modelled is a bus fault, and not only told."""
    i2c: tuple[I2cTable, ...] = ()
    spi: tuple[SpiTable, ...] = ()
    pins: dict[PinName, Literal[0, 1]] = Field(default_factory=dict)
    """Levels that pins are driven to from outside."""
    adc: dict[AdcInput, float] = Field(default_factory=dict)
    """Volts at the inputs of ADC1."""
    consoles: dict[UartName, str] = Field(default_factory=dict)
    """Pseudo-terminals at serial interfaces: path of the link, or ``""`` for one in the stack's runtime folder."""
