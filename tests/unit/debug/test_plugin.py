"""The plug-ins: found by pyOCD after an install, cheap, and importable in any order."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

MODULES = ("harness.virtual.board.debug.probe", "harness.virtual.board.debug.plugin", "harness.pyocd_target",
           "harness.drivers.stm32u585", "harness.drivers.board.probes", "pyocd.probe.aggregator")


@pytest.mark.parametrize("first", MODULES)
def test_whichever_module_comes_first_all_is_known(first: str) -> None:
    code = (f"import {first}\n"
            "import harness.drivers.board.probes as probes; probes.load_pyocd()\n"
            "from pyocd.probe.aggregator import PROBE_CLASSES; from pyocd.target import TARGET\n"
            "from pyocd.target.builtin import BUILTIN_TARGETS\n"
            "assert PROBE_CLASSES['mvh'].__name__ == 'VirtualProbe'\n"
            "assert TARGET['stm32u585'] is BUILTIN_TARGETS['stm32u585']\n"
            "import sys; assert 'unicorn' not in sys.modules and 'harness.virtual.world' not in sys.modules\n")
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_plugins_describe_themselves() -> None:
    from harness.pyocd_target import target_plugin
    from harness.virtual.board.debug.plugin import virtual_probe_plugin

    probe: Any = virtual_probe_plugin()
    assert (probe.name, probe.should_load(), probe.load().__name__) == ("mvh", True, "VirtualProbe")
    assert not target_plugin().should_load()
    assert {probe.description, target_plugin().description, target_plugin().name} == {
        "Virtual Microvisor boards of the microvisor-harness", "Target type stm32u585 of the microvisor-harness",
        "stm32u585"}
