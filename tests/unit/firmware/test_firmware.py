"""Fixtures: the prebuilt images are what their hashes say, and what their sources build to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import harness
from harness.errors import UsageError
from harness.firmware import build_fixture, find_toolchain, fixture, fixture_names
from harness.firmware.build import Built, differences
from harness.firmware.catalogue import HASHES, fixtures_root, is_installed, sha256
from harness.firmware.toolchain import PINNED_ZIG, Kind, Toolchain
from harness.formats.bundle import Bundle
from harness.formats.elf import ElfImage


def compiler(kind: str) -> Toolchain:
    try:
        return find_toolchain(kind)
    except UsageError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", fixture_names())
def test_prebuilt_images_have_the_recorded_hashes(name: str) -> None:
    item = fixture(name)
    assert item.hashes() == {path.name: sha256(path.read_bytes()) for path in (item.elf, item.bundle)}


@pytest.mark.parametrize("name", fixture_names())
def test_prebuilt_bundle_is_made_of_the_prebuilt_elf(name: str) -> None:
    item = fixture(name)
    assert Bundle.read(item.bundle.read_bytes()).rom() == ElfImage.read(item.elf.read_bytes()).rom()


@pytest.mark.parametrize("name", fixture_names())
def test_prebuilt_elf_remembers_no_machine(name: str) -> None:
    """Paths in it are relative to the fixtures; no home, no build directory, no installation of the compiler."""
    data = fixture(name).elf.read_bytes()
    for trace in (b"site-packages", b"/home/", b"/root/", b"/tmp/", str(fixtures_root()).encode()):
        assert trace not in data


@pytest.mark.parametrize("name", fixture_names())
def test_description_is_the_first_line_of_the_source(name: str) -> None:
    assert fixture(name).description.endswith(".")


@pytest.mark.parametrize("name", fixture_names())
def test_rebuild_gives_the_same_bytes(name: str) -> None:
    zig = compiler("zig")
    if not zig.is_reference:
        pytest.skip(f"the prebuilt images are of ziglang {PINNED_ZIG}, this is {zig.version}")
    assert differences(build_fixture(name, zig)) == []


@pytest.mark.parametrize("name", fixture_names())
def test_gcc_builds_it_too(name: str, tmp_path: Path) -> None:
    built = build_fixture(name, compiler("gcc"), tmp_path)
    prebuilt = ElfImage.read(fixture(name).elf.read_bytes())
    image = ElfImage.read(built.elf)
    assert differences(built, comparable=False) == []
    assert {symbol.name for symbol in prebuilt.symbols.values() if symbol.name.endswith("_count")} <= set(image.symbols)
    assert Bundle.read(built.bundle).rom() == image.rom()
    listing = (tmp_path / HASHES).read_text()
    assert listing == f"{sha256(built.elf)}  {name}.elf\n{sha256(built.bundle)}  {name}.zip\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([HASHES, f"{name}.elf", f"{name}.zip"])


def test_build_does_not_depend_on_where_the_sources_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zig = compiler("zig")
    moved = tmp_path / "a folder with spaces" / "firmware_fixtures"
    shutil.copytree(fixtures_root(), moved)
    here = build_fixture("heartbeat", zig)
    monkeypatch.setattr("harness.firmware.catalogue._PACKAGE", moved.parent / "harness")
    assert fixtures_root() == moved
    assert build_fixture("heartbeat", zig) == here


def test_differences_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = tmp_path / "firmware_fixtures"
    shutil.copytree(fixtures_root(), moved)
    monkeypatch.setattr("harness.firmware.catalogue._PACKAGE", tmp_path / "harness")
    item = fixture("heartbeat")
    same = Built(name=item.name, elf=item.elf.read_bytes(), bundle=item.bundle.read_bytes())
    tasks = fixture("tasks")
    other = Built(name=item.name, elf=tasks.elf.read_bytes(), bundle=tasks.bundle.read_bytes())
    assert differences(same) == []
    assert [text.split(" ", 1)[0] for text in differences(other)] == ["heartbeat.elf", "heartbeat.zip"]
    item.elf.write_bytes(b"tampered with")
    assert "SHA256SUMS says" in differences(same)[0]
    item.bundle.unlink()
    assert differences(same)[1] == "heartbeat.zip is missing"
    (item.directory / HASHES).write_text("nonsense\n")
    with pytest.raises(UsageError, match="can't be read as '<sha256>  <file>' lines"):
        differences(same)


def test_compiler_errors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zig = compiler("zig")
    moved = tmp_path / "firmware_fixtures"
    shutil.copytree(fixtures_root(), moved)
    monkeypatch.setattr("harness.firmware.catalogue._PACKAGE", tmp_path / "harness")
    (moved / "heartbeat" / "main.c").write_text("/* heartbeat: broken. */\nint main(void) { return nothing; }\n")
    with pytest.raises(UsageError, match=r"(?s)zig .* failed with exit code 1:.*nothing"):
        build_fixture("heartbeat", zig)


def test_unknown_fixture_is_told_with_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"no firmware fixture 'hartbeat'; did you mean 'heartbeat'\? there are: "):
        fixture("hartbeat")


def test_unknown_toolchain() -> None:
    with pytest.raises(UsageError, match=r"no such toolchain: 'msvc' \(there are: gcc, zig\)"):
        find_toolchain("msvc")


def test_no_toolchain_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"no compiler for the board \(zig or gcc\): install the PyPI package ziglang"):
        find_toolchain()


def test_prefers_the_compiler_of_the_prebuilt_images() -> None:
    assert compiler("zig").kind is find_toolchain().kind is Kind.ZIG


def test_fixtures_are_those_of_the_harness_under_test() -> None:
    package = Path(harness.__file__).resolve().parent
    assert fixtures_root() == (package if is_installed() else package.parent) / "firmware_fixtures"
