"""The mqtt-echo application, and sessions of ours, against a real broker: mosquitto on loopback."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_pem_x509_certificate
from paho.mqtt.enums import CallbackAPIVersion

from harness.virtual.internet.host import TlsFarEnd
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.mqtt_seams import (
    MqttConnect,
    MqttFailure,
    MqttMessage,
    MqttSubscription,
    MqttWill,
    TlsCredentials,
)
from harness.virtual.world import World

if TYPE_CHECKING:
    from tests.integration.internet.conftest import Mosquitto, Setup

BROKER = "broker.example.com"
DEVICE = "UV" + "0" * 31 + "1"
COMMAND, SENSOR = f"command/device/{DEVICE}", f"sensor/device/{DEVICE}"
SUBSCRIBED = "subscribed: code 1"


class Operator:
    """A client of the broker that is not ours."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="operator")
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        info = self.client.subscribe(topic, qos=1)
        assert info[0] == 0
        self.say("operator/hello", b"")

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))

    def say(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self.client.publish(topic, payload, qos=qos).wait_for_publish(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def der(pem: trustme.Blob) -> bytes:
    return load_pem_x509_certificate(pem.bytes()).public_bytes(serialization.Encoding.DER)


def configure(setup: Setup, port: int = 1883) -> None:
    setup.cloud.put("broker-host", BROKER)
    setup.cloud.put("broker-port", str(port))


# -- the application ---------------------------------------------------------------------------------------------------


def test_mqtt_echo(make_setup: Callable[..., Setup], broker: Mosquitto) -> None:
    setup = make_setup("mqtt-echo")
    configure(setup)
    setup.internet.add_host(BROKER).forward(broker.address)
    operator = Operator(broker.port, "sensor/#")
    try:
        setup.board.power_on()
        setup.wait_for(SUBSCRIBED)
        assert setup.log == ["connected", SUBSCRIBED]
        for qos in (0, 1, 2):
            operator.say(COMMAND, b"LED %d" % qos, qos)
            setup.wait_for(f"echo: LED {qos}")
        setup.run("11s")
        assert setup.symbol("echoed") == 3
        assert setup.symbol("published") >= 5
        setup.world.clock.wait(lambda: len(operator.heard) >= 5, within="10s", what="readings at the operator")
    finally:
        operator.close()
    assert {topic for topic, _ in operator.heard} == {SENSOR}
    payloads = [payload for _, payload in operator.heard]
    assert [payload for payload in payloads if payload != b"21.5"] == [b"echo: LED 0", b"echo: LED 1", b"echo: LED 2"]
    assert payloads.count(b"21.5") >= 2


def test_mqtt_echo_by_tls_with_a_client_certificate(make_setup: Callable[..., Setup], tmp_path: Path,
                                                    make_broker: Callable[..., Mosquitto]) -> None:
    authority = trustme.CA()
    server, client = authority.issue_cert(BROKER), authority.issue_cert(DEVICE + ".example.com")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    broker = make_broker(f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\n"
                         "require_certificate true")
    setup = make_setup("mqtt-echo")
    configure(setup, 8883)
    setup.cloud.put("root-CA", der(authority.cert_pem))
    setup.cloud.put("cert", der(client.cert_chain_pems[0]))
    setup.cloud.put("private_key", client.private_key_pem.bytes(), secret=True)
    setup.internet.add_host(BROKER).forward(broker.address, port=8883, tls=TlsFarEnd())
    setup.board.power_on()
    setup.wait_for(SUBSCRIBED)
    setup.run("6s")
    assert setup.symbol("published") >= 1


def test_mqtt_echo_comes_back_after_the_network_was_gone(make_setup: Callable[..., Setup], broker: Mosquitto) -> None:
    setup = make_setup("mqtt-echo")
    configure(setup)
    setup.internet.add_host(BROKER).forward(broker.address)
    setup.board.power_on()
    setup.wait_for(SUBSCRIBED)
    with setup.world.turn():
        setup.board.kernel.network.coverage = False
    setup.run("1s")
    with setup.world.turn():
        setup.board.kernel.network.coverage = True
    setup.world.clock.wait(lambda: setup.log.count(SUBSCRIBED) == 2, within="60s", what="second subscription",
                           saw=lambda: repr(setup.log))


def test_equal_seeds_give_equal_journals_with_a_real_broker_too(make_setup: Callable[..., Setup],
                                                                make_broker: Callable[..., Mosquitto]) -> None:
    digests = []
    for _ in range(2):
        setup = make_setup("mqtt-echo")
        configure(setup)
        setup.internet.add_host(BROKER).forward(make_broker().address)
        setup.board.power_on()
        setup.run("12s")
        assert setup.symbol("published") == 1
        digests.append(setup.world.journal.digest())
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("host", "line"), [("nobody.example.com", "connect failed: state 4"),
                                            (BROKER, "connect failed: state 7")])
def test_mqtt_echo_without_a_broker(make_setup: Callable[..., Setup], host: str, line: str) -> None:
    setup = make_setup("mqtt-echo")
    configure(setup)
    setup.cloud.put("broker-host", host)
    setup.internet.add_host(BROKER)
    setup.board.power_on()
    setup.wait_for(line)


# -- sessions ----------------------------------------------------------------------------------------------------------


class Listener:
    """Keeps what it hears, with the instant of each in milliseconds."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.heard: list[tuple[Any, ...]] = []

    def mqtt_connected(self, failure: MqttFailure | None, code: int) -> None:
        self.heard.append(("connected", failure, code))

    def mqtt_subscribed(self, number: int, codes: tuple[int, ...]) -> None:
        self.heard.append(("subscribed", codes))

    def mqtt_unsubscribed(self, number: int, codes: tuple[int, ...]) -> None:
        self.heard.append(("unsubscribed", codes))

    def mqtt_published(self, number: int, code: int) -> None:
        self.heard.append(("published", code))

    def mqtt_message(self, message: MqttMessage) -> None:
        self.heard.append(("message", message))

    def mqtt_disconnected(self, code: int, *, asked: bool) -> None:
        self.heard.append(("disconnected", code, asked))

    def take(self) -> list[tuple[Any, ...]]:
        heard, self.heard = self.heard, []
        return heard


class Line:
    """A world with a virtual internet, and sessions of it."""

    def __init__(self) -> None:
        self.world = World(seed=1)
        self.internet = VirtualInternet(self.world)

    def connect(self, **options: Any) -> tuple[Any, Listener]:
        listener = Listener(self.world)
        request = MqttConnect(**{"host": BROKER, "port": 8883, "client_id": "device", **options})
        with self.world.turn():
            session = self.internet.mqtt(request, listener)
        self.world.clock.wait(lambda: bool(listener.heard), within="30s", what="outcome of connecting")
        return session, listener

    def close(self) -> None:
        self.internet.close()
        self.world.close()


@pytest.fixture
def line() -> Any:
    line = Line()
    yield line
    line.close()


def do(line: Line, action: Callable[[], object]) -> None:
    with line.world.turn():
        action()
    line.world.clock.sleep("500ms")


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_message_to_oneself(line: Line, broker: Mosquitto, version: int, qos: int) -> None:
    line.internet.add_host(BROKER).forward(broker.address)
    session, listener = line.connect(version=version)
    assert listener.take() == [("connected", None, 0)]
    do(line, lambda: session.subscribe((MqttSubscription(topic="a/+", qos=qos), MqttSubscription(topic="b", qos=0))))
    assert listener.take() == [("subscribed", (qos, 0))]
    do(line, lambda: session.publish("a/x", b"\x00\xff", qos, False))
    heard = listener.take()
    assert ("published", 0) in heard
    message = next(item[1] for item in heard if item[0] == "message")
    assert (message.topic, message.payload, message.qos, message.retain) == (b"a/x", b"\x00\xff", qos, False)
    do(line, lambda: session.acknowledge(message))
    do(line, lambda: session.unsubscribe(("a/+",)))
    assert listener.take()[0][0] == "unsubscribed"
    do(line, session.disconnect)
    assert listener.take() == [("disconnected", 0, True)]


def test_publishing_to_nobody_has_a_reason_in_mqtt_5(line: Line, broker: Mosquitto) -> None:
    line.internet.add_host(BROKER).forward(broker.address)
    session, listener = line.connect(version=5)
    listener.take()
    do(line, lambda: session.publish("nobody/listens", b"x", 1, False))
    assert listener.take() == [("published", 0x10)]


def test_a_message_that_is_not_acknowledged_comes_again(line: Line, broker: Mosquitto) -> None:
    line.internet.add_host(BROKER).forward(broker.address)
    session, listener = line.connect(clean_start=False)
    do(line, lambda: session.subscribe((MqttSubscription(topic="a", qos=1),)))
    do(line, lambda: session.publish("a", b"once", 1, False))
    assert [item[1].payload for item in listener.take() if item[0] == "message"] == [b"once"]
    do(line, session.abandon)
    session, listener = line.connect(clean_start=False)
    line.world.clock.sleep("1s")
    message = next(item[1] for item in listener.take() if item[0] == "message")
    assert message.payload == b"once"
    do(line, lambda: session.acknowledge(message))
    do(line, session.abandon)
    _, listener = line.connect(clean_start=False)
    line.world.clock.sleep("1s")
    assert [item[0] for item in listener.take()] == ["connected"]


@pytest.mark.parametrize("farewell", [True, False])
def test_the_will_is_published_for_who_leaves_without_farewell(line: Line, broker: Mosquitto, farewell: bool) -> None:
    line.internet.add_host(BROKER).forward(broker.address)
    watcher, heard = line.connect(client_id="watcher")
    do(line, lambda: watcher.subscribe((MqttSubscription(topic="gone", qos=1),)))
    heard.take()
    session, _ = line.connect(will=MqttWill(topic="gone", payload=b"device", qos=1))
    do(line, session.disconnect if farewell else session.abandon)
    line.world.clock.sleep("2s")
    messages = [item[1].payload for item in heard.take() if item[0] == "message"]
    assert messages == ([] if farewell else [b"device"])


@pytest.mark.parametrize(("version", "code"), [(4, 5), (5, 0x87)])
def test_user_name_and_password(line: Line, make_broker: Callable[..., Mosquitto], tmp_path: Path, version: int,
                                code: int) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run([shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd", "-b", "-c", str(passwords),
                    "user", "right"], check=True, capture_output=True)
    broker = make_broker(f"password_file {passwords}")
    line.internet.add_host(BROKER).forward(broker.address)
    _, listener = line.connect(version=version, username="user", password="wrong")
    assert listener.take()[0] == ("connected", None, code)
    _, listener = line.connect(version=version, username="user", password="right")
    assert listener.take() == [("connected", None, 0)]


def test_the_broker_dies(line: Line, broker: Mosquitto) -> None:
    line.internet.add_host(BROKER).forward(broker.address)
    _, listener = line.connect()
    listener.take()
    broker.stop()
    line.world.clock.wait(lambda: bool(listener.heard), within="60s", what="end of the connection")
    assert listener.take()[0][0] == "disconnected"


def test_two_with_one_client_id(line: Line, broker: Mosquitto) -> None:
    line.internet.add_host(BROKER).forward(broker.address)
    _, first = line.connect(version=5)
    first.take()
    line.connect(version=5)
    line.world.clock.wait(lambda: bool(first.heard), within="30s", what="being taken over")
    [(kind, code, asked)] = first.take()
    assert (kind, asked) == ("disconnected", False)
    assert code in (0, 0x8E)  # mosquitto 2.0 closes without a word, later ones say so


def test_nobody_listens_there(line: Line) -> None:
    line.internet.add_host(BROKER).forward("127.0.0.1:9")
    _, listener = line.connect()
    assert listener.take() == [("connected", MqttFailure.SOCKET, 0)]


@pytest.mark.parametrize("wrong", [{"keepalive": 70_000}, {"tls": TlsCredentials(trusted=(b"rubbish",))},
                                   {"tls": TlsCredentials(chain=(b"rubbish",), key=b"rubbish")}])
def test_invalid_parameters(line: Line, wrong: dict[str, Any]) -> None:
    line.internet.add_host(BROKER).forward("127.0.0.1:9")
    _, listener = line.connect(**wrong)
    assert listener.take() == [("connected", MqttFailure.INVALID, 0)]


# -- TLS ---------------------------------------------------------------------------------------------------------------

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_broker(make_broker: Callable[..., Mosquitto], folder: Path, certificate: trustme.LeafCert) -> Mosquitto:
    (folder / "server.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(folder / "server.key")
    return make_broker(f"certfile {folder}/server.pem\nkeyfile {folder}/server.key")


def outcomes(authority: trustme.CA) -> dict[str, tuple[trustme.LeafCert, trustme.CA, MqttFailure | None]]:
    return {
        "good": (authority.issue_cert(BROKER), authority, None),
        "unknown authority": (authority.issue_cert(BROKER), trustme.CA(), MqttFailure.UNKNOWN_CA),
        "expired": (authority.issue_cert(BROKER, not_after=PAST), authority, MqttFailure.CERTIFICATE_EXPIRED),
        "other name": (authority.issue_cert("other.example.com"), authority, MqttFailure.SOCKET),
        "in between": (authority.create_child_ca().issue_cert(BROKER), authority, None),
    }


@pytest.mark.parametrize("case", ["good", "unknown authority", "expired", "other name", "in between"])
def test_certificates_of_a_broker_that_speaks_tls(line: Line, make_broker: Callable[..., Mosquitto], tmp_path: Path,
                                                  authority: trustme.CA, case: str) -> None:
    certificate, trusted, failure = outcomes(authority)[case]
    broker = tls_broker(make_broker, tmp_path, certificate)
    line.internet.add_host(BROKER).forward(broker.address, tls=TlsFarEnd())
    _, listener = line.connect(tls=TlsCredentials(trusted=(der(trusted.cert_pem),)))
    assert listener.take() == [("connected", failure, 0)]


@pytest.mark.parametrize("case", ["good", "unknown authority", "expired", "other name", "in between"])
def test_certificates_that_a_plain_broker_shows(line: Line, broker: Mosquitto, authority: trustme.CA,
                                                case: str) -> None:
    certificate, trusted, failure = outcomes(authority)[case]
    line.internet.add_host(BROKER).forward(broker.address).certificate(
        *(pem.bytes() for pem in certificate.cert_chain_pems))
    _, listener = line.connect(tls=TlsCredentials(trusted=(trusted.cert_pem.bytes(),)))
    assert listener.take() == [("connected", failure, 0)]


def test_without_credentials_the_far_end_says_whom_to_trust(line: Line, make_broker: Callable[..., Mosquitto],
                                                            tmp_path: Path, authority: trustme.CA) -> None:
    broker = tls_broker(make_broker, tmp_path, authority.issue_cert("internal.example.com"))
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    line.internet.add_host(BROKER).forward(
        broker.address, tls=TlsFarEnd(ca_file=str(tmp_path / "ca.pem"), server_name="internal.example.com"))
    _, listener = line.connect(username="user", password="pass")
    assert listener.take() == [("connected", None, 0)]


def test_a_key_of_another_certificate(line: Line, authority: trustme.CA) -> None:
    one, other = authority.issue_cert("one.example.com"), authority.issue_cert("other.example.com")
    line.internet.add_host(BROKER).forward("127.0.0.1:9")
    _, listener = line.connect(tls=TlsCredentials(chain=(one.cert_chain_pems[0].bytes(),),
                                                  key=other.private_key_pem.bytes()))
    assert listener.take() == [("connected", MqttFailure.INVALID, 0)]
