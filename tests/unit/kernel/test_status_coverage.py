"""Each status that the call table lists for each of the 71 calls is reached by a call, or it is written down why not.

The cases are made of the table. Three kinds are made of the declarations alone: a pointer outside of application
memory, a handle that is none, a call from a handler. What needs a situation of its own is in :data:`SITUATIONS`. The
channel calls have whole files of tests; ``COVERED`` in those names what they reach, and test_channel_coverage.py holds
them to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from harness.virtual.board.core.interface import RAM_BASE, RAM_SIZE
from harness.virtual.board.flash import USER_SIZE
from harness.virtual.board.kernel.abi import BY_NAME
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.kernel import KernelSettings
from harness.virtual.board.peripherals.rcc import RCC_BASE
from harness.virtual.uplink import LogSettings, ServerTime
from tests.unit.kernel.test_channel_coverage import CALLS as CHANNEL_CALLS

if TYPE_CHECKING:
    from tests.unit.kernel.conftest import Bench

NOWHERE, NO_HANDLE = 0x4000_0000, 0x1357_9BDF
CALLS = sorted(BY_NAME.keys() - set(CHANNEL_CALLS))
TESTING = ("mvTestingComplete", "mvTestLog", "mvTestLoggingInit")

UNREACHABLE = {
    ("mvReleaseNetwork", "UNSUPPORTEDSTRUCTUREVERSION"): "it takes a handle; there is no structure with a version",
    ("mvExternalFlashEraseBlocking", "PARAMETERFAULT"): "it takes no pointer",
}

BEYOND = {
    "mvPeriphPeek32": {"PARAMETERFAULT": "`output` may be a bad pointer like any other"},
    "mvCloseSystemNotification": {"PARAMETERFAULT": "`handle` may be a bad pointer like any other"},
    "mvExternalFlashClose": {"PARAMETERFAULT": "`handle` may be a bad pointer like any other"},
    "mvSetWifiConfig": {"PARAMETERFAULT": "bad pointers, unknown mode", "INPUTTOOLONG": "the status is there for it",
                        "UNSUPPORTEDSTRUCTUREVERSION": "the structure has a version"},
    "mvGetWifiConfig": {"PARAMETERFAULT": "bad pointers", "INVALIDBUFFERSIZE": "the SSID does not fit",
                        "UNSUPPORTEDSTRUCTUREVERSION": "the structure has a version"},
    "mvOpenChannel": {"UNSUPPORTEDSTRUCTUREVERSION": "the structure has a version"},
    "mvSendConfigFetchRequest": {
        "TOOMANYCONFIGKEYS": "the status is there for it", "UNKNOWNCONFIGSTORE": "the status is there for it",
        "UNKNOWNCONFIGSCOPE": "the status is there for it", "INVALIDCONFIGKEY": "the status is there for it"},
    "mvReadConfigFetchResponseData": {"INVALIDHANDLE": "a handle may be none", "RESPONSENOTPRESENT": "it may be early"},
    **{name: {"WRONGDATAREQUESTED": "something else, or nothing, waits to be read"} for name in BY_NAME
       if name.startswith(("mvMqttRead", "mvMqttReceive"))},
}
"""Statuses that calls return beside those the table lists, and why. test_fuzzing.py allows no others."""


def _calls_for(name: str, status: str) -> Callable[[Bench], MvStatus] | None:
    """Return a case made of the declaration alone."""
    arguments = BY_NAME[name].arguments
    if status == "UNAVAILABLE" and name not in SITUATIONS and name not in TESTING:
        return lambda bench: _from_handler(bench, name)
    for index, argument in enumerate(arguments):
        if status == "PARAMETERFAULT" and argument.size:
            return lambda bench, index=index: bench.call(  # type: ignore[misc]
                name, *_words(bench, name, index, NOWHERE))
        if status == "INVALIDHANDLE" and argument.type == "handle" and not argument.writes:
            return lambda bench, index=index: bench.call(  # type: ignore[misc]
                name, *_words(bench, name, index, NO_HANDLE))
        if status == "INVALIDHANDLE" and argument.type == "handle" and argument.reads:
            return lambda bench: bench.call(name, bench.words(NO_HANDLE))
    return None


def _words(bench: Bench, name: str, index: int, value: int) -> list[int]:
    words = [bench.room(64, fill=bytes(64)) if argument.size else 0 for argument in BY_NAME[name].arguments]
    words[index] = value
    return words


def _from_handler(bench: Bench, name: str) -> MvStatus:
    bench.core.exception = 16
    return bench.call(name, *_words(bench, name, 0, bench.room(64, fill=bytes(64))))


def _centre(bench: Bench, irq: int, size: int, buffer: int | None = None) -> MvStatus:
    at = bench.room(64) if buffer is None else buffer
    return bench.call("mvSetupNotifications", bench.words(irq, at, size), bench.words(0))


def _taken_buffer(bench: Bench) -> MvStatus:
    _, buffer = bench.centre(irq=51)
    return _centre(bench, 52, 32, buffer)


def _too_many_centres(bench: Bench) -> MvStatus:
    for irq in range(40, 72):
        bench.centre(irq=irq, slots=2)
    return _centre(bench, 80, 32)


def _fast(bench: Bench, *then: tuple[str, int]) -> MvStatus:
    status = bench.call("mvSetFastInterrupt", 60)
    for name, irq in then:
        status = bench.call(name, irq)
    return status


def _after_a_flood(bench: Bench, name: str) -> MvStatus:
    _fast(bench, ("mvEnableFastInterrupt", 60))
    for _ in range(10_001):
        bench.board.pend(60)
    return bench.call(name, 60)


def _without_vector(bench: Bench) -> MvStatus:
    bench.core.write_memory(0xE000_ED08, (0x1000_0000).to_bytes(4, "little"))  # VTOR is not in application memory
    return bench.call("mvSetFastInterrupt", 60)


def _told_time(bench: Bench) -> MvStatus:
    bench.wait("3s")
    bench.tell(ServerTime(unix_microseconds=1))
    return bench.call("mvGetWallTime", bench.room(8))


def _log(bench: Bench, size: int = 5, buffer: int = 512, *, first: Callable[[], None] = lambda: None) -> MvStatus:
    bench.call("mvServerLoggingInit", bench.room(buffer, 512), buffer)
    first()
    return bench.call("mvServerLog", bench.room(max(size, 1), fill=b"x" * size), size)


def _log_disabled(bench: Bench) -> MvStatus:
    bench.wait("3s")
    return _log(bench, first=lambda: bench.tell(LogSettings(enabled=False)))


def _test_log(bench: Bench, size: int = 5, buffer: int = 2048) -> MvStatus:
    bench.call("mvTestLoggingInit", bench.room(buffer, 512), buffer)
    return bench.call("mvTestLog", bench.room(size, fill=b"x" * size), size)


def _opened_flash(bench: Bench) -> int:
    handle = bench.words(0)
    assert bench.call("mvExternalFlashOpen", handle) is MvStatus.OKAY
    return bench.word(handle)


def _flash(bench: Bench, name: str, *arguments: int) -> MvStatus:
    return bench.call(f"mvExternalFlash{name}", _opened_flash(bench), *arguments)


def _too_many_flash_handles(bench: Bench) -> MvStatus:
    for _ in range(32):
        _opened_flash(bench)
    return bench.call("mvExternalFlashOpen", bench.words(0))


def _system_notification(bench: Bench) -> tuple[MvStatus, int]:
    centre, _ = bench.centre()
    out = bench.words(0)
    return bench.call("mvOpenSystemNotification", bench.words(centre, 1, 1), out), out


def _online(bench: Bench, name: str) -> MvStatus:
    bench.wait("3s")
    return bench.call(name, 0)


def _restart_while_installing(bench: Bench) -> MvStatus:
    bench.board.stop_application()  # the kernel holds the application while it changes its flash
    return bench.call("mvRestart", 0)


def _wifi(bench: Bench, mode: int = 0) -> int:
    return bench.words(1, mode, bench.bytes_at(b"home"), 4, 0, 0)


SITUATIONS: dict[str, dict[str, Callable[[Any], MvStatus]]] = {
    "mvNoOp": {"OKAY": lambda b: b.call("mvNoOp")},
    "mvGetDeviceId": {"OKAY": lambda b: b.call("mvGetDeviceId", b.room(34), 34),
                      "PARAMETERFAULT": lambda b: b.call("mvGetDeviceId", RAM_BASE + RAM_SIZE - 1, 34),
                      "INVALIDBUFFERSIZE": lambda b: b.call("mvGetDeviceId", b.room(34), 33)},
    "mvGetWallTime": {"OKAY": _told_time, "TIMENOTSET": lambda b: b.call("mvGetWallTime", b.room(8))},
    **{name: {"OKAY": lambda b, name=name: b.call(name, b.room(8))} for name in  # type: ignore[misc]
       ("mvGetMicroseconds", "mvGetSysClk", "mvGetHClk", "mvGetPClk1", "mvGetPClk2")},
    "mvPeriphPeek32": {"OKAY": lambda b: b.call("mvPeriphPeek32", RCC_BASE, b.words(0)),
                       "PERIPHERALACCESSFAULT": lambda b: b.call("mvPeriphPeek32", RCC_BASE + 1, b.words(0))},
    "mvPeriphPoke32": {"OKAY": lambda b: b.call("mvPeriphPoke32", RCC_BASE + 0x9C, 0, 1),
                       "PERIPHERALACCESSFAULT": lambda b: b.call("mvPeriphPoke32", NOWHERE, 0, 1)},
    "mvSetupNotifications": {
        "OKAY": lambda b: _centre(b, 51, 32), "INVALIDBUFFERSIZE": lambda b: _centre(b, 51, 24),
        "BUFFERALREADYINUSE": _taken_buffer, "INVALIDINTERRUPT": lambda b: _centre(b, 200, 32),
        "TOOMANYNOTIFICATIONBUFFERS": _too_many_centres},
    "mvCloseNotifications": {"OKAY": lambda b: b.call("mvCloseNotifications", b.words(b.centre()[0]))},
    "mvTempTriggerNotification": {"OKAY": lambda b: b.call("mvTempTriggerNotification", b.centre()[0], 1, 2)},
    "mvSetFastInterrupt": {
        "OKAY": _fast, "INVALIDINTERRUPT": lambda b: b.call("mvSetFastInterrupt", 3), "INVALIDVECTOR": _without_vector,
        "UNAVAILABLE": lambda b: _after_a_flood(b, "mvSetFastInterrupt")},
    **{name: {"OKAY": lambda b, name=name: _fast(b, (name, 60)),  # type: ignore[misc]
              "INVALIDINTERRUPT": lambda b, name=name: b.call(name, 61),  # type: ignore[misc]
              "UNAVAILABLE": lambda b, name=name: _after_a_flood(b, name)}  # type: ignore[misc]
       for name in ("mvClearFastInterrupt", "mvEnableFastInterrupt", "mvDisableFastInterrupt")},
    "mvEnableAllFastInterrupts": {"OKAY": lambda b: b.call("mvEnableAllFastInterrupts")},
    "mvDisableAllFastInterrupts": {"OKAY": lambda b: b.call("mvDisableAllFastInterrupts")},
    "mvRequestNetwork": {
        "OKAY": lambda b: b.call("mvRequestNetwork", b.words(1, 0, 0), b.words(0)),
        "UNSUPPORTEDSTRUCTUREVERSION": lambda b: b.call("mvRequestNetwork", b.words(0, 0, 0), b.words(0))},
    "mvReleaseNetwork": {"OKAY": lambda b: b.call("mvReleaseNetwork", b.words(b.network()))},
    "mvGetNetworkStatus": {"OKAY": lambda b: b.call("mvGetNetworkStatus", b.network(), b.words(0))},
    "mvGetNetworkReasons": {"OKAY": lambda b: b.call("mvGetNetworkReasons", b.words(0), b.words(0))},
    "mvServerLoggingInit": {
        "OKAY": lambda b: b.call("mvServerLoggingInit", b.room(512, 512), 512),
        "PARAMETERFAULT": lambda b: b.call("mvServerLoggingInit", NOWHERE, 512),
        "INVALIDBUFFERALIGNMENT": lambda b: b.call("mvServerLoggingInit", b.room(1024, 512) + 4, 512),
        "INVALIDBUFFERSIZE": lambda b: b.call("mvServerLoggingInit", b.room(512, 512), 256)},
    "mvServerLog": {
        "OKAY": _log, "UNAVAILABLE": lambda b: b.call("mvServerLog", b.room(4), 4),
        "PARAMETERFAULT": lambda b: (_log(b), b.call("mvServerLog", NOWHERE, 4))[1],
        "INVALIDBUFFERSIZE": lambda b: _log(b, 600), "LOGMESSAGETOOLONG": lambda b: _log(b, 1025, 2048),
        "LOGGINGDISABLEDBYSERVER": _log_disabled},
    "mvTestingComplete": {"OKAY": lambda b: b.call("mvTestingComplete", 0),
                          "UNAVAILABLE": lambda b: b.call("mvTestingComplete", 0)},
    "mvTestLoggingInit": {
        "OKAY": lambda b: b.call("mvTestLoggingInit", b.room(512, 512), 512),
        "PARAMETERFAULT": lambda b: b.call("mvTestLoggingInit", NOWHERE, 512),
        "INVALIDBUFFERALIGNMENT": lambda b: b.call("mvTestLoggingInit", b.room(1024, 512) + 4, 512),
        "INVALIDBUFFERSIZE": lambda b: b.call("mvTestLoggingInit", b.room(512, 512), 256),
        "UNAVAILABLE": lambda b: b.call("mvTestLoggingInit", b.room(512, 512), 512)},
    "mvTestLog": {
        "OKAY": _test_log, "UNAVAILABLE": lambda b: b.call("mvTestLog", b.room(4), 4),
        "PARAMETERFAULT": lambda b: (_test_log(b), b.call("mvTestLog", NOWHERE, 4))[1],
        "INVALIDBUFFERSIZE": lambda b: _test_log(b, 600, 512), "LOGMESSAGETOOLONG": lambda b: _test_log(b, 1025)},
    "mvPowerSave": {"OKAY": lambda b: b.call("mvPowerSave", 1), "PARAMETERFAULT": lambda b: b.call("mvPowerSave", 5),
                    "MICROVISORBUSY": lambda b: _online(b, "mvPowerSave"),
                    "UNAVAILABLE": lambda b: _from_handler(b, "mvPowerSave")},
    "mvDeepSleep": {"OKAY": lambda b: b.call("mvDeepSleep", 1), "PARAMETERFAULT": lambda b: b.call("mvDeepSleep", 2),
                    "MICROVISORBUSY": lambda b: _online(b, "mvDeepSleep"),
                    "UNAVAILABLE": lambda b: _from_handler(b, "mvDeepSleep")},
    "mvSystemLedEnable": {"OKAY": lambda b: b.call("mvSystemLedEnable", 1),
                          "UNAVAILABLE": lambda b: _from_handler(b, "mvSystemLedEnable")},
    "mvGetWakeReason": {"OKAY": lambda b: b.call("mvGetWakeReason", b.room(1)),
                        "UNAVAILABLE": lambda b: _from_handler(b, "mvGetWakeReason")},
    "mvRestart": {"OKAY": lambda b: b.call("mvRestart", 0), "PARAMETERFAULT": lambda b: b.call("mvRestart", 9),
                  "MICROVISORBUSY": _restart_while_installing,
                  "UNAVAILABLE": lambda b: _from_handler(b, "mvRestart")},
    "mvOpenSystemNotification": {"OKAY": lambda b: _system_notification(b)[0],
                                 "INVALIDHANDLE": lambda b: b.call(
                                     "mvOpenSystemNotification", b.words(NO_HANDLE, 1, 1), b.words(0)),
                                 "UNAVAILABLE": lambda b: _from_handler(b, "mvOpenSystemNotification")},
    "mvCloseSystemNotification": {
        "OKAY": lambda b: b.call("mvCloseSystemNotification", _system_notification(b)[1]),
        "UNAVAILABLE": lambda b: _from_handler(b, "mvCloseSystemNotification")},
    "mvExternalFlashOpen": {"OKAY": lambda b: b.call("mvExternalFlashOpen", b.words(0)),
                            "TOOMANYCHANNELS": _too_many_flash_handles,
                            "UNAVAILABLE": lambda b: _from_handler(b, "mvExternalFlashOpen")},
    "mvExternalFlashClose": {"OKAY": lambda b: b.call("mvExternalFlashClose", b.words(_opened_flash(b))),
                             "UNAVAILABLE": lambda b: _from_handler(b, "mvExternalFlashClose")},
    "mvExternalFlashGetInfo": {
        "OKAY": lambda b: _flash(b, "GetInfo", b.words(1, 0, 0, 0)),
        "UNSUPPORTEDSTRUCTUREVERSION": lambda b: _flash(b, "GetInfo", b.words(7, 0, 0, 0)),
        "UNAVAILABLE": lambda b: _from_handler(b, "mvExternalFlashGetInfo")},
    "mvExternalFlashReadBlocking": {
        "OKAY": lambda b: _flash(b, "ReadBlocking", 0, 4, b.room(4)),
        "PARAMETERFAULT": lambda b: _flash(b, "ReadBlocking", 0, 4, NOWHERE),
        "ADDRESSOUTOFRANGE": lambda b: _flash(b, "ReadBlocking", USER_SIZE, 4, b.room(4)),
        "INVALIDHANDLE": lambda b: b.call("mvExternalFlashReadBlocking", NO_HANDLE, 0, 4, b.room(4)),
        "UNAVAILABLE": lambda b: _from_handler(b, "mvExternalFlashReadBlocking")},
    "mvExternalFlashWriteBlocking": {
        "OKAY": lambda b: _flash(b, "WriteBlocking", 0, 4, b.room(4)),
        "PARAMETERFAULT": lambda b: _flash(b, "WriteBlocking", 0, 4, NOWHERE),
        "ADDRESSOUTOFRANGE": lambda b: _flash(b, "WriteBlocking", USER_SIZE - 2, 4, b.room(4)),
        "INVALIDHANDLE": lambda b: b.call("mvExternalFlashWriteBlocking", NO_HANDLE, 0, 4, b.room(4)),
        "UNAVAILABLE": lambda b: _from_handler(b, "mvExternalFlashWriteBlocking")},
    "mvExternalFlashEraseBlocking": {
        "OKAY": lambda b: _flash(b, "EraseBlocking", 4096, 4096),
        "ADDRESSOUTOFRANGE": lambda b: _flash(b, "EraseBlocking", USER_SIZE, 4096),
        "INVALIDBUFFERALIGNMENT": lambda b: _flash(b, "EraseBlocking", 4096, 1),
        "UNAVAILABLE": lambda b: _from_handler(b, "mvExternalFlashEraseBlocking")},
    "mvSetWifiConfig": {"OKAY": lambda b: b.call("mvSetWifiConfig", _wifi(b))},
    "mvGetWifiConfig": {"OKAY": lambda b: b.call("mvGetWifiConfig", b.words(
        1, b.room(32), 32, b.words(0), b.words(0)))},
}

CASES = [(name, status.name) for name in CALLS for status in BY_NAME[name].statuses
         if (name, status.name) not in UNREACHABLE]


def test_the_other_calls_are_forty_three() -> None:
    assert len(CALLS) == 43
    assert len(CALLS) + len(CHANNEL_CALLS) == 71


@pytest.mark.parametrize(("name", "status"), CASES)
def test_every_status_is_reached(make_bench: Callable[..., Bench], name: str, status: str) -> None:
    case = SITUATIONS.get(name, {}).get(status) or _calls_for(name, status)
    assert case is not None, f"no case reaches {name} -> {status}: add one, or say in UNREACHABLE why none can"
    testing = name in TESTING and status != "UNAVAILABLE"
    bench = make_bench(settings=KernelSettings(testing=testing))
    assert case(bench).name == status


def test_every_excuse_is_needed() -> None:
    assert all(MvStatus[status] in BY_NAME[name].statuses for name, status in UNREACHABLE)
    assert not [(name, status) for name, extra in BEYOND.items() for status in extra
                if MvStatus[status] in BY_NAME[name].statuses]
