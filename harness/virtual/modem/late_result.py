"""A result that comes later: what a module needs for a command, put around what the command answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from harness.virtual.modem.command import Pending, Prompt, Result
from harness.virtual.world import World


def delayed(world: World, result: Result, delay: int) -> Result:
    """Return a result that takes at least ``delay`` nanoseconds from now.

    Prompts come at once, and what follows their data is late; what is pending anyway takes at least so long.
    """
    if isinstance(result, Prompt):
        then = result.then
        return replace(result, then=lambda data: delayed(world, then(data), delay))
    earliest = world.now() + delay

    def finish_late(finish: Callable[[Result], None], outcome: Result) -> None:
        if world.now() >= earliest:
            finish(outcome)
        else:
            world.call_at(earliest, partial(finish, outcome), name="modem-command")

    if isinstance(result, Pending):
        return replace(result, start=lambda finish: result.start(partial(finish_late, finish)))
    return Pending(partial(_end_at, world, earliest, result))


def _end_at(world: World, instant: int, result: Result, finish: Callable[[Result], None]) -> None:
    world.call_at(instant, partial(finish, result), name="modem-command")
