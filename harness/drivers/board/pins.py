"""Pins of the chip, seen through the registers of their GPIO port."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from harness.clock import Duration
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.drivers.board.board import Board

_GPIO_BASE, _PORT_STRIDE = 0x4202_0000, 0x400
_NAME = re.compile(r"P([A-I])(\d|1[0-5])")
_MODER, _OTYPER, _IDR, _ODR = 0, 1, 4, 5  # words of the port, RM0456


class PinMode(IntEnum):
    """What a pin is configured as: its two bits in MODER."""

    INPUT = 0
    OUTPUT = 1
    ALTERNATE = 2
    ANALOG = 3


class Pin:
    """One pin of a connected board, e.g. ``PA5``.

    Raises:
        UsageError: not the name of a pin, PA0 to PI15.
    """

    def __init__(self, board: Board, name: str) -> None:
        match = _NAME.fullmatch(name.upper())
        if match is None:
            raise UsageError(f"a pin is called PA0 to PI15, not {name!r}")
        self.name = name.upper()
        self._board = board
        self._port = _GPIO_BASE + _PORT_STRIDE * (ord(match[1]) - ord("A"))
        self._number = int(match[2])

    def __repr__(self) -> str:
        return f"Pin({self.name!r} of {self._board.name!r})"

    @property
    def mode(self) -> PinMode:
        """What the pin is configured as; raises BoardError."""
        return self._decode(self._registers())[0]

    @property
    def level(self) -> bool:
        """Whether the pin is high: what a push-pull output drives, and what all others read. Raises BoardError."""
        return self._decode(self._registers())[1]

    def wait(self, level: bool, *, within: Duration) -> None:
        """Let time pass until the pin has this level.

        Raises:
            TimeoutExpired: it did not within this time.
        """
        self._board.wait(lambda: self.level == level, within=within,
                               what=f"{self.name} of {self._board.name} to be {'high' if level else 'low'}",
                               saw=self._describe)

    def toggles(self, *, within: Duration) -> bool:
        """Let time pass until the level changes; return True.

        The level is sampled: in virtual time whenever something happens, in real time every few milliseconds. A pulse
        shorter than that is not seen.

        Raises:
            TimeoutExpired: it did not change within this time.
        """
        before = self.level
        self._board.wait(lambda: self.level != before, within=within,
                               what=f"{self.name} of {self._board.name} to toggle", saw=self._describe)
        return True

    def _registers(self) -> list[int]:
        return self._board.read_words(self._port, _ODR + 1)

    def _decode(self, words: list[int]) -> tuple[PinMode, bool]:
        mode = PinMode(words[_MODER] >> 2 * self._number & 3)
        driven = mode is PinMode.OUTPUT and not words[_OTYPER] >> self._number & 1
        return mode, bool(words[_ODR if driven else _IDR] >> self._number & 1)

    def _describe(self) -> str:
        mode, level = self._decode(self._registers())
        return f"{mode.name.lower()}, {'high' if level else 'low'}"
