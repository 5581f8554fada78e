"""``mvh broadcast``: what the cells of a running stack say to every device on them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harness.cli.admin import ask
from harness.cli.output import console, print_json

_PATH = "/broadcasts"


def broadcast(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="What is said; without: what is on the air.")]
    = None,
    message_id: Annotated[int | None, typer.Option("--id", metavar="N", help="Message identifier, 0 to 65535; 50 if "
                                                                              "nothing is said.")] = None,
    cell: Annotated[list[str] | None, typer.Option(metavar="CI", help="Only this cell (7, 0x7); may be given again.")]
    = None,
    language: Annotated[str, typer.Option(metavar="XX", help="Language of the text, two letters.")] = "",
    coding: Annotated[int | None, typer.Option(metavar="N", help="Data coding scheme (3GPP TS 23.038 clause 5).")]
    = None,
    serial: Annotated[int | None, typer.Option(metavar="N", help="Serial number; a new one if left out.")] = None,
    repeat: Annotated[int, typer.Option(metavar="N", help="How often it is said.")] = 1,
    every: Annotated[str, typer.Option(metavar="TIME", help="From one time to the next.")] = "30s",
    stop: Annotated[int | None, typer.Option(metavar="SERIAL", help="Take this serial number off the air.")] = None,
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Which stack, where several run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Let cells say a text to every device on them: mvh broadcast "Flood warning" --id 50 --cell 0x1."""
    if stop is not None:
        answer = ask(stack, "DELETE", _PATH, query={"serial": str(stop)})
        console().print(f"stopped {answer['stopped']}")
        return
    if text is None:
        found = ask(stack, "GET", _PATH)["broadcasts"]
        if as_json:
            print_json(found)
        elif not found:
            console().print("nothing is on the air", style="dim")
        else:
            for item in found:
                _show(item)
        return
    given: dict[str, Any] = {"text": text, "message_id": 50 if message_id is None else message_id, "cells": cell,
                             "language": language, "coding": coding, "serial": serial, "repeat": repeat, "every": every}
    said = ask(stack, "POST", _PATH, {key: value for key, value in given.items() if value not in (None, "", [])})
    if as_json:
        print_json(said)
    else:
        _show(said)


def _show(item: dict[str, Any]) -> None:
    pages = "1 page" if item["pages"] == 1 else f"{item['pages']} pages"
    console().print(f"serial {item['serial']}, id {item['message_id']}: {pages} on {len(item['cells'])} cells, "
                    f"{item['rounds_left']} times more", markup=False)
