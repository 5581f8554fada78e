"""No arguments whatever bring the kernel down: all 71 calls, with any words, pointers and structures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE, RAM_SIZE
from harness.virtual.board.kernel.abi import BY_NAME
from harness.virtual.board.kernel.enums import MvMqttReadableDataType
from harness.virtual.board.kernel.kernel import KernelSettings
from harness.virtual.board.kernel.mqtt_inbox import OVERHEAD, Inbox, Response
from harness.virtual.internet.mqtt_seams import MqttMessage
from tests.unit.kernel.test_status_coverage import BEYOND

CALLS = sorted(BY_NAME)
CHANNEL_CALLS = sorted(name for name in CALLS if "Channel" in name or "Http" in name or "Config" in name
                       or "Mqtt" in name)
EDGES = (0, 1, 2, 3, 4, 8, 16, 31, 32, 33, 512, 4999, 5000, 0x7FFF_FFFF, 0xFFFF_FFFF, FLASH_BASE, RAM_BASE,
         RAM_BASE + RAM_SIZE - 1, RAM_BASE + RAM_SIZE, 0x4000_0000)
WORDS = st.one_of(st.sampled_from(EDGES), st.integers(0, 0xFFFF_FFFF), st.integers(RAM_BASE, RAM_BASE + 0x2000))



def check(bench: Any, name: str, words: list[int]) -> None:
    """Make a call and hold its status against the call table."""
    status = bench.call(name, *words)
    assert status in BY_NAME[name].statuses or status.name in BEYOND.get(name, {}), f"{name} -> {status.name}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(st.sampled_from(CHANNEL_CALLS), st.integers(0, 5),
                                st.lists(WORDS, min_size=4, max_size=4)), max_size=40),
       memory=st.lists(WORDS, min_size=64, max_size=64))
def test_any_channel_call_gets_a_listed_status(make_bench: Callable[..., Any], calls: Any, memory: list[int]) -> None:
    bench = make_bench()
    bench.ready()
    handles = [bench.open_channel(kind, endpoint=b"log" if kind == 0 else b"") for kind in range(4)]
    area = bench.words(*memory)
    for name, which, arguments in calls:
        words = [area + 4 * (word % 48) if 0x30 < word < RAM_BASE else word for word in arguments]
        if "mvOpen" not in name and name not in ("mvCloseChannel", "mvGetWifiConfig", "mvSetWifiConfig"):
            words[0] = (*handles, 0, 77)[which]
        check(bench, name, words)
        bench.wait("30ms")
    bench.wait("20s")
    bench.board.close()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(st.sampled_from(CALLS), st.integers(0, 7), st.booleans(),
                                st.lists(WORDS, min_size=4, max_size=4)), max_size=40),
       memory=st.lists(WORDS, min_size=64, max_size=64), testing=st.booleans())
def test_any_call_in_any_situation_gets_a_listed_status(make_bench: Callable[..., Any], calls: Any, memory: list[int],
                                                        testing: bool) -> None:
    """From threads and handlers, before and after sleep, restarts and the end of testing, with good handles and bad."""
    bench = make_bench(settings=KernelSettings(testing=testing))
    flash, system, where = bench.words(0), bench.words(0), bench.words(0)
    for name, which, in_handler, arguments in calls:
        area = bench.words(*memory)
        centre = 0
        if not bench.board.kernel.notifications.uses(40 + which):
            centre, _ = bench.centre(irq=40 + which, slots=2)
        bench.call("mvExternalFlashOpen", flash)
        bench.call("mvOpenSystemNotification", bench.words(centre, 1, which & 1), system)
        network = bench.network() if which & 1 and bench.board.kernel.network.requests < 10 else 0
        words = [area + 4 * (word % 48) if 0x30 < word < RAM_BASE else word for word in arguments]
        good = (centre, bench.word(flash), bench.word(system), network, 0, words[0])[which % 6]
        for index, argument in enumerate(BY_NAME[name].arguments):
            if argument.type == "handle" and not argument.size:
                words[index] = good
            elif argument.type == "handle":
                bench.core.write_memory(where, good.to_bytes(4, "little"))
                words[index] = where
        bench.core.exception = 16 if in_handler else 0
        check(bench, name, words)
        bench.core.exception = 0
        bench.wait("2s")
    bench.board.wake()
    bench.wait("20s")
    bench.board.close()


@given(st.lists(st.one_of(st.tuples(st.just("message"), st.integers(0, 300)), st.just("response"), st.just("take")),
                max_size=60), st.integers(64, 256))
def test_the_inbox_gives_everything_once_and_in_order(steps: Any, capacity: int) -> None:
    events: list[int] = []
    inbox = Inbox(capacity, lambda: events.append(1))
    put = taken = lost = 0
    for step in steps:
        if step == "take":
            if inbox.head() is not None:
                inbox.take()
                taken += 1
        elif step == "response":
            put += 1
            inbox.put_response(MvMqttReadableDataType.PUBLISHRESPONSE, Response(state=0))  # type: ignore[arg-type]
        else:
            put += 1
            message = MqttMessage(topic=b"t", payload=b"x" * step[1], qos=0, retain=False, number=0)
            fits = inbox.put_message(message, put)
            assert fits == (OVERHEAD + 1 + step[1] <= capacity)
            lost += not fits
        assert len(events) == taken + (inbox.head() is not None)
    while inbox.head() is not None:
        inbox.take()
        taken += 1
    assert taken == put
    assert len(events) == put
