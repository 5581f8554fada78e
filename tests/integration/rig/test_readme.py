"""What the README shows runs as it stands."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

README = Path(__file__).parents[3] / "README.md"


def test_the_users_test_of_the_readme_passes(pytester: pytest.Pytester) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    code = next(block for block in blocks if "def test_" in block)
    assert len(code.strip().splitlines()) <= 22
    pytester.makepyfile(test_led=code)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_example_of_the_guide_passes(pytester: pytest.Pytester) -> None:
    guide = (README.parent / "docs" / "testing.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL))
    pytester.makepyfile(test_guide=code)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=code.count("def test_"))


def test_every_command_of_the_readme_exists() -> None:
    from typer.main import get_command

    from harness.cli.app import app

    root = get_command(app)
    for names in re.findall(r"^\| `mvh ([a-z /]+)", README.read_text(), re.MULTILINE):
        group, *rest = names.strip().split(" ", 1)
        found = root.commands[group]  # type: ignore[attr-defined]
        for name in rest[0].split(" / ") if rest else []:
            assert name in found.commands
