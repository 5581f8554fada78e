"""What pyOCD loads in every run of every user to learn of virtual boards; entry point group ``pyocd.probe``.

Importing any part of pyOCD imports all of it, and that loads the plug-ins. So this module imports nothing at its top:
it must work while another module of ours is in the middle of importing pyOCD.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PROBE = "harness.virtual.board.debug.probe"


def virtual_probe_plugin() -> Any:
    """Return the plug-in that makes :class:`~harness.virtual.board.debug.probe.VirtualProbe` known to pyOCD."""
    from pyocd.core.plugin import Plugin

    class VirtualProbePlugin(Plugin):  # type: ignore[misc]  # pyOCD is not typed
        def should_load(self) -> bool:
            # False while that module is being imported itself: then it adds its class at its end.
            return hasattr(import_module(_PROBE), "VirtualProbe")

        def load(self) -> Any:
            return import_module(_PROBE).VirtualProbe

        @property
        def name(self) -> str:
            return "mvh"

        @property
        def description(self) -> str:
            return "Virtual Microvisor boards of the microvisor-harness"

    return VirtualProbePlugin()
