"""What the fixtures show of the kernel: the prebuilt images, and what arm-none-eabi-gcc makes of the sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.firmware import build_fixture, find_toolchain, fixture
from harness.formats.bundle import Bundle, BundleOptions, CrashPolicy, create_bundle
from harness.formats.elf import ElfImage
from harness.virtual.board.core.interface import FLASH_BASE
from harness.virtual.board.kernel.enums import MvWakeReason
from harness.virtual.board.kernel.kernel import KernelSettings
from harness.virtual.board.parts import AppState
from harness.virtual.uplink import AppReported, LogLine

if TYPE_CHECKING:
    from tests.integration.board.conftest import Setup

NEW = "KA" + "2" * 32

_built: dict[str, ElfImage] = {}


@pytest.fixture(params=["prebuilt", "gcc"])
def image(request: pytest.FixtureRequest) -> Callable[..., ElfImage]:
    """Return the image of a fixture with settings changed: constants in flash, by name."""

    def make(name: str) -> ElfImage:
        if request.param == "prebuilt":
            return ElfImage.read(fixture(name).elf.read_bytes())
        if name not in _built:
            try:
                toolchain = find_toolchain("gcc")
            except UsageError as error:
                pytest.skip(str(error))
            _built[name] = ElfImage.read(build_fixture(name, toolchain).elf)
        return _built[name]

    return make


def bundle(elf: ElfImage, options: BundleOptions | None = None, **settings: int) -> Bundle:
    """Return a bundle of an image with some of its settings changed."""
    rom = bytearray(elf.rom())
    for name, value in settings.items():
        at = elf.symbol(name).address - FLASH_BASE
        rom[at:at + 4] = value.to_bytes(4, "little")
    return Bundle.read(create_bundle(bytes(rom), options=options))


def start(setup: Setup, elf: ElfImage, options: BundleOptions | None = None, **settings: int) -> None:
    setup.board.symbols = elf
    setup.board.install(bundle(elf, options, **settings))
    setup.board.power_on()


def texts(setup: Setup) -> list[str]:
    return [text for _, text in setup.log()]


def test_notify_ring(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("notify-ring"))
    setup.run("1s")
    assert texts(setup) == ["ring: 20 in order, 0 not", "overrun: 105 106 103 104"]
    assert len(list(setup.world.journal.select("notification_overrun"))) == 1


def test_strict_rings_keep_the_old_records(make_setup: Callable[..., Setup], image: Callable[[str], ElfImage]) -> None:
    setup = make_setup(settings=KernelSettings(strict_notifications=True))
    start(setup, image("notify-ring"))
    setup.run("1s")
    assert texts(setup) == ["ring: 20 in order, 0 not", "overrun: 101 102 103 104"]


def test_ext_flash(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("ext-flash"))
    setup.run("1s")
    assert setup.symbol("failure_count") == 0
    assert [text for text in texts(setup) if "failed" in text] == []
    assert "bits only clear: ok" in texts(setup)


def test_hard_float(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("hard-float"))
    setup.run("2100ms")
    assert texts(setup) == ["sum 0.9995, 0 wrong"] * 4
    assert setup.symbol("wrong_count") == 0


def test_fast_irq(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("fast-irq"))
    setup.run("2600ms")
    assert texts(setup) == [f"fast {n}" for n in (500, 1000, 1500, 2000, 2500)]
    assert list(setup.world.journal.select("fast_interrupts_shut_down")) == []


@pytest.mark.parametrize("misbehave", [1, 2])
def test_fast_interrupts_that_misbehave_are_shut_down(setup: Setup, image: Callable[[str], ElfImage],
                                                      misbehave: int) -> None:
    """A handler that never ends, and one that is entered again as soon as it ends, because its source stays on."""
    start(setup, image("fast-irq"), misbehave=misbehave)
    setup.run("500ms")
    told, = setup.world.journal.select("fast_interrupts_shut_down")
    assert "hangs" in str(told.data["reason"])
    assert "fast interrupts: status 10" in texts(setup)
    crash, = setup.world.journal.select("application_crashed")
    assert str(crash.data["text"]).startswith("fast interrupt 49 hangs")
    setup.run("1s")
    assert setup.board.kernel.system.wake_reason is MvWakeReason.APPLICATIONCRASH


def test_stack_overflow_is_stopped_by_the_limit(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("stack-overflow"))
    setup.run("500ms")
    crash, = setup.world.journal.select("application_crashed")
    assert "stack overflow" in str(crash.data["text"])
    assert " in recurse" in str(crash.data["text"])
    assert setup.symbol("overwritten_count") == 0


def test_without_the_limit_memory_is_overwritten(make_setup: Callable[..., Setup],
                                                 image: Callable[[str], ElfImage]) -> None:
    setup = make_setup(hclk_hz=1_000_000)  # it ends in a loop of WFI that a masked interrupt keeps from sleeping
    start(setup, image("stack-overflow"), use_limit=0)
    setup.run("120ms")
    assert list(setup.world.journal.select("application_crashed")) == []
    assert setup.symbol("overwritten_count") > 0


CRASHES = {
    1: "undefined instruction", 2: "precise data bus error, address 0x90000000",
    3: "precise data bus error, address 0x90000000", 4: "precise data bus error, address 0x08000000",
    5: "instruction bus error", 6: "invalid state", 9: "", 10: "invalid exception return", 11: "",
    12: "instruction bus error",
}
"""Words of the fault by crash kind. 7 and 8, division by zero and unaligned access, the emulator does not trap."""


@pytest.mark.parametrize("kind", CRASHES)
def test_each_kind_of_crash_is_reported(setup: Setup, image: Callable[[str], ElfImage], kind: int) -> None:
    start(setup, image("crash"), crash_kind=kind)
    setup.run("900ms")
    crash, = setup.world.journal.select("application_crashed")
    assert str(crash.data["text"]).endswith(CRASHES[kind])
    assert setup.symbol("survived_count") == 0
    assert setup.board.app_state is AppState.CRASHED
    frames = crash.data["backtrace"]
    assert isinstance(frames, (list, tuple))
    assert any(" main+0x" in str(frame) for frame in frames), frames
    assert len(bytes.fromhex(str(crash.data["stack"]))) == 128
    setup.run("2s")
    assert [text.split(" after ")[1] for text in texts(setup)][:2] == ["reset 0", "reset 8"]


def test_the_report_reaches_the_log_stream(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("crash"), BundleOptions(crash=CrashPolicy(
        minimum_restart_ms=2_000, maximum_restart_ms=8_000, stack_bytes=32)))
    setup.run("30s")
    told = [line.text.decode() for line in setup.cloud.of(LogLine) if line.origin == "system"]
    assert told[0].startswith("APPLICATION_CRASHED HardFault at 0x080")
    report = told[1].splitlines()
    assert report[0] == "CRASH_REPORT"
    assert any(line.startswith("pc=") or " pc=" in line for line in report)
    assert [line.split()[2].split("+")[0] for line in report if line.startswith("#")] == ["crash", "main",
                                                                                          "reset_handler"]
    assert sum(":" in line for line in report) == 2  # 32 bytes of stack
    starts = [entry.t // 1_000_000 for entry in setup.world.journal.select("application_started")]
    crashes = [entry.t // 1_000_000 for entry in setup.world.journal.select("application_crashed")]
    assert [later - crash for crash, later in zip(crashes, starts[1:], strict=False)] == [2_000, 4_000, 8_000, 8_000]


def test_main_may_return(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("crash"), crash_kind=13)
    setup.run("2s")
    assert list(setup.world.journal.select("application_crashed")) == []


def test_sleep_wake(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("sleep-wake"), BundleOptions(minimum_check_in_time_s=60, connection_grace_time_s=0),
          awake_ms=4000)
    setup.run("14s")
    assert texts(setup)[0] == "wake reason 0"
    assert texts(setup)[-1] == "deep sleep"
    assert setup.board.app_state is AppState.ASLEEP
    assert not setup.uplink.is_online(setup.board.device_sid)
    setup.run("70s")
    assert "wake reason 12" in texts(setup)


def test_shutdown_ends_in_a_cold_boot(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("sleep-wake"), BundleOptions(minimum_check_in_time_s=60), awake_ms=4000, deep_sleep_mode=1)
    setup.run("14s")
    assert setup.board.app_state is AppState.ASLEEP
    setup.board.wake(MvWakeReason.DEEPSLEEPAPPLICATIONRTC)
    setup.run("10ms")
    assert texts(setup)[-1] == "wake reason 0"


@pytest.mark.parametrize("result", [0, 1])
def test_app_test(make_setup: Callable[..., Setup], image: Callable[[str], ElfImage], result: int) -> None:
    setup = make_setup(settings=KernelSettings(testing=True))
    setup.board.symbols = image("app-test")
    setup.board.install(bundle(image("app-test"), test_result=result))
    setup.board.stage_final(bundle(image("notify-ring")), NEW)
    setup.board.power_on()
    setup.run("3s")
    told = [str(entry.data["text"]) for entry in setup.world.journal.select("log_written")
            if entry.data["origin"] == "test"]
    assert told == ["test started", "test passed" if result == 0 else "test failed"]
    if result == 0:
        assert setup.board.store.installed is not None
        assert setup.board.store.installed.app_sid == NEW
        assert "ring: 20 in order, 0 not" in texts(setup)
        setup.board.power_off()
        setup.board.power_on()
        setup.run("2s")
        assert not setup.board.kernel.app_test.active
    else:
        assert setup.board.app_state is AppState.STOPPED
        setup.board.reset()
        setup.run("500ms")
        assert setup.board.app_state.name == "RUNNING"  # the test runs again at a reset
        assert setup.board.kernel.app_test.active


def test_outside_of_testing_the_calls_are_unavailable(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("app-test"))
    setup.run("2s")
    assert setup.symbol("unavailable_count") == 3
    assert texts(setup)[-1] == "not in testing mode: status 10"


def test_polite_update(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    """The policy of the bundle that runs lets it finish its work; the new one has none and need not."""
    start(setup, image("polite-update"), BundleOptions(maximum_politeness_time_s=600))
    setup.run("5s")
    setup.cloud.deploy(NEW, bundle(image("notify-ring")))
    setup.run("10s")
    told = texts(setup)
    assert told.index("update is waiting") < told.index("restarting") < told.index("ring: 20 in order, 0 not")
    waiting, restarting = (next(t for t, text in setup.log() if text == wanted)
                           for wanted in ("update is waiting", "restarting"))
    assert abs(restarting - waiting - 3_000_000_000) < 10_000_000
    assert setup.board.kernel.system.wake_reason is MvWakeReason.APPLICATIONUPDATE
    assert setup.cloud.of(AppReported) == [AppReported(app_sid=NEW)]


def test_an_application_without_the_policy_is_not_asked(setup: Setup, image: Callable[[str], ElfImage]) -> None:
    start(setup, image("polite-update"))
    setup.run("5s")
    setup.cloud.deploy(NEW, bundle(image("notify-ring")))
    setup.run("5s")
    assert "restarting" not in texts(setup)
    assert texts(setup)[-1] == "overrun: 105 106 103 104"
