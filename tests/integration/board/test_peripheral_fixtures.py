"""The fixtures that drive peripherals, on whole boards, as both compilers make them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.firmware import build_fixture, find_toolchain
from harness.firmware.build import Built
from harness.firmware.settings import with_settings
from harness.formats.elf import ElfImage
from harness.virtual.board.devices.mcp9808 import Mcp9808
from harness.virtual.board.journal_text import describe

if TYPE_CHECKING:
    from tests.integration.board.conftest import Setup

MODES = {"polled": 0, "interrupt": 1, "dma": 2}


@pytest.fixture(params=["prebuilt", "gcc"])
def image(request: pytest.FixtureRequest) -> Callable[..., ElfImage]:
    """Returns the image of a fixture: the prebuilt one, or the same sources compiled by Arm's GCC."""

    def make(name: str, **settings: int) -> ElfImage:
        built: Built | None = None
        if request.param == "gcc":
            try:
                built = build_fixture(name, find_toolchain("gcc"))
            except UsageError as error:
                pytest.skip(str(error))
        return ElfImage.read(with_settings(name, built=built, **settings).elf)

    return make


def lines(setup: Setup) -> list[str]:
    return [str(entry.data["text"]) for entry in setup.world.journal.select("uart_line")]


@pytest.mark.parametrize("mode", MODES)
def test_the_console_answers(setup: Setup, image: Callable[..., ElfImage], mode: str) -> None:
    setup.board.install(image("uart-console", console_mode=MODES[mode]))
    heard = bytearray()
    setup.board.uart("USART2").listen(heard.append)
    setup.board.power_on()
    setup.run("3ms")
    assert heard == b"ready\r\n"
    for line in (b"hello\n", b"two words\r\n", b"a line that is longer than a FIFO\n"):
        setup.board.uart("USART2").send(line)
        setup.run("10ms")
    assert lines(setup) == ["ready", "echo 1: hello", "echo 2: two words",
                            "echo 3: a line that is longer than a FIFO"]
    assert (setup.symbol("line_count"), setup.symbol("overrun_count")) == (3, 0)
    assert setup.log()[-1][1] == f"console mode {MODES[mode]}"
    assert 115_000 < setup.board.uart("USART2").baud < 115_500


@pytest.mark.parametrize("mode", ["interrupt", "dma"])
def test_a_console_that_waits_costs_nothing(setup: Setup, elf: Callable[[str], ElfImage], mode: str) -> None:
    setup.board.install(ElfImage.read(with_settings("uart-console", console_mode=MODES[mode]).elf))
    setup.board.power_on()
    setup.run("24h")
    setup.board.uart("USART2").send(b"still there?\n")
    setup.run("20ms")
    assert lines(setup)[-1] == "echo 1: still there?"


def test_input_that_comes_too_fast_is_lost_and_told(setup: Setup) -> None:
    """While a polled console answers, it does not listen: as in silicon."""
    setup.board.install(ElfImage.read(with_settings("uart-console", console_mode=0).elf))
    setup.board.power_on()
    setup.run("2ms")
    setup.board.uart("USART2").send(b"first\nlost\n")
    setup.run("8ms")
    assert setup.symbol("overrun_count") >= 1
    assert lines(setup)[1] == "echo 1: first"


def test_the_sensor_is_read_lost_and_found_again(setup: Setup, image: Callable[..., ElfImage]) -> None:
    bus = setup.board.i2c("I2C1")
    sensor = bus.attach(Mcp9808(temperature=21.5))
    setup.board.install(image("i2c-sensor"))
    setup.board.power_on()
    setup.run("700ms")
    sensor.temperature = -3.0625
    setup.run("500ms")
    bus.detach(sensor)
    setup.run("500ms")
    bus.attach(sensor)
    setup.run("500ms")
    assert [text for _, text in setup.log()] == [
        "looking for the sensor", "sensor found", "temperature 21.5000", "temperature 21.5000", "temperature -3.0625",
        "sensor lost", "sensor found", "temperature -3.0625"]
    assert setup.symbol("reading_count") == 4


def test_no_sensor_is_no_hang(setup: Setup, image: Callable[..., ElfImage]) -> None:
    setup.board.install(image("i2c-sensor"))
    setup.board.power_on()
    setup.run("5200ms")
    assert [text for _, text in setup.log()] == ["looking for the sensor"]
    assert setup.symbol("failure_count") == 11


