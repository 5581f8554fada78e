"""What a port shows of the data that is typed at a prompt (3GPP TS 27.005 clause 3.5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from harness.virtual.modem.output import Kind

if TYPE_CHECKING:
    from harness.virtual.modem.command import Prompt

_ESCAPE: Final = b"\x1b"  # not shown: a terminal would take what follows for a control sequence


def shown_at_prompt(prompt: Prompt, typed: bytes, *, echo_on: bool) -> Iterator[tuple[Kind, bytes]]:
    """Return what is shown: the data, Ctrl-Z included, where the port echoes; each carriage return prompts again."""
    echo = echo_on and prompt.echo
    if prompt.length is not None:
        if echo:
            yield Kind.ECHO, typed
        return
    for number, line in enumerate(typed.translate(None, _ESCAPE).split(b"\r")):
        if number and echo:
            yield Kind.ECHO, b"\r"
        if number and prompt.again:
            yield Kind.PROMPT, prompt.again
        if line and echo:
            yield Kind.ECHO, line
