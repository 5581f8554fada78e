"""External flash, Wi-Fi configuration and application testing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.virtual.board.flash import USER_SIZE
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.kernel import KernelSettings
from harness.virtual.board.parts import AppState

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench


def opened(bench: Bench) -> int:
    handle = bench.words(0)
    assert bench.call("mvExternalFlashOpen", handle) is MvStatus.OKAY
    return bench.word(handle)


def test_flash_info_is_version_1(bench: Bench) -> None:
    handle, info = opened(bench), bench.words(1, 0, 0, 0)
    assert bench.call("mvExternalFlashGetInfo", handle, info) is MvStatus.OKAY
    assert (bench.word(info + 8), bench.word(info + 12)) == (USER_SIZE, 1)
    assert bench.call("mvExternalFlashGetInfo", handle, bench.words(2, 0, 0, 0)) is MvStatus.UNSUPPORTEDSTRUCTUREVERSION


def test_flash_writes_clear_bits_and_erase_sets_them(bench: Bench) -> None:
    handle, out = opened(bench), bench.room(4)
    write = bench.bytes_at(b"\xf0\x0f")
    assert bench.call("mvExternalFlashWriteBlocking", handle, 4096, 2, write) is MvStatus.OKAY
    assert bench.call("mvExternalFlashWriteBlocking", handle, 4096, 1, bench.bytes_at(b"\x3c")) is MvStatus.OKAY
    assert bench.call("mvExternalFlashReadBlocking", handle, 4095, 4, out) is MvStatus.OKAY
    assert bench.core.read_memory(out, 4) == b"\xff\x30\x0f\xff"
    assert bench.call("mvExternalFlashEraseBlocking", handle, 4096, 4096) is MvStatus.OKAY
    bench.call("mvExternalFlashReadBlocking", handle, 4096, 2, out)
    assert bench.core.read_memory(out, 2) == b"\xff\xff"


def test_flash_refuses_what_lies_outside(bench: Bench) -> None:
    handle, data = opened(bench), bench.room(16)
    assert bench.call("mvExternalFlashReadBlocking", handle, USER_SIZE - 1, 2, data) is MvStatus.ADDRESSOUTOFRANGE
    assert bench.call("mvExternalFlashWriteBlocking", handle, USER_SIZE, 1, data) is MvStatus.ADDRESSOUTOFRANGE
    assert bench.call("mvExternalFlashEraseBlocking", handle, USER_SIZE, 4096) is MvStatus.ADDRESSOUTOFRANGE
    assert bench.call("mvExternalFlashEraseBlocking", handle, 1, 4096) is MvStatus.INVALIDBUFFERALIGNMENT
    assert bench.call("mvExternalFlashReadBlocking", handle, 0, 4, 0) is MvStatus.PARAMETERFAULT
    assert bench.call("mvExternalFlashReadBlocking", handle ^ 1, 0, 4, data) is MvStatus.INVALIDHANDLE


def test_flash_handles_are_limited_and_closed(bench: Bench) -> None:
    handles = [opened(bench) for _ in range(32)]
    where = bench.words(handles[0])
    assert bench.call("mvExternalFlashOpen", bench.words(0)) is MvStatus.TOOMANYCHANNELS
    assert bench.call("mvExternalFlashClose", where) is MvStatus.OKAY
    assert bench.word(where) == 0
    assert bench.call("mvExternalFlashClose", where) is MvStatus.INVALIDHANDLE
    bench.core.exception = 20
    assert bench.call("mvExternalFlashOpen", where) is MvStatus.UNAVAILABLE


def test_flash_contents_survive_a_power_cycle(bench: Bench) -> None:
    bench.call("mvExternalFlashWriteBlocking", opened(bench), 0, 4, bench.bytes_at(b"kept"))
    bench.board.power_off()
    bench.board.power_on()
    out = bench.room(4)
    assert bench.call("mvExternalFlashReadBlocking", opened(bench), 0, 4, out) is MvStatus.OKAY
    assert bench.core.read_memory(out, 4) == b"kept"


def sized(bench: Bench, text: bytes) -> tuple[int, int]:
    return bench.bytes_at(text), len(text)


def test_wifi_is_set_told_and_cleared(bench: Bench) -> None:
    assert bench.call("mvSetWifiConfig", bench.words(1, 0, *sized(bench, b"home"), *sized(bench, b"secret"))) is (
        MvStatus.OKAY)
    buffer, length, encrypted = bench.room(8), bench.words(0), bench.words(0)
    out = bench.words(1, buffer, 8, length, encrypted)
    assert bench.call("mvGetWifiConfig", out) is MvStatus.OKAY
    assert bench.core.read_memory(buffer, bench.word(length)) == b"home"
    assert bench.word(encrypted) == 1
    assert bench.call("mvGetWifiConfig", bench.words(1, buffer, 3, length, encrypted)) is MvStatus.INVALIDBUFFERSIZE
    assert "secret" not in bench.world.journal.last("wifi_config_set").to_json()  # type: ignore[union-attr]
    assert bench.call("mvSetWifiConfig", bench.words(1, 1, 0, 0, 0, 0)) is MvStatus.OKAY
    bench.call("mvGetWifiConfig", out)
    assert bench.word(length) == 0


def test_wifi_refuses_nonsense(bench: Bench) -> None:
    assert bench.call("mvSetWifiConfig", bench.words(2, 0, 0, 0, 0, 0)) is MvStatus.UNSUPPORTEDSTRUCTUREVERSION
    assert bench.call("mvSetWifiConfig", bench.words(1, 7, 0, 0, 0, 0)) is MvStatus.PARAMETERFAULT
    assert bench.call("mvSetWifiConfig", bench.words(1, 0, 4, 4, 0, 0)) is MvStatus.PARAMETERFAULT
    assert bench.call("mvSetWifiConfig", bench.words(1, 0, *sized(bench, b"s" * 33), 0, 0)) is MvStatus.INPUTTOOLONG


def test_testing_calls_are_unavailable_outside_of_testing(bench: Bench) -> None:
    buffer = bench.room(512, 512)
    assert bench.call("mvTestLoggingInit", buffer, 512) is MvStatus.UNAVAILABLE
    assert bench.call("mvTestLog", buffer, 4) is MvStatus.UNAVAILABLE
    assert bench.call("mvTestingComplete", 0) is MvStatus.UNAVAILABLE


def test_testing_logs_and_completes(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(settings=KernelSettings(testing=True))
    buffer = bench.room(512, 512)
    assert bench.call("mvTestLoggingInit", buffer + 8, 512) is MvStatus.INVALIDBUFFERALIGNMENT
    assert bench.call("mvTestLoggingInit", buffer, 512) is MvStatus.OKAY
    assert bench.call("mvTestLog", bench.bytes_at(b"all good"), 8) is MvStatus.OKAY
    assert bench.events("log_written")[-1] == {"origin": "test", "text": "all good"}
    bench.call("mvTestingComplete", 3)
    assert bench.events("testing_completed") == [{"status": 3}]
    assert bench.board.app_state is AppState.STOPPED
