"""The way between timers and pins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from harness.virtual.board.peripherals.gpio import Port
from harness.virtual.board.peripherals.pin import ALTERNATE, Pin, parse_pin
from harness.virtual.board.peripherals.timer import Timer
from harness.virtual.board.peripherals.timer_channel import Channel, Pwm
from harness.virtual.board.peripherals.timer_pins import timer_pins


class TimerOutput:
    """One output of one channel. Implements :class:`~.pin.Waveform`."""

    def __init__(self, timer: Timer, channel: Channel, *, complementary: bool) -> None:
        self._timer = timer
        self._channel = channel
        self._complementary = complementary

    def __repr__(self) -> str:
        return f"TimerOutput({self._channel!r}, complementary={self._complementary})"

    def level(self) -> int | None:
        return self._channel.level(complementary=self._complementary)

    def pwm(self) -> Pwm | None:
        return self._channel.waveform(complementary=self._complementary)

    def watch(self, number: int) -> None:
        self._timer.watch(number)


def connect_timers(timers: Mapping[str, Timer], ports: Mapping[str, Port]) -> None:
    """Let pins show the outputs of timers, and timers see the levels of pins."""
    places: dict[str, dict[str, list[Pin]]] = {name: {} for name in timers}
    for name, function, timer_name, number, complementary in timer_pins():
        letter, index = parse_pin(name)
        pin, timer = ports[letter].pins[index], timers[timer_name]
        pin.waveforms[function] = TimerOutput(timer, timer.channels[number], complementary=complementary)
        if not complementary:
            pin.inputs[function] = partial(timer.input_changed, number)
        places[timer_name].setdefault(letter, []).append(pin)
    for name, timer in timers.items():
        if places[name]:
            timer.on_output = partial(_refresh, ports, places[name])


def _refresh(ports: Mapping[str, Port], places: Mapping[str, list[Pin]]) -> None:
    """Work out the pins anew that a timer may drive."""
    for letter, pins in places.items():
        mask = sum(1 << pin.number for pin in pins if pin.mode == ALTERNATE)
        if mask:
            ports[letter].refresh(mask)
