"""ADC1: conversions of the voltages that tests set (RM0456, chapter ADC1).

Single and continuous conversions of the regular sequence, discontinuous mode, oversampling, the first analog watchdog
and DMA requests are modelled, each conversion with its sampling time. Injected channels, differential inputs and
hardware triggers are not; :meth:`Adc.trigger` starts a sequence that waits for one.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import UsageError
from harness.virtual.board.peripherals.base import WORD, DmaRequest, Peripheral, PeripheralHost, Register, Timer

ADC1_BASE = 0x4202_8000
ADC1_IRQ = 37

# ISR
ADRDY, EOSMP, EOC, EOS, OVR, AWD1, EOCAL, LDORDY = (1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 7, 1 << 11, 1 << 12)
# CR
ADEN, ADDIS, ADSTART, ADSTP, ADVREGEN, DEEPPWD, ADCAL = (1 << 0, 1 << 1, 1 << 2, 1 << 4, 1 << 28, 1 << 29, 1 << 31)
# CFGR1
OVRMOD, CONT, AUTDLY, DISCEN, AWD1SGL, AWD1EN = 1 << 12, 1 << 13, 1 << 14, 1 << 16, 1 << 22, 1 << 23
# CCR
VREFEN, VSENSESEL, VBATEN = 1 << 22, 1 << 23, 1 << 24

CHANNELS = 20
PINS = {"PC0": 1, "PC1": 2, "PC2": 3, "PC3": 4, "PA0": 5, "PA1": 6, "PA2": 7, "PA3": 8, "PA4": 9, "PA5": 10, "PA6": 11,
        "PA7": 12, "PC4": 13, "PC5": 14, "PB0": 15, "PB1": 16, "PB2": 17}
"""The channel of each pin that has one."""
VREFINT, VBAT, TEMPERATURE = 0, 18, 19

VREF_VOLTS = 3.3
_INTERNAL = {VREFINT: VREFEN, VBAT: VBATEN, TEMPERATURE: VSENSESEL}
_SAMPLING = (5, 6, 12, 20, 36, 68, 391, 814)  # cycles of the converter's clock
_CONVERTING = (17, 15, 13, 11)  # by CFGR1.RES
_BITS = (14, 12, 10, 8)
_PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)
_MICROSECOND = 1_000_000

Voltage = float | Callable[[float], float]
"""Volts, or a function of the seconds since the calendar's beginning that returns them."""


