"""The bench of ``mvh board run``: short texts for what a rig file says in tables."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError

from harness.clock import to_ns
from harness.errors import UsageError
from harness.rig.bench_model import BenchTable

_DEVICE = re.compile(r"(?P<bus>\w+):(?P<device>\w+)(@(?P<address>0x[0-9a-fA-F]+|\d+))?(?P<rest>(,[^,=]+=[^,]+)*)")
_TYPED = re.compile(r"(?P<uart>\w+)(@(?P<at>[\d.]+(ns|us|ms|s|min|h|d)))?:(?P<text>.*)", re.DOTALL)
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Something typed on a serial interface, so many nanoseconds after power-on."""

    uart: str
    at: int
    data: bytes


def parse_bench(*, i2c: Sequence[str] = (), spi: Sequence[str] = (), pins: Sequence[str] = (), adc: Sequence[str] = (),
                strict: bool = False) -> BenchTable:
    """Return the bench that options describe.

    Args:
        i2c: ``I2C1:mcp9808@0x18,temperature=21.5``, ``I2C1:registers@0x68,0x75=0x68``.
        spi: ``SPI1:loopback``, ``SPI1:registers,select=PA4,0x0F=0x33``.
        pins: ``PC13=1``.
        adc: ``PA0=1.65``, ``temperature=40``.

    Raises:
        UsageError: one of them says nothing that can be; tells which and why.
    """
    return _table({
        "i2c": [_device(text, "I2C1:mcp9808@0x18,temperature=21.5") for text in i2c],
        "spi": [_device(text, "SPI1:registers,select=PA4,0x0F=0x33") for text in spi],
        "pins": {name: int(level) if level in ("0", "1") else level
                 for name, level in (_pair(text, "PC13=1") for text in pins)},
        "adc": dict(_pair(text, "PA0=1.65") for text in adc), "strict": strict})


def parse_typed(text: str) -> Typed:
    """Return what is typed: ``USART2:hello\\n``, or ``USART2@100ms:hello\\n`` for later than at power-on.

    Raises:
        UsageError: not of this form.
    """
    match = _TYPED.fullmatch(text)
    if match is None:
        raise UsageError(f"not something to type: {text!r} (write USART2:hello\\n or USART2@100ms:hello\\n)")
    try:
        data = codecs.escape_decode(match["text"].encode())[0]
    except ValueError as error:
        raise UsageError(f"not something to type: {text!r}: {error}") from None
    return Typed(uart=match["uart"], at=to_ns(match["at"] or 0), data=bytes(data))


def _device(text: str, example: str) -> dict[str, Any]:
    match = _DEVICE.fullmatch(text)
    if match is None:
        raise UsageError(f"not a device: {text!r} (an example: {example})")
    table: dict[str, Any] = {"bus": match["bus"], "device": match["device"]}
    if match["address"]:
        table["address"] = match["address"]
    for pair in match["rest"].split(",")[1:]:
        name, value = pair.split("=", 1)
        if _NUMBER.fullmatch(name):
            table.setdefault("registers", {})[name] = value
        elif name == "acceleration":
            table[name] = value.split("/")
        else:
            table[name] = value
    return table


def _pair(text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f"not a name and a value: {text!r} (an example: {example})")
    return name, value


def _table(data: dict[str, Any]) -> BenchTable:
    try:
        return BenchTable.model_validate(data)
    except ValidationError as error:
        _complain(error)


def _complain(error: ValidationError) -> NoReturn:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    raise UsageError(f"{place}: {message[:1].lower()}{message[1:]}, not {problem['input']!r}") from None
