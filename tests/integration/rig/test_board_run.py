"""``mvh board run``: real machine code on one board, one event a line, and clear words for what is no image."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.formats.elf import ElfImage

FIXTURES = Path(__file__).parents[3] / "firmware_fixtures"


def _run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "harness.cli", "board", "run", *map(str, arguments)], text=True,
                          capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("image", ["heartbeat.elf", "heartbeat.zip"])
def test_an_image_tells_what_it_does(image: str) -> None:
    done = _run(FIXTURES / "heartbeat" / image, "--for", "3500ms", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(set(event) == {"t", "source", "text"} for event in events)
    assert {event["source"] for event in events} <= {"log", "uart", "pin", "kernel", "crash"}
    beats = {event["text"]: event["t"] for event in events if event["text"].startswith("beat")}
    assert {text: round(t) for text, t in beats.items()} == {"beat 1": 1, "beat 2": 2, "beat 3": 3}
    assert [event["text"] for event in events if event["source"] == "pin"] == ["PA5=1", "PA5=0", "PA5=1"]
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)


def test_two_runs_print_the_same() -> None:
    image = FIXTURES / "tasks" / "tasks.elf"
    assert _run(image, "--for", "1s").stdout == _run(image, "--for", "1s").stdout != ""


def test_a_hang_is_the_last_thing_told() -> None:
    told = _run(FIXTURES / "hang" / "hang.elf", "--for", "2s").stdout.splitlines()
    assert re.search(r"hung in wait_for_flag\+0x\w+, PRIMASK=1$", told[-1]), told[-1]
    assert "hung" not in _run(FIXTURES / "spin-idle" / "spin-idle.elf", "--for", "1s").stdout


def test_a_raw_flash_image_runs_too(tmp_path: Path) -> None:
    image = tmp_path / "heartbeat.bin"
    image.write_bytes(ElfImage.read((FIXTURES / "heartbeat" / "heartbeat.elf").read_bytes()).rom())
    assert "  log     beat 1\n" in _run(image, "--for", "2s").stdout


def test_people_get_columns() -> None:
    assert "  log     beat 1\n" in _run(FIXTURES / "heartbeat" / "heartbeat.elf", "--for", "2s").stdout


def _other_machine() -> bytes:
    image = bytearray((FIXTURES / "heartbeat" / "heartbeat.elf").read_bytes())
    image[18:20] = (243).to_bytes(2, "little")  # e_machine: RISC-V
    return bytes(image)


@pytest.mark.parametrize(("content", "complaint"), [
    (b"", "neither an ELF image"), (b"hello", "neither an ELF image"), (b"\x7fELF", "ELF"), (b"PK\x03\x04", "zip"),
    (_other_machine(), "RISC"),
])
def test_what_is_no_image_is_told_in_one_line(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    done = _run(path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.startswith("mvh: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("none.elf",), (FIXTURES / "tasks" / "tasks.elf", "--for", "soon")])
def test_wrong_arguments_are_told(arguments: tuple[str | Path, ...]) -> None:
    done = _run(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_bench_stands_around_the_board() -> None:
    done = _run(FIXTURES / "i2c-sensor" / "i2c-sensor.elf", "--for", "700ms", "--json", "--strict", "--i2c",
                "I2C1:mcp9808,temperature=-7.25", "--pin", "PC13=1", "--adc", "PA0=1.65", "--spi", "SPI1:loopback")
    assert (done.returncode, done.stderr) == (0, "")
    assert [event["text"] for line in done.stdout.splitlines() if (event := json.loads(line))["source"] == "log"] == [
        "looking for the sensor", "sensor found", "temperature -7.2500", "temperature -7.2500"]


def test_somebody_types() -> None:
    done = _run(FIXTURES / "uart-console" / "uart-console.elf", "--for", "20ms", "--json", "--type",
                "USART2@3ms:hello\\n")
    assert [event["text"] for line in done.stdout.splitlines() if (event := json.loads(line))["source"] == "uart"] == [
        "USART2: ready", "USART2: echo 1: hello"]


@pytest.mark.parametrize(("option", "complaint"), [
    (("--i2c", "I2C1:teapot"), "i2c.0.device"), (("--adc", "PA0=9"), "0 to 3.6 V"), (("--type", "x"), "to type"),
    (("--type", "UART9:x"), "no serial interface 'UART9'")])
def test_a_bench_that_can_not_be(option: tuple[str, str], complaint: str) -> None:
    done = _run(FIXTURES / "pwm" / "pwm.elf", *option)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert done.stdout == ""