@pytest.mark.parametrize("trouble", ["lose_arbitration", "disturb"])
def test_one_disturbed_transfer_is_one_failure(setup: Setup, elf: Callable[[str], ElfImage], trouble: str) -> None:
    bus = setup.board.i2c("I2C1")
    bus.attach(Mcp9808(temperature=20.0))
    setup.board.install(elf("i2c-sensor"))
    setup.board.power_on()
    setup.run("1300ms")
    getattr(bus, trouble)()
    setup.run("500ms")
    assert setup.log()[-1][1] == "sensor lost"
    setup.run("500ms")
    assert setup.log()[-1][1] == "temperature 20.0000"
    assert setup.symbol("failure_count") == 1


def test_a_held_bus_times_out_and_comes_back(setup: Setup, elf: Callable[[str], ElfImage]) -> None:
    bus = setup.board.i2c("I2C1")
    bus.attach(Mcp9808(temperature=20.0))
    setup.board.install(elf("i2c-sensor"))
    setup.board.power_on()
    setup.run("1300ms")
    bus.hold_clock()
    setup.run("500ms")
    assert setup.log()[-1][1] == "sensor lost"
    bus.release()
    setup.run("800ms")
    assert setup.log()[-1][1] == "temperature 20.0000"


def test_the_led_fades(setup: Setup, image: Callable[..., ElfImage]) -> None:
    setup.board.install(image("pwm"))
    setup.board.power_on()
    seen = []
    for _ in range(6):
        setup.run("250ms")
        found = setup.board.pin("PA5").pwm
        assert found is not None
        seen.append((found.frequency_hz, found.duty))
        setup.run("250ms")
    assert seen == [(1000.0, duty) for duty in (0.0, 0.25, 0.5, 0.75, 1.0, 0.0)]
    told = [describe(entry) for entry in setup.world.journal.select("pwm_changed")]
    assert told[1] == ("pin", "PA5 PWM 1000 Hz 25.0%")


def test_edges_of_the_led_are_watched(setup: Setup) -> None:
    setup.board.install(ElfImage.read(with_settings("pwm", pwm_hz=200).elf))
    edges: list[tuple[int, int]] = []
    setup.board.pin("PA5").watch(lambda level: edges.append((setup.board.now(), level)))
    setup.board.power_on()
    setup.run("700ms")
    rises = [t for t, level in edges if level]
    falls = [t for t, level in edges if not level]
    assert len(rises) == 40  # 200 ms at 200 Hz
    assert all(abs(b - a - 5_000_000) <= 1000 for a, b in pairwise(rises))
    assert all(abs(b - a - 1_250_000) <= 1000 for a, b in zip(rises, falls, strict=False))


def test_tasks_queue_mutex_and_critical_sections(setup: Setup, image: Callable[..., ElfImage]) -> None:
    setup.board.install(image("rtos"))
    setup.board.power_on()
    setup.run("1s")
    assert [text for _, text in setup.log()] == ["items 151"]
    violations = ("order_violations", "mutex_violations", "inversion_violations", "masking_violations")
    assert [setup.symbol(name) for name in violations] == [0, 0, 0, 0]
    counts = {name: setup.symbol(name) for name in ("item_count", "timeout_count", "fast_count", "ledger_count",
                                                    "inheritance_count", "switch_count")}
    assert counts == {"item_count": 300, "timeout_count": 150, "fast_count": 1999, "ledger_count": 188,
                      "inheritance_count": 12, "switch_count": 1336}


@pytest.mark.parametrize("name", ["uart-console", "i2c-sensor", "pwm", "rtos"])
def test_equal_runs_have_equal_journals(make_setup: Callable[..., Setup], elf: Callable[[str], ElfImage],
                                        name: str) -> None:
    digests = []
    for slices in (["300ms"], ["100ms"] * 3):
        setup = make_setup(seed=7, hclk_hz=4_000_000)
        setup.board.i2c("I2C1").attach(Mcp9808())
        setup.board.install(elf(name))
        setup.board.power_on()
        setup.board.uart("USART2").send(b"hello\n")
        for span in slices:
            setup.run(span)
        digests.append(setup.world.journal.digest())
    assert digests[0] == digests[1]
