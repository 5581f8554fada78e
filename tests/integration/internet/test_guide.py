"""The guide to the virtual internet says what is true: its examples run, its rig file is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.rig.internet import build_internet
from harness.rig.load import parse_rig
from harness.virtual.world import World

pytest_plugins = ["pytester"]

GUIDE = Path(__file__).parents[3] / "docs" / "internet.md"


def test_the_examples_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_guide="\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)))
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_rig_file_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "my_tests").mkdir()
    (tmp_path / "my_tests" / "hosts.py").write_text("def api(request): return 'hello'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    world = World()
    [text] = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    internet = build_internet(world, parse_rig(text, name="guide"))
    try:
        assert internet.loopback("broker.example.com", 8883) == ("127.0.0.1", 1883)
        assert internet.loopback("broker.example.com", 1883) == ("127.0.0.1", 1883)
        assert internet.loopback("time.example.com", 123) == ("time.example.com", 123)
        assert internet.host("api.example.com").http_handler is not None
    finally:
        internet.close()
        world.close()