class Adc(Peripheral):
    """The converter.

    Args:
        clock_hz: tells the frequency of its kernel clock.

    Example::

        board.adc.set("PA0", 1.65)
        board.adc.set(16, lambda t: 1.0 + 0.5 * math.sin(t))
        board.adc.set_temperature(40.0)
    """

    REGISTERS = (
        Register(name="ISR", offset=0x00, write=0, clear_by_one=0x07FF),
        Register(name="IER", offset=0x04, write=0x07FF),
        Register(name="CR", offset=0x08, reset=DEEPPWD, write=0x3F01_0000),
        Register(name="CFGR1", offset=0x0C, reset=1 << 31), Register(name="CFGR2", offset=0x10),
        Register(name="SMPR1", offset=0x14, write=0x3FFF_FFFF), Register(name="SMPR2", offset=0x18, write=0x3FFF_FFFF),
        Register(name="PCSEL", offset=0x1C, write=0xF_FFFF),
        *(Register(name=f"SQR{n + 1}", offset=0x30 + 4 * n) for n in range(4)),
        Register(name="DR", offset=0x40, write=0), Register(name="PWRR", offset=0x44),
        Register(name="JSQR", offset=0x4C),
        *(Register(name=f"OFR{n + 1}", offset=0x60 + 4 * n) for n in range(4)),
        Register(name="GCOMP", offset=0x70), *(Register(name=f"JDR{n + 1}", offset=0x80 + 4 * n, write=0)
                                               for n in range(4)),
        Register(name="AWD2CR", offset=0xA0), Register(name="AWD3CR", offset=0xA4), Register(name="LTR1", offset=0xA8),
        Register(name="HTR1", offset=0xAC, reset=0x01FF_FFFF), Register(name="LTR2", offset=0xB0),
        Register(name="HTR2", offset=0xB4, reset=0x01FF_FFFF), Register(name="LTR3", offset=0xB8),
        Register(name="HTR3", offset=0xBC, reset=0x01FF_FFFF), Register(name="DIFSEL", offset=0xC0),
        Register(name="CALFACT", offset=0xC4), Register(name="CALFACT2", offset=0xC8),
        Register(name="CSR", offset=0x300, write=0), Register(name="CCR", offset=0x308, write=0x01FF_FFFF),
        Register(name="CDR", offset=0x30C, write=0))

    def __init__(self, host: PeripheralHost, *, clock_hz: Callable[[], int]) -> None:
        self.request = DmaRequest()
        self.vref = VREF_VOLTS
        """The reference: the voltage that gives the highest value."""
        self._clock_hz = clock_hz
        self._voltages: dict[int, Voltage] = {VREFINT: 1.215, VBAT: 3.0 / 4}
        self._step: Timer | None = None
        self._next = 0
        super().__init__(host, "ADC1", ADC1_BASE)
        self.set_temperature(25.0)

    def reset(self) -> None:
        self._cancel()
        self._next = 0
        super().reset()
        self._update()

    # -- for tests ----------------------------------------------------------------------------------------------------

    def set(self, channel: int | str, volts: Voltage) -> None:
        """Set the voltage at a channel, 0 to 19, or at a pin that has one; what was not set is at 0 V.

        Raises:
            UsageError: no such channel, or not a voltage from 0 to 3.6.
        """
        if isinstance(channel, str):
            if channel not in PINS:
                raise UsageError(f"pin {channel!r} has no channel of ADC1: {', '.join(PINS)} have one")
            channel = PINS[channel]
        if not 0 <= channel < CHANNELS:
            raise UsageError(f"ADC1 has channels 0 to {CHANNELS - 1}, not {channel}")
        if not callable(volts) and not 0 <= volts <= 3.6:
            raise UsageError(f"an input takes 0 to 3.6 V, not {volts}")
        self._voltages[channel] = volts

    def set_temperature(self, celsius: float) -> None:
        """Set what the internal sensor measures, by its typical characteristic: 0.752 V at 30 degrees, 2.5 mV each."""
        self.set(TEMPERATURE, 0.752 + 0.0025 * (celsius - 30))

    def set_battery(self, volts: float) -> None:
        """Set the voltage at VBAT, a quarter of which is converted."""
        self.set(VBAT, volts / 4)

    def trigger(self) -> None:
        """Start the sequence that waits for a hardware trigger; nothing if none does."""
        self._host.sync()
        if self.values["CR"] & ADSTART and self._step is None:
            self._convert()

    # -- conversions --------------------------------------------------------------------------------------------------

    def _cancel(self) -> None:
        if self._step is not None:
            self._step.cancel()
            self._step = None

    @property
    def _sequence(self) -> list[int]:
        """Channels of the regular sequence."""
        fields = [self.values["SQR1"] >> 6 * place & 0x1F for place in (1, 2, 3, 4)]
        for register in ("SQR2", "SQR3", "SQR4"):
            fields += [self.values[register] >> 6 * place & 0x1F for place in range(5)]
        return fields[:(self.values["SQR1"] & 0xF) + 1]

    @property
    def _resolution(self) -> int:
        return self.values["CFGR1"] >> 2 & 3

    def _convert(self) -> None:
        channel = self._sequence[self._next % len(self._sequence)]
        register = "SMPR1" if channel < 10 else "SMPR2"
        sampling = _SAMPLING[self.values[register] >> 3 * (channel % 10) & 7]
        ticks = (sampling + _CONVERTING[self._resolution]) * self._oversampling
        ticks *= _PRESCALERS[min(self.values["CCR"] >> 18 & 0xF, 11)]
        self._step = self.after(ticks * self._host.hclk_hz // self._clock_hz(), lambda: self._converted(channel))

    @property
    def _oversampling(self) -> int:
        return (self.values["CFGR2"] >> 16 & 0x3FF) + 1 if self.values["CFGR2"] & 1 else 1

    def sample(self, channel: int) -> int:
        """Return what a conversion of this channel gives now."""
        if channel in _INTERNAL and not self.values["CCR"] & _INTERNAL[channel]:
            return 0
        voltage = self._voltages.get(channel, 0.0)
        if callable(voltage):
            voltage = voltage(self._host.calendar_ns / 1e9)
        top = (1 << _BITS[self._resolution]) - 1
        value = max(0, min(top, round(voltage / self.vref * top)))
        if self.values["CFGR2"] & 1:
            value = value * self._oversampling >> (self.values["CFGR2"] >> 5 & 0xF)
        return value << (self.values["CFGR2"] >> 28) & WORD

    def _converted(self, channel: int) -> None:
        self._step = None
        value, status = self.sample(channel), self.values["ISR"]
        if status & EOC:
            self.values["ISR"] |= OVR
        if not status & EOC or self.values["CFGR1"] & OVRMOD:
            self.values["DR"] = value
        self.values["ISR"] |= EOC | EOSMP
        config = self.values["CFGR1"]
        if config & AWD1EN and (not config & AWD1SGL or config >> 26 & 0x1F == channel) and not (
                self.values["LTR1"] <= value <= self.values["HTR1"] & 0x01FF_FFFF):
            self.values["ISR"] |= AWD1
        self._next += 1
        ended = self._next >= len(self._sequence)
        if ended:
            self._next = 0
            self.values["ISR"] |= EOS
        pauses = config & DISCEN and self._next % ((config >> 17 & 7) + 1) == 0
        if pauses or (ended and not config & CONT):
            self._rest()
        elif not config & AUTDLY:
            self._convert()
        self._update()

    def _rest(self) -> None:
        """Wait for the next trigger; one by software must be given anew."""
        if not self.values["CFGR1"] >> 10 & 3:
            self.values["CR"] &= ~ADSTART

    def _update(self) -> None:
        self._host.set_irq(ADC1_IRQ, bool(self.values["ISR"] & self.values["IER"]))
        self.request.set(bool(self.values["CFGR1"] & 3 in (1, 3) and self.values["ISR"] & EOC))

    def _later(self, microseconds: int, action: Callable[[], None]) -> None:
        self._cancel()
        self._step = self.after(microseconds * self._host.hclk_hz // _MICROSECOND, action)

    # -- registers ----------------------------------------------------------------------------------------------------

    def write_isr(self, value: int, mask: int) -> None:
        self.store_by_name("ISR", value, mask)
        self._update()

    def write_ier(self, value: int, mask: int) -> None:
        self.store_by_name("IER", value, mask)
        self._update()

    def write_cfgr1(self, value: int, mask: int) -> None:
        self.store_by_name("CFGR1", value, mask)
        self._update()

    def write_cr(self, value: int, mask: int) -> None:
        before = self.values["CR"]
        now = self.store_by_name("CR", value, mask)
        asked = value & mask & ~before  # these bits are set by software and cleared by the converter
        if now & DEEPPWD or not now & ADVREGEN:
            self._cancel()
            self.values["CR"] &= ~(ADEN | ADDIS | ADSTART | ADSTP | ADCAL)
            self.values["ISR"] &= ~(LDORDY | ADRDY)
        elif not before & ADVREGEN:
            self._later(20, lambda: self._ready(LDORDY))
        elif asked & ADCAL and not before & ADSTART:
            self.values["CR"] |= ADCAL
            self._later(100, self._calibrated)
        elif asked & ADEN and not before & (ADCAL | ADDIS):
            self.values["CR"] |= ADEN
            self._later(5, lambda: self._ready(ADRDY))
        elif asked & ADDIS and before & ADEN and not before & ADSTART:
            self._cancel()
            self.values["CR"] &= ~ADEN
            self.values["ISR"] &= ~ADRDY
        elif asked & ADSTP and before & ADSTART:
            self._cancel()
            self.values["CR"] &= ~ADSTART
            self._next = 0
        elif asked & ADSTART and before & ADEN:
            self.values["CR"] |= ADSTART
            if not self.values["CFGR1"] >> 10 & 3:
                self._convert()
        self._update()

    def _ready(self, flag: int) -> None:
        self._step = None
        self.values["ISR"] |= flag | LDORDY
        self._update()

    def _calibrated(self) -> None:
        self.values["CR"] &= ~ADCAL
        self._ready(EOCAL)

    def read_dr(self) -> int:
        if self.values["ISR"] & EOC:
            self.values["ISR"] &= ~EOC
            if self.values["CFGR1"] & AUTDLY and self.values["CR"] & ADSTART and self._step is None and (
                    not self.values["CFGR1"] >> 10 & 3):
                self._convert()
            self._update()
        return self.values["DR"]
