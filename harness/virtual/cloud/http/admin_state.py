"""The part of the admin side that sets a cloud back and lets time pass: snapshots, reset, clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from harness.clock import NANOSECONDS, VirtualClock, to_ns
from harness.errors import UsageError
from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.resources import iso
from harness.virtual.world import World

Route: TypeAlias = Callable[[Mapping[str, str], bytes], object]

LONGEST_ADVANCE = 10 * 366 * 86_400 * NANOSECONDS
"""How far one request can move a virtual clock, in nanoseconds."""


class _Name(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[\w. -]{1,64}$")


class _Advance(BaseModel):
    model_config = ConfigDict(extra="forbid")
    advance: str = Field(max_length=64)


def state_routes(cloud: Cloud) -> dict[tuple[str, str], Route]:
    """Return what can be asked of a cloud's state; each is a turn of the world."""
    snapshots = cloud.snapshots

    def listed() -> object:
        return {"snapshots": list(snapshots.names)}

    def take(query: Mapping[str, str], body: bytes) -> object:
        snapshots.take(_Name.model_validate_json(body).name)
        return listed()

    def remove(query: Mapping[str, str], body: bytes) -> object:
        snapshots.remove(query.get("name", ""))
        return listed()

    def restore(query: Mapping[str, str], body: bytes) -> object:
        name = _Name.model_validate_json(body).name
        snapshots.restore(name)
        return {"restored": name}

    def reset(query: Mapping[str, str], body: bytes) -> object:
        snapshots.reset()
        cloud.faults.remove()
        return {"reset": True}

    return {("GET", "/snapshots"): lambda query, body: listed(), ("POST", "/snapshots"): take,
            ("DELETE", "/snapshots"): remove, ("POST", "/restore"): restore, ("POST", "/reset"): reset,
            ("GET", "/clock"): lambda query, body: tell_time(cloud.world)}


def tell_time(world: World) -> object:
    """Return what a world's clock says."""
    return {"seconds": world.now() / NANOSECONDS, "calendar": iso(world.calendar()), "virtual": world.is_virtual}


def advance(world: World, body: bytes) -> object:
    """Let time pass, with all that happens meanwhile, and return what the clock says then. Not in a turn: it is many.

    Raises:
        UsageError: the clock is not virtual, or the duration is none.
    """
    if not isinstance(world.clock, VirtualClock):
        raise UsageError("only a virtual clock can be moved; this one is the machine's")
    span = to_ns(_Advance.model_validate_json(body).advance)
    if span > LONGEST_ADVANCE:
        raise UsageError(f"a clock is moved by at most {LONGEST_ADVANCE // (86_400 * NANOSECONDS)} days at once")
    world.clock.sleep(f"{span}ns")
    return tell_time(world)
