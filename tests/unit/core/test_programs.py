"""The assembled programs are those of the sources."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs PyPI's ziglang, the extra `firmware`")
def test_programs_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("assemble", HERE / "assemble.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.assemble() == json.loads((HERE / "programs.json").read_text())
