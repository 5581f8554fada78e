"""No arguments whatever bring the kernel down: every channel call, with any words, pointers and structures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE, RAM_SIZE
from harness.virtual.board.kernel.abi import BY_NAME
from harness.virtual.board.kernel.enums import MvMqttReadableDataType, MvStatus
from harness.virtual.board.kernel.mqtt_inbox import OVERHEAD, Inbox, Response
from harness.virtual.internet.mqtt_seams import MqttMessage

CALLS = sorted(name for name in BY_NAME if "Channel" in name or "Http" in name or "Config" in name or "Mqtt" in name)
EDGES = (0, 1, 2, 3, 4, 8, 16, 31, 32, 33, 512, 4999, 5000, 0x7FFF_FFFF, 0xFFFF_FFFF, FLASH_BASE, RAM_BASE,
         RAM_BASE + RAM_SIZE - 1, RAM_BASE + RAM_SIZE, 0x4000_0000)
WORDS = st.one_of(st.sampled_from(EDGES), st.integers(0, 0xFFFF_FFFF), st.integers(RAM_BASE, RAM_BASE + 0x2000))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(st.sampled_from(CALLS), st.integers(0, 5), st.lists(WORDS, min_size=4, max_size=4)),
                      max_size=40),
       memory=st.lists(WORDS, min_size=64, max_size=64))
def test_any_call_gets_a_status(make_bench: Callable[..., Any], calls: Any, memory: list[int]) -> None:
    bench = make_bench()
    bench.ready()
    handles = [bench.open_channel(kind, endpoint=b"log" if kind == 0 else b"") for kind in range(4)]
    area = bench.words(*memory)
    for name, which, arguments in calls:
        words = [area + 4 * (word % 48) if 0x30 < word < RAM_BASE else word for word in arguments]
        if "mvOpen" not in name and name not in ("mvCloseChannel", "mvGetWifiConfig", "mvSetWifiConfig"):
            words[0] = (*handles, 0, 77)[which]
        assert isinstance(bench.call(name, *words), MvStatus)
        bench.wait("30ms")
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
