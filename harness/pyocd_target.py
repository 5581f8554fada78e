"""Tells pyOCD of the target type ``stm32u585``: a plug-in that brings no probe and no RTOS, only the target.

pyOCD has no entry point group for targets, so this one sits in ``pyocd.probe``, which every pyOCD run loads. It answers
that it should not be loaded, after it has registered the target.
"""

from __future__ import annotations

from pyocd.core.plugin import Plugin


class TargetPlugin(Plugin):  # type: ignore[misc]  # pyOCD is not typed
    """What pyOCD loads."""

    def should_load(self) -> bool:
        """Register the target type; return False, because there is no probe class to load."""
        from harness.drivers.stm32u585 import register_target

        register_target()
        return False

    @property
    def name(self) -> str:
        return "stm32u585"

    @property
    def description(self) -> str:
        return "Target type stm32u585 of the microvisor-harness"
