"""MQTT channels: every status of the calls and every state of a request, with a broker that a test speaks for.

``COVERED`` names the calls and statuses that this file reaches, for the coverage of the interface. A real broker is in
tests/integration/board/test_mqtt.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.virtual.board.kernel.enums import MvEventType, MvMqttRequestState, MvStatus
from harness.virtual.board.kernel.mqtt_inbox import MAX_WAITING
from harness.virtual.internet.mqtt_seams import MqttConnect, MqttFailure, MqttSubscription, MqttWill, TlsCredentials
from tests.unit.kernel.mqtt_steps import (
    MQTT,
    NOWHERE,
    Broker,
    Kind,
    State,
    arrive,
    codes_out,
    connect,
    credentials,
    message_out,
    next_kind,
    publish,
    read_codes,
    read_message,
    read_pair,
    read_published,
    subscribe,
    unsubscribe,
    will,
)

_READ = "OKAY PARAMETERFAULT INVALIDHANDLE CHANNELCLOSED WRONGDATAREQUESTED"
COVERED = {
    "mvMqttGetNextReadableDataType": "OKAY PARAMETERFAULT INVALIDHANDLE CHANNELCLOSED",
    "mvMqttRequestConnect": "OKAY PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED REQUESTALREADYSENT"
                            " INVALIDAUTHENTICATION TOOMANYELEMENTS REQUIREDELEMENTMISSING",
    "mvMqttReadConnectResponse": _READ,
    "mvMqttRequestSubscribe": "OKAY PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED RATELIMITED TOOMANYELEMENTS",
    "mvMqttReadSubscribeResponse": f"{_READ} LATEFAULT INVALIDBUFFERSIZE",
    "mvMqttRequestUnsubscribe": "OKAY PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED RATELIMITED TOOMANYELEMENTS",
    "mvMqttReadUnsubscribeResponse": f"{_READ} LATEFAULT INVALIDBUFFERSIZE",
    "mvMqttRequestPublish": "OKAY PARAMETERFAULT LATEFAULT INVALIDHANDLE CHANNELCLOSED RATELIMITED",
    "mvMqttReadPublishResponse": _READ,
    "mvMqttReceiveMessage": f"{_READ} LATEFAULT INVALIDBUFFERSIZE",
    "mvMqttReceiveLostMessageInfo": f"{_READ} LATEFAULT INVALIDBUFFERSIZE",
    "mvMqttAcknowledgeMessage": "OKAY INVALIDHANDLE CHANNELCLOSED RATELIMITED",
    "mvMqttRequestDisconnect": "OKAY INVALIDHANDLE CHANNELCLOSED RATELIMITED",
    "mvMqttReadDisconnectResponse": _READ,
}
UNREACHABLE = {
    (name, "LATEFAULT"): "its structure holds no pointers"
    for name in ("mvMqttReadConnectResponse", "mvMqttReadPublishResponse", "mvMqttReadDisconnectResponse")
}
UNREACHABLE_STATES = {
    "ALREADYCONNECTED": "a second connect on a channel is refused by the call itself, with REQUESTALREADYSENT",
}


@pytest.fixture
def bench(make_bench: Callable[..., Any]) -> Any:
    bench = make_bench(internet=Broker)
    bench.ready(slots=64)
    return bench


@pytest.fixture
def channel(bench: Any) -> int:
    return int(bench.open_channel(MQTT))


@pytest.fixture
def connected(bench: Any, channel: int) -> int:
    """A channel that is connected, its connect response read."""
    assert bench.call("mvMqttRequestConnect", channel, connect(bench)) is MvStatus.OKAY
    bench.wait("60ms")
    bench.internet.listener.mqtt_connected(None, 0)
    assert read_pair(bench, channel, "mvMqttReadConnectResponse") == (State.REQUESTCOMPLETED, 0)
    bench.records()
    return channel


# -- connecting ----------------------------------------------------------------------------------------------------


def test_what_the_application_says_reaches_the_broker(bench: Any, channel: int) -> None:
    request = connect(bench, version=1, method=1, username=b"user", password=b"pass",
                      tls=credentials(bench, (b"ca1", b"ca2")), keepalive=30, clean_start=0, will=will(bench))
    assert bench.call("mvMqttRequestConnect", channel, request) is MvStatus.OKAY
    bench.wait("60ms")
    assert bench.internet.request == MqttConnect(
        host="broker.example.com", port=8883, client_id="device", version=5, username="user", password="pass",
        tls=TlsCredentials(trusted=(b"ca1", b"ca2")), keepalive=30, clean_start=False,
        will=MqttWill(topic="gone", payload=b"x", qos=1, retain=True))


def test_client_certificates(bench: Any, channel: int) -> None:
    request = connect(bench, tls=credentials(bench, (b"ca",), (b"own", b"middle"), b"key"))
    assert bench.call("mvMqttRequestConnect", channel, request) is MvStatus.OKAY
    bench.wait("60ms")
    assert bench.internet.request.tls == TlsCredentials(trusted=(b"ca",), chain=(b"own", b"middle"), key=b"key")


def test_connected(bench: Any, connected: int) -> None:
    assert next_kind(bench, connected) is Kind.NONE
    assert bench.call("mvMqttRequestConnect", connected, connect(bench)) is MvStatus.REQUESTALREADYSENT


@pytest.mark.parametrize(("failure", "code", "state"), [
    (None, 5, State.REQUESTCOMPLETED), (MqttFailure.UNKNOWN_HOST, 0, State.NXDOMAIN),
    (MqttFailure.UNKNOWN_CA, 0, State.UNKNOWNCA), (MqttFailure.CERTIFICATE_EXPIRED, 0, State.CERTIFICATEEXPIRED),
    (MqttFailure.SOCKET, 0, State.SOCKETERROR), (MqttFailure.INVALID, 0, State.INVALIDPARAMETERS)])
def test_not_connected(bench: Any, channel: int, failure: MqttFailure | None, code: int,
                       state: MvMqttRequestState) -> None:
    bench.call("mvMqttRequestConnect", channel, connect(bench))
    bench.wait("60ms")
    bench.internet.listener.mqtt_connected(failure, code)
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    assert next_kind(bench, channel) is Kind.CONNECTRESPONSE
    assert read_pair(bench, channel, "mvMqttReadConnectResponse") == (state, code)
    bench.call("mvMqttRequestPublish", channel, publish(bench))
    bench.wait("60ms")
    assert read_published(bench, channel) == (State.NOTCONNECTED, 9, 0)


@pytest.mark.parametrize("wrong", [{"version": 2}, {"port": 0}, {"host": b"\xff"}, {"client_id": b"\xff"},
                                   {"client_id": b"a\0b"}, {"method": 1, "username": b"\xff"}])
def test_requests_that_the_cloud_finds_wrong(bench: Any, channel: int, wrong: dict[str, Any]) -> None:
    assert bench.call("mvMqttRequestConnect", channel, connect(bench, **wrong)) is MvStatus.OKAY
    bench.wait("60ms")
    assert read_pair(bench, channel, "mvMqttReadConnectResponse") == (State.INVALIDPARAMETERS, 0)


@pytest.mark.parametrize("wrong", [{"topic": b"a/#"}, {"topic": b"\xff"}, {"qos": 3}])
def test_wills_that_the_cloud_finds_wrong(bench: Any, channel: int, wrong: dict[str, Any]) -> None:
    assert bench.call("mvMqttRequestConnect", channel, connect(bench, will=will(bench, **wrong))) is MvStatus.OKAY
    bench.wait("60ms")
    assert read_pair(bench, channel, "mvMqttReadConnectResponse")[0] is State.INVALIDPARAMETERS


def refused_connects(bench: Any) -> dict[str, tuple[int, MvStatus]]:
    nine = (b"cert",) * 9
    return {
        "host": (connect(bench, host=b""), MvStatus.REQUIREDELEMENTMISSING),
        "client id": (connect(bench, client_id=b""), MvStatus.REQUIREDELEMENTMISSING),
        "key": (connect(bench, tls=credentials(bench, (), (b"own",))), MvStatus.REQUIREDELEMENTMISSING),
        "will topic": (connect(bench, will=will(bench, topic=b"")), MvStatus.REQUIREDELEMENTMISSING),
        "will payload": (connect(bench, will=will(bench, payload=b"")), MvStatus.REQUIREDELEMENTMISSING),
        "trusted": (connect(bench, tls=credentials(bench, nine)), MvStatus.TOOMANYELEMENTS),
        "chain": (connect(bench, tls=credentials(bench, (), nine, b"k")), MvStatus.TOOMANYELEMENTS),
        "both": (connect(bench, method=1, username=b"u", tls=credentials(bench, (), (b"own",), b"k")),
                 MvStatus.INVALIDAUTHENTICATION),
        "method": (connect(bench, method=2), MvStatus.INVALIDAUTHENTICATION),
    }


@pytest.mark.parametrize("case", ["host", "client id", "key", "will topic", "will payload", "trusted", "chain", "both",
                                  "method"])
def test_connects_refused_at_once_may_be_mended(bench: Any, channel: int, case: str) -> None:
    request, status = refused_connects(bench)[case]
    assert bench.call("mvMqttRequestConnect", channel, request) is status
    assert bench.call("mvMqttRequestConnect", channel, connect(bench)) is MvStatus.OKAY


def test_eight_certificates_are_not_too_many(bench: Any, channel: int) -> None:
    request = connect(bench, tls=credentials(bench, (b"ca",) * 8, (b"own",) * 8, b"key"))
    assert bench.call("mvMqttRequestConnect", channel, request) is MvStatus.OKAY


@pytest.mark.parametrize("position", [1, 4, 11, 14])
def test_nested_pointers_of_connecting(bench: Any, channel: int, position: int) -> None:
    request = connect(bench)
    bench.core.write_memory(request + 4 * position, NOWHERE.to_bytes(4, "little"))
    assert bench.call("mvMqttRequestConnect", channel, request) is MvStatus.LATEFAULT
    assert bench.call("mvMqttRequestConnect", channel, connect(bench)) is MvStatus.CHANNELCLOSED


# -- every call -------------------------------------------------------------------------------------------------------


def all_calls(bench: Any) -> list[tuple[str, int]]:
    return [("mvMqttGetNextReadableDataType", bench.words(0)), ("mvMqttRequestConnect", connect(bench)),
            ("mvMqttReadConnectResponse", bench.room(8)), ("mvMqttRequestSubscribe", subscribe(bench, b"a")),
            ("mvMqttReadSubscribeResponse", bench.words(*codes_out(bench))),
            ("mvMqttRequestUnsubscribe", unsubscribe(bench, b"a")),
            ("mvMqttReadUnsubscribeResponse", bench.words(*codes_out(bench))),
            ("mvMqttRequestPublish", publish(bench)), ("mvMqttReadPublishResponse", bench.room(12)),
            ("mvMqttReceiveMessage", bench.words(*message_out(bench))),
            ("mvMqttReceiveLostMessageInfo", bench.words(bench.words(0), bench.room(8), 8, bench.words(0),
                                                         bench.words(0))),
            ("mvMqttReadDisconnectResponse", bench.room(8))]


def test_every_call_wants_a_handle_a_pointer_and_a_channel_that_is_open(bench: Any, channel: int) -> None:
    calls = all_calls(bench)
    for name, argument in calls:
        assert bench.call(name, 77, argument) is MvStatus.INVALIDHANDLE
        assert bench.call(name, channel, NOWHERE) is MvStatus.PARAMETERFAULT
    for name in ("mvMqttAcknowledgeMessage", "mvMqttRequestDisconnect"):
        assert bench.call(name, 77, 1) is MvStatus.INVALIDHANDLE
    for name, argument in calls:
        if "Read" in name.replace("Readable", "") or "Receive" in name:
            assert bench.call(name, channel, argument) is MvStatus.WRONGDATAREQUESTED
    bench.board.kernel.network.coverage = False
    for name, argument in calls:
        assert bench.call(name, channel, argument) is MvStatus.CHANNELCLOSED
    for name in ("mvMqttAcknowledgeMessage", "mvMqttRequestDisconnect"):
        assert bench.call(name, channel, 1) is MvStatus.CHANNELCLOSED


@pytest.mark.parametrize("name", ["mvMqttRequestSubscribe", "mvMqttRequestUnsubscribe", "mvMqttRequestPublish",
                                  "mvMqttRequestDisconnect"])
def test_requests_before_there_is_a_connection(bench: Any, channel: int, name: str) -> None:
    arguments = {"mvMqttRequestSubscribe": subscribe(bench, b"a"), "mvMqttRequestUnsubscribe": unsubscribe(bench, b"a"),
                 "mvMqttRequestPublish": publish(bench)}
    assert bench.call(name, channel, arguments.get(name, 0)) is MvStatus.OKAY
    bench.wait("60ms")
    if name == "mvMqttRequestPublish":
        assert read_published(bench, channel)[0] is State.NOTCONNECTED
    elif name == "mvMqttRequestDisconnect":
        assert read_pair(bench, channel, "mvMqttReadDisconnectResponse") == (State.NOTCONNECTED, 0)
    else:
        read = name.replace("Request", "Read") + "Response"
        assert read_codes(bench, channel, read)[::2] == (State.NOTCONNECTED, [])


# -- subscribing ------------------------------------------------------------------------------------------------------


def test_subscribing(bench: Any, connected: int) -> None:
    request = subscribe(bench, b"a/+", b"b/#", qos=2, nl=1, rap=1, rh=2)
    assert bench.call("mvMqttRequestSubscribe", connected, request) is MvStatus.OKAY
    assert bench.call("mvMqttRequestSubscribe", connected, request) is MvStatus.RATELIMITED
    bench.wait("60ms")
    assert bench.internet.asked == [("subscribe", tuple(
        MqttSubscription(topic=topic, qos=2, no_local=True, retain_as_published=True, retain_handling=2)
        for topic in ("a/+", "b/#")))]
    bench.internet.listener.mqtt_subscribed(1, (2, 0x80))
    assert next_kind(bench, connected) is Kind.SUBSCRIBERESPONSE
    small = bench.words(*codes_out(bench, 1))
    assert bench.call("mvMqttReadSubscribeResponse", connected, small) is MvStatus.INVALIDBUFFERSIZE
    assert read_codes(bench, connected, "mvMqttReadSubscribeResponse", 2) == (State.REQUESTCOMPLETED, 7, [2, 0x80])
    assert bench.call("mvMqttRequestSubscribe", connected, request) is MvStatus.OKAY


@pytest.mark.parametrize("wrong", [{"qos": 3}, {"nl": 2}, {"rap": 2}, {"rh": 3}])
def test_subscriptions_that_the_cloud_finds_wrong(bench: Any, connected: int, wrong: dict[str, int]) -> None:
    assert bench.call("mvMqttRequestSubscribe", connected, subscribe(bench, b"a", **wrong)) is MvStatus.OKAY
    bench.wait("60ms")
    assert read_codes(bench, connected, "mvMqttReadSubscribeResponse")[0] is State.INVALIDPARAMETERS


@pytest.mark.parametrize("topics", [(), (b"",), (b"\xff",)])
def test_no_topics_and_no_text(bench: Any, connected: int, topics: tuple[bytes, ...]) -> None:
    for request, name in ((subscribe(bench, *topics), "Subscribe"), (unsubscribe(bench, *topics), "Unsubscribe")):
        assert bench.call(f"mvMqttRequest{name}", connected, request) is MvStatus.OKAY
        bench.wait("60ms")
        assert read_codes(bench, connected, f"mvMqttRead{name}Response")[0] is State.INVALIDPARAMETERS


def test_what_the_library_refuses(bench: Any, connected: int) -> None:
    bench.internet.refuses = True
    bench.call("mvMqttRequestSubscribe", connected, subscribe(bench, b"a"))
    bench.wait("60ms")
    assert read_codes(bench, connected, "mvMqttReadSubscribeResponse") == (State.INVALIDPARAMETERS, 7, [])


@pytest.mark.parametrize("name", ["Subscribe", "Unsubscribe"])
def test_eight_topics_at_a_time(bench: Any, connected: int, name: str) -> None:
    make = subscribe if name == "Subscribe" else unsubscribe
    assert bench.call(f"mvMqttRequest{name}", connected, make(bench, *[b"t"] * 9)) is MvStatus.TOOMANYELEMENTS
    assert bench.call(f"mvMqttRequest{name}", connected, make(bench, *[b"t"] * 8)) is MvStatus.OKAY
    assert bench.call(f"mvMqttRequest{name}", connected, make(bench, b"t")) is MvStatus.RATELIMITED


@pytest.mark.parametrize("name", ["Subscribe", "Unsubscribe"])
@pytest.mark.parametrize("array", [True, False])
def test_nested_pointers_of_subscribing(bench: Any, connected: int, name: str, array: bool) -> None:
    make = subscribe if name == "Subscribe" else unsubscribe
    request = make(bench, b"topic")
    where = request + 4 if array else bench.word(request + 4)
    bench.core.write_memory(where, NOWHERE.to_bytes(4, "little"))
    assert bench.call(f"mvMqttRequest{name}", connected, request) is MvStatus.LATEFAULT
    assert bench.call(f"mvMqttRequest{name}", connected, make(bench, b"t")) is MvStatus.CHANNELCLOSED


def test_unsubscribing(bench: Any, connected: int) -> None:
    assert bench.call("mvMqttRequestUnsubscribe", connected, unsubscribe(bench, b"a", b"b")) is MvStatus.OKAY
    assert bench.call("mvMqttRequestSubscribe", connected, subscribe(bench, b"c")) is MvStatus.OKAY
    bench.wait("60ms")
    assert bench.internet.asked[0] == ("unsubscribe", ("a", "b"))
    bench.internet.listener.mqtt_unsubscribed(1, ())  # as MQTT 3.1.1 answers
    assert bench.call("mvMqttReadUnsubscribeResponse", connected,
                      bench.words(*codes_out(bench, 1))) is MvStatus.INVALIDBUFFERSIZE
    assert read_codes(bench, connected, "mvMqttReadUnsubscribeResponse") == (State.REQUESTCOMPLETED, 8, [0, 0])


@pytest.mark.parametrize("position", [0, 1, 2, 4])
@pytest.mark.parametrize("name", ["Subscribe", "Unsubscribe"])
def test_nested_pointers_of_reading_codes(bench: Any, connected: int, name: str, position: int) -> None:
    make = subscribe if name == "Subscribe" else unsubscribe
    bench.call(f"mvMqttRequest{name}", connected, make(bench, b"a"))
    bench.wait("60ms")
    bench.internet.listener.mqtt_subscribed(1, (0,))
    out = codes_out(bench)
    out[position] = NOWHERE
    assert bench.call(f"mvMqttRead{name}Response", connected, bench.words(*out)) is MvStatus.LATEFAULT
    assert read_codes(bench, connected, f"mvMqttRead{name}Response")[2] == [0]


# -- publishing -------------------------------------------------------------------------------------------------------


def test_publishing(bench: Any, connected: int) -> None:
    for correlation, qos in ((20, 1), (21, 2), (22, 0)):
        assert bench.call("mvMqttRequestPublish", connected,
                          publish(bench, correlation=correlation, qos=qos, retain=qos & 1)) is MvStatus.OKAY
    bench.wait("60ms")
    assert bench.internet.asked == [("publish", "sensor", b"21.5", qos, qos == 1) for qos in (1, 2, 0)]
    for number, code in ((2, 0x10), (1, 0), (3, 0)):
        bench.internet.listener.mqtt_published(number, code)
    bench.internet.listener.mqtt_published(99, 0)  # of somebody else
    assert [read_published(bench, connected) for _ in range(3)] == [
        (State.REQUESTCOMPLETED, 21, 0x10), (State.REQUESTCOMPLETED, 20, 0), (State.REQUESTCOMPLETED, 22, 0)]
    assert next_kind(bench, connected) is Kind.NONE


@pytest.mark.parametrize("wrong", [{"topic": b""}, {"topic": b"a/+"}, {"topic": b"\xff"}, {"qos": 3}, {"retain": 2}])
def test_messages_that_the_cloud_finds_wrong(bench: Any, connected: int, wrong: dict[str, Any]) -> None:
    assert bench.call("mvMqttRequestPublish", connected, publish(bench, **wrong)) is MvStatus.OKAY
    bench.wait("60ms")
    assert read_published(bench, connected) == (State.INVALIDPARAMETERS, 9, 0)


def test_the_send_buffer_fills_up_and_empties(bench: Any, connected: int) -> None:
    assert bench.call("mvMqttRequestPublish", connected, publish(bench, payload=b"x" * 491)) is MvStatus.PARAMETERFAULT
    assert bench.call("mvMqttRequestPublish", connected, publish(bench, payload=b"x" * 490)) is MvStatus.OKAY
    assert bench.call("mvMqttRequestPublish", connected, publish(bench)) is MvStatus.RATELIMITED
    assert bench.call("mvMqttAcknowledgeMessage", connected, 1) is MvStatus.RATELIMITED
    assert bench.call("mvMqttRequestSubscribe", connected, subscribe(bench, b"a")) is MvStatus.RATELIMITED
    assert bench.call("mvMqttRequestDisconnect", connected) is MvStatus.RATELIMITED
    bench.wait("60ms")
    assert bench.call("mvMqttRequestPublish", connected, publish(bench)) is MvStatus.OKAY


@pytest.mark.parametrize("position", [1, 3])
def test_nested_pointers_of_publishing(bench: Any, connected: int, position: int) -> None:
    request = publish(bench)
    bench.core.write_memory(request + 4 * position, NOWHERE.to_bytes(4, "little"))
    assert bench.call("mvMqttRequestPublish", connected, request) is MvStatus.LATEFAULT
    assert bench.call("mvMqttRequestPublish", connected, publish(bench)) is MvStatus.CHANNELCLOSED


# -- messages ---------------------------------------------------------------------------------------------------------


def test_a_message_comes_and_is_acknowledged(bench: Any, connected: int) -> None:
    arrive(bench, b"on", qos=1, number=31, retain=True)
    arrive(bench, b"off", qos=0, number=0)
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    assert next_kind(bench, connected) is Kind.MESSAGERECEIVED
    correlation, *message = read_message(bench, connected)
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]  # the next one can be read now
    assert message == [b"command", b"on", 1, 1]
    assert bench.call("mvMqttAcknowledgeMessage", connected, correlation) is MvStatus.OKAY
    assert bench.call("mvMqttAcknowledgeMessage", connected, correlation) is MvStatus.OKAY
    bench.wait("60ms")
    assert bench.internet.asked == [("acknowledge", 31)]
    assert read_message(bench, connected)[1:] == (b"command", b"off", 0, 0)


def test_an_event_for_each_item_when_it_is_next(bench: Any, connected: int) -> None:
    """Published applications look what is next on every event and read it later, from a queue of their own."""
    for number in range(3):
        bench.call("mvMqttRequestPublish", connected, publish(bench, correlation=number))
    bench.wait("60ms")
    events = 0
    for number in (1, 2, 3):
        bench.internet.listener.mqtt_published(number, 0)
        arrive(bench, b"%d" % number)
        events += len(bench.records())
    assert events == 1
    kinds = []
    while events:
        kinds.append(next_kind(bench, connected))
        if kinds[-1] is Kind.PUBLISHRESPONSE:
            read_published(bench, connected)
        else:
            read_message(bench, connected)
        events += len(bench.records()) - 1
    assert kinds == [Kind.PUBLISHRESPONSE, Kind.MESSAGERECEIVED] * 3
    assert next_kind(bench, connected) is Kind.NONE


def test_a_message_waits_for_buffers_that_hold_it(bench: Any, connected: int) -> None:
    arrive(bench, b"x" * 100)
    for topic, payload in ((6, 100), (7, 99)):
        out = bench.words(*message_out(bench, topic, payload))
        assert bench.call("mvMqttReceiveMessage", connected, out) is MvStatus.INVALIDBUFFERSIZE
    assert read_message(bench, connected)[2] == b"x" * 100


@pytest.mark.parametrize("position", [0, 1, 3, 4, 6, 7, 8])
def test_nested_pointers_of_receiving(bench: Any, connected: int, position: int) -> None:
    arrive(bench)
    out = message_out(bench)
    out[position] = NOWHERE
    assert bench.call("mvMqttReceiveMessage", connected, bench.words(*out)) is MvStatus.LATEFAULT
    assert read_message(bench, connected)[2] == b"on"


def test_a_message_that_never_fits_is_lost(bench: Any, connected: int) -> None:
    arrive(bench, b"x" * 490, qos=1, number=5)
    assert next_kind(bench, connected) is Kind.MESSAGELOST
    reason, topic, length, size = bench.words(99), bench.room(16), bench.words(99), bench.words(99)
    assert bench.call("mvMqttReceiveLostMessageInfo", connected,
                      bench.words(reason, topic, 6, length, size)) is MvStatus.INVALIDBUFFERSIZE
    for position in (0, 1, 3, 4):
        out = [reason, topic, 16, length, size]
        out[position] = NOWHERE
        assert bench.call("mvMqttReceiveLostMessageInfo", connected, bench.words(*out)) is MvStatus.LATEFAULT
    assert bench.call("mvMqttReceiveLostMessageInfo", connected,
                      bench.words(reason, topic, 16, length, size)) is MvStatus.OKAY
    assert (bench.word(reason), bench.word(length), bench.word(size)) == (0, 7, 490)
    assert bench.core.read_memory(topic, 7) == b"command"
    assert next_kind(bench, connected) is Kind.NONE
    assert bench.internet.asked == [("acknowledge", 5)]  # nobody sends it again


def test_messages_wait_for_room(bench: Any, connected: int) -> None:
    for letter in b"abc":
        arrive(bench, bytes([letter]) * 200)
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    assert read_message(bench, connected)[2] == b"a" * 200
    assert bench.records() == [MvEventType.CHANNELDATAREADABLE]
    assert [read_message(bench, connected)[2][:1] for _ in range(2)] == [b"b", b"c"]


def test_a_flood_trips_the_circuit_breaker(bench: Any, connected: int) -> None:
    for _ in range(MAX_WAITING + 2):
        arrive(bench, b"x" * 250)
    assert bench.internet.asked[-1] == ("abandon",)
    assert len(bench.records()) == 1
    assert read_message(bench, connected)[2] == b"x" * 250
    assert len(bench.records()) == 1
    assert read_pair(bench, connected, "mvMqttReadDisconnectResponse") == (State.CONNECTIONCIRCUITBREAKER, 0)
    assert next_kind(bench, connected) is Kind.NONE


# -- leaving ----------------------------------------------------------------------------------------------------------


def test_disconnecting(bench: Any, connected: int) -> None:
    assert bench.call("mvMqttRequestDisconnect", connected) is MvStatus.OKAY
    assert bench.call("mvMqttRequestDisconnect", connected) is MvStatus.RATELIMITED
    bench.wait("60ms")
    assert bench.internet.asked == [("disconnect",)]
    bench.internet.listener.mqtt_disconnected(0, asked=True)
    assert read_pair(bench, connected, "mvMqttReadDisconnectResponse") == (State.REQUESTCOMPLETED, 0)
    assert bench.call("mvMqttRequestDisconnect", connected) is MvStatus.OKAY
    bench.wait("60ms")
    assert read_pair(bench, connected, "mvMqttReadDisconnectResponse") == (State.NOTCONNECTED, 0)


@pytest.mark.parametrize(("code", "state"), [(0x8B, State.REQUESTCOMPLETED), (0, State.NOTCONNECTED)])
def test_the_broker_leaves(bench: Any, connected: int, code: int, state: MvMqttRequestState) -> None:
    bench.call("mvMqttRequestPublish", connected, publish(bench))
    bench.call("mvMqttRequestSubscribe", connected, subscribe(bench, b"a"))
    bench.wait("60ms")
    bench.internet.listener.mqtt_disconnected(code, asked=False)
    assert read_published(bench, connected)[0] is State.NOTCONNECTED
    assert read_codes(bench, connected, "mvMqttReadSubscribeResponse")[0] is State.NOTCONNECTED
    assert read_pair(bench, connected, "mvMqttReadDisconnectResponse") == (state, code)


def test_closing_the_channel_leaves_without_farewell(bench: Any, connected: int) -> None:
    bench.call("mvCloseChannel", bench.words(connected))
    assert bench.internet.asked == [("abandon",)]
    arrive(bench)
    bench.internet.listener.mqtt_disconnected(0, asked=False)
    assert not bench.records()


def test_nothing_is_heard_after_the_power_was_cut(bench: Any, connected: int) -> None:
    bench.board.power_off()
    assert bench.internet.asked == [("abandon",)]
    bench.board.power_on()
    arrive(bench)
    assert not bench.events("mqtt_message_lost")
