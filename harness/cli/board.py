"""``mvh board``: one virtual board by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import console, print_json

app = typer.Typer(no_args_is_help=True)

_COLOURS = {"log": "default", "uart": "cyan", "pin": "yellow", "kernel": "blue", "crash": "bold red"}


@app.callback()
def board() -> None:
    """One virtual board."""


@app.command("run")
def run(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An ELF image, a raw flash image (.bin) or a bundle.")],
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How much virtual time: 500ms, 10s, 24h.")]
    = "10s",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    hclk: Annotated[int, typer.Option("--hclk", metavar="HZ", min=1_000_000, max=160_000_000, help="Core clock.")]
    = 64_000_000,
    seed: Annotated[int, typer.Option(help="Fixes every draw of chance.")] = 1,
    i2c: Annotated[list[str] | None, typer.Option(metavar="DEVICE", help="On an I2C bus: I2C1:mcp9808@0x18,"
                                                  "temperature=21.5, lis3dh, ht16k33, registers@0x68,0x75=0x68.")]
    = None,
    spi: Annotated[list[str] | None, typer.Option(metavar="DEVICE", help="On an SPI bus: SPI1:loopback, "
                                                  "SPI1:registers,select=PA4,0x0F=0x33.")] = None,
    pin: Annotated[list[str] | None, typer.Option(metavar="PIN=LEVEL", help="Drive a pin: PC13=1.")] = None,
    adc: Annotated[list[str] | None, typer.Option(metavar="INPUT=VOLTS", help="At a pin or channel of ADC1: PA0=1.65; "
                                                  "temperature=40.")] = None,
    typed: Annotated[list[str] | None, typer.Option("--type", metavar="UART[@TIME]:TEXT", help="Arrives at a serial "
                                                    "interface: 'USART2@100ms:hello\\n'.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Registers that are not modelled fault.")] = False,
) -> None:
    """Run an ELF image or a bundle on one virtual board, in virtual time, and print what it does.

    One line an event: virtual seconds since power-on, what it comes from (log, uart, pin, kernel, crash), and what.
    """
    from harness.clock import to_ns
    from harness.rig.bench_options import parse_bench, parse_typed
    from harness.rig.board_run import read_image, run_image

    to_ns(duration)  # complain of it before anything runs
    out = console()
    bench = parse_bench(i2c=i2c or (), spi=spi or (), pins=pin or (), adc=adc or (), strict=strict)
    keys = [parse_typed(text) for text in typed or ()]
    for happening in run_image(read_image(image), duration=duration, seed=seed, hclk_hz=hclk, bench=bench, typed=keys):
        if as_json:
            print_json({"t": happening.t, "source": happening.source, "text": happening.text})
        else:
            for line in happening.text.splitlines() or [""]:
                colour = _COLOURS[happening.source]
                out.print(f"{happening.t:12.6f}  [{colour}]{happening.source:<6}[/]  ", end="")
                out.print(line, markup=False, style=None if colour == "default" else colour)
