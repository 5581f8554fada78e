"""The switches of a rig: programs for real devices, a turn of the world for virtual ones."""

from __future__ import annotations

from typing import Protocol

from harness.virtual.world import World


class Supplied(Protocol):
    """What has a supply: a virtual modem, or one that is replayed."""

    def power_off(self) -> None: ...

    def power_on(self) -> None: ...


class VirtualSwitch:
    """The switch in a virtual modem's supply: off is a brown-out, the modem does not get to say anything."""

    def __init__(self, world: World, modem: Supplied) -> None:
        self._world = world
        self._modem = modem

    def __repr__(self) -> str:
        return f"VirtualSwitch({self._modem!r})"

    def off(self) -> None:
        """Take the supply away."""
        with self._world.turn():
            self._modem.power_off()

    def on(self) -> None:
        """Give it back: the modem starts."""
        with self._world.turn():
            self._modem.power_on()
