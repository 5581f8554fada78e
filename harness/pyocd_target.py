"""Tells pyOCD of the target type ``stm32u585``: a plug-in that brings no probe and no RTOS, only the target.

pyOCD has no entry point group for targets, so this one sits in ``pyocd.probe``, which every pyOCD run loads. It answers
that it should not be loaded, after it has imported the module that registers the target. Like all plug-ins it imports
nothing at its top: importing any part of pyOCD loads the plug-ins.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def target_plugin() -> Any:
    """Return the plug-in that registers the target type."""
    from pyocd.core.plugin import Plugin

    class TargetPlugin(Plugin):  # type: ignore[misc]  # pyOCD is not typed
        def should_load(self) -> bool:
            import_module("harness.drivers.stm32u585")
            return False

        @property
        def name(self) -> str:
            return "stm32u585"

        @property
        def description(self) -> str:
            return "Target type stm32u585 of the microvisor-harness"

    return TargetPlugin()
