"""Server logging: when it is refused, and how messages reach the cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import RAM_BASE, RAM_SIZE
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.uplink import LogLine, LogSettings

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench


def init(bench: Bench, size: int = 1024) -> None:
    assert bench.call("mvServerLoggingInit", bench.room(size, 512), size) is MvStatus.OKAY


def log(bench: Bench, text: bytes) -> MvStatus:
    return bench.call("mvServerLog", bench.bytes_at(text), len(text))


def test_before_init_logging_is_unavailable(bench: Bench) -> None:
    assert log(bench, b"early") is MvStatus.UNAVAILABLE


@pytest.mark.parametrize(("offset", "size", "status"), [
    (4, 512, MvStatus.INVALIDBUFFERALIGNMENT), (0, 0, MvStatus.INVALIDBUFFERSIZE), (0, 511, MvStatus.INVALIDBUFFERSIZE),
    (0, 513, MvStatus.INVALIDBUFFERSIZE), (0, 512, MvStatus.OKAY), (0, 5120, MvStatus.OKAY)])
def test_the_buffer_must_be_aligned_and_sized(bench: Bench, offset: int, size: int, status: MvStatus) -> None:
    assert bench.call("mvServerLoggingInit", bench.room(8192, 512) + offset, size) is status


def test_the_buffer_must_lie_in_ram(bench: Bench) -> None:
    assert bench.call("mvServerLoggingInit", RAM_BASE + RAM_SIZE - 512, 1024) is MvStatus.PARAMETERFAULT
    assert bench.call("mvServerLoggingInit", 0x0800_0000, 512) is MvStatus.PARAMETERFAULT


def test_messages_wait_for_the_network_and_arrive_in_order(bench: Bench) -> None:
    init(bench)
    assert log(bench, b"one") is MvStatus.OKAY
    assert log(bench, b"two\nlines") is MvStatus.OKAY
    bench.wait("1s")
    assert bench.cloud.of(LogLine) == []
    bench.wait("2s")
    assert [(line.text, line.origin) for line in bench.cloud.of(LogLine)] == [(b"one", "app"), (b"two\nlines", "app")]


def test_text_that_is_not_utf8_reaches_the_cloud_as_it_was(bench: Bench) -> None:
    init(bench)
    bench.wait("3s")
    assert log(bench, b"\xff\x00ok") is MvStatus.OKAY
    bench.wait("1s")
    assert bench.cloud.of(LogLine)[0].text == b"\xff\x00ok"
    assert bench.events("log_written")[0]["text"] == "�\x00ok"


def test_a_full_buffer_refuses_and_discards(bench: Bench) -> None:
    init(bench, 512)
    assert log(bench, b"x" * 500) is MvStatus.OKAY
    assert log(bench, b"y") is MvStatus.INVALIDBUFFERSIZE
    bench.wait("3s")
    assert log(bench, b"z") is MvStatus.OKAY
    bench.wait("1s")
    assert [line.text[:1] for line in bench.cloud.of(LogLine)] == [b"x", b"z"]


def test_a_flood_is_refused_while_online(bench: Bench) -> None:
    init(bench, 512)
    bench.wait("3s")
    results = [log(bench, b"flood") for _ in range(60)]
    assert results[0] is MvStatus.OKAY
    assert results[-1] is MvStatus.INVALIDBUFFERSIZE
    bench.wait("1s")
    assert log(bench, b"calm") is MvStatus.OKAY


def test_long_messages_and_bad_pointers_are_refused(bench: Bench) -> None:
    init(bench, 8192)
    assert log(bench, b"x" * 1024) is MvStatus.OKAY
    assert log(bench, b"x" * 1025) is MvStatus.LOGMESSAGETOOLONG
    assert bench.call("mvServerLog", RAM_BASE - 1, 4) is MvStatus.PARAMETERFAULT
    assert bench.call("mvServerLog", 0x0800_0000, 4) is MvStatus.OKAY  # a literal in flash


def test_only_16_bits_of_the_length_count(bench: Bench) -> None:
    init(bench)
    assert bench.call("mvServerLog", bench.bytes_at(b"hello"), 0x7777_0005) is MvStatus.OKAY
    assert bench.events("log_written")[-1]["text"] == "hello"


def test_the_server_can_switch_logging_off(bench: Bench) -> None:
    init(bench)
    bench.wait("3s")
    bench.tell(LogSettings(enabled=False))
    assert log(bench, b"x") is MvStatus.LOGGINGDISABLEDBYSERVER
    bench.tell(LogSettings(enabled=True))
    assert log(bench, b"x") is MvStatus.OKAY
