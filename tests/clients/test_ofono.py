"""oFono drives the modem through its phonesim driver: a TCP port, direct delivery, +CNMA, and echo left on."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.formats.sim import DiallingNumber, encode_record
from harness.virtual.modem import SimCard
from harness.virtual.modem.phone_book import CardBook
from harness.virtual.modem.sim_files import EF_ADN, EF_EXT1, EF_SDN
from tests.clients.bus import Bus, message_bus, missing, program, wait_until
from tests.clients.conftest import Place

_MISSING = missing("ofonod", "unshare")
pytestmark = [
    pytest.mark.skipif(_MISSING is not None, reason=f"{_MISSING} is not installed (Debian packages ofono, dbus, "
                                                    f"libglib2.0-bin)"),
    pytest.mark.skipif(os.getuid() != 0 or _MISSING is not None or subprocess.run(
        ["unshare", "-m", "mount", "--make-rprivate", "/"], capture_output=True, check=False).returncode != 0,
        reason="oFono reads /etc/ofono: a private one takes a mount name space, and that takes root"),
]

MODEM, MESSAGES, DATA = "/phonesim", "org.ofono.MessageManager", "org.ofono.ConnectionManager"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A module whose packet service shows in +CGREG, as oFono wants it, on a TCP port."""
    opened = Place(tmp_path / "ttyVM0", profile="EC25", ports=("tcp:127.0.0.1:0",))
    yield opened
    opened.close()


@pytest.fixture
def powered(place: Place, tmp_path: Path) -> Iterator[Bus]:
    """An oFono of our own, its modem powered."""
    configuration, storage = tmp_path / "etc", tmp_path / "var"
    configuration.mkdir()
    storage.mkdir()
    port = place.modem.ports.addresses[-1].rpartition(":")[2]
    (configuration / "phonesim.conf").write_text(f"[phonesim]\nAddress=127.0.0.1\nPort={port}\n")
    mounts = f"mount --bind {configuration} /etc/ofono && mount --bind {storage} /var/lib/ofono"
    with tempfile.TemporaryDirectory() as short, message_bus(Path(short), "org.ofono") as bus, \
            program(tmp_path / "ofono.log", "unshare", "-m", "sh", "-c", f"{mounts} && exec ofonod -n -d",
                    env={**bus.environment, "OFONO_AT_DEBUG": "1"}):
        wait_until(lambda: bus.answers("/", "org.ofono.Manager.GetModems"), "oFono")
        bus.wait_for("phonesim", "/", "org.ofono.Manager.GetModems")
        bus.call(MODEM, "org.ofono.Modem.SetProperty", "Powered", "<true>")
        bus.wait_for(r"org\.ofono\.SimManager", MODEM, "org.ofono.Modem.GetProperties")
        yield bus


@pytest.fixture
def ofono(powered: Bus) -> Bus:
    """An oFono of our own, its modem on line."""
    powered.call(MODEM, "org.ofono.Modem.SetProperty", "Online", "<true>")
    for interface in ("NetworkRegistration", "MessageManager", "ConnectionManager"):
        powered.wait_for(rf"org\.ofono\.{interface}", MODEM, "org.ofono.Modem.GetProperties")
    return powered


def test_identity_card_and_network(ofono: Bus, place: Place) -> None:
    told = ofono.wait_for("'Serial'.*", MODEM, "org.ofono.Modem.GetProperties").string
    assert re.search(r"'Manufacturer': <'Quectel'>.*'Model': <'EC25'>", told)
    assert f"'Serial': <'{place.modem.imei}'>" in told
    card = ofono.wait_for("'SubscriberIdentity'.*", MODEM, "org.ofono.SimManager.GetProperties").string
    assert f"'SubscriberIdentity': <'{place.modem.imsi}'>" in card
    assert f"'CardIdentifier': <'{place.modem.iccid}'>" in card
    assert "'SubscriberNumbers': <['+15550001111']>" in card
    network = ofono.wait_for("'Status': <'roaming'>.*'MobileNetworkCode'", MODEM,
                             "org.ofono.NetworkRegistration.GetProperties").string
    assert re.search(r"'MobileCountryCode': <'310'>.*'MobileNetworkCode': <'410'>", network)
    assert "310410" in ofono.call(MODEM, "org.ofono.NetworkRegistration.Scan", seconds=60)


def test_messages_with_direct_delivery(ofono: Bus, place: Place, tmp_path: Path) -> None:
    texts = ["LED IS ON", "three parts " + "0123456789 " * 34 + "end", "Ελληνικά, привет"]
    with ofono.signals(tmp_path / "signals") as log:
        ofono.call(MODEM, f"{MESSAGES}.SetProperty", "UseDeliveryReports", "<true>")
        for text in texts:
            ofono.call(MODEM, f"{MESSAGES}.SendMessage", "000", text)
        place.until(lambda: len(place.cloud.texts) == len(texts), "texts at the cloud", seconds=40)
        assert place.cloud.texts == texts
        arrived = place.send("LED ON")
        place.until(arrived, "acknowledgement", seconds=30)
        wait_until(lambda: "IncomingMessage ('LED ON'" in log.read_text(encoding="utf-8"), "message at oFono")
        assert "'Sender': <'000'>" in log.read_text(encoding="utf-8")
        long_text = "A long text in two parts. " * 8
        place.until(place.send(long_text), "acknowledgement of both parts", seconds=30)
        wait_until(lambda: f"IncomingMessage ('{long_text}'" in log.read_text(encoding="utf-8"), "message at oFono")
        wait_until(lambda: _acknowledged(place) >= 3 + 5, "acknowledged reports and messages")
    assert place.modem.sms.acknowledgement_due is False


def _acknowledged(place: Place) -> int:
    return len(place.world.journal.select("sms_acknowledged", source="modem"))


def test_packet_data_and_flight_mode(ofono: Bus, place: Place) -> None:
    ofono.call(MODEM, f"{DATA}.SetProperty", "RoamingAllowed", "<true>")
    ofono.call(MODEM, f"{DATA}.SetProperty", "Powered", "<true>")
    ofono.wait_for("'Attached': <true>", MODEM, f"{DATA}.GetProperties")
    context = "org.ofono.ConnectionContext"
    ofono.call("/phonesim/context1", f"{context}.SetProperty", "AccessPointName", "<'super'>")
    ofono.call("/phonesim/context1", f"{context}.SetProperty", "Active", "<true>")
    assert place.modem.packet.active[1].apn == "super"
    ofono.call(MODEM, "org.ofono.Modem.SetProperty", "Online", "<false>")
    place.until(lambda: not place.modem.radio.served, "flight mode")
    ofono.call(MODEM, "org.ofono.Modem.SetProperty", "Powered", "<false>")


PEOPLE = (("Ann", "+447700900123"), ("Анна", "5551234"), ("日本", "1" * 25))
"""Names in the GSM alphabet, in the form for one script, and in plain UCS2; the last number goes on in an extension."""


@pytest.fixture
def people(place: Place) -> SimCard:
    """A card with people in its phone book, and the same names among its service numbers."""
    card = place.modem.slot.card
    assert card is not None
    book, services = CardBook(card, EF_ADN, EF_EXT1), card.files.files[EF_SDN].records
    with place.world.turn():
        for index, (name, number) in enumerate(PEOPLE):
            assert book.put(index + 1, DiallingNumber.parse(number, name=name)) is None
            services[index] = encode_record(DiallingNumber.parse(number[:20], name=name), len(services[index]))
    return card


def test_phone_book_and_pins(people: SimCard, ofono: Bus) -> None:
    """oFono reads names out of the records itself for service numbers, and by +CPBR for the phone book."""
    told = ofono.call(MODEM, "org.ofono.Phonebook.Import")
    assert re.findall(r"FN:(.*?)\\r\\nTEL;TYPE=VOICE:(.*?)\\r", told) == list(PEOPLE)
    sim = "org.ofono.SimManager"
    told = ofono.call(MODEM, f"{sim}.GetProperties")
    for name, number in PEOPLE:
        assert f"'{name}': '{number[:20]}'" in told
    assert "'FixedDialing': <false>" in told
    ofono.call(MODEM, f"{sim}.LockPin", "pin", "0000")
    ofono.call(MODEM, f"{sim}.ChangePin", "pin", "0000", "1234")
    told = ofono.call(MODEM, f"{sim}.GetProperties")
    assert "'LockedPins': <['pin']>" in told
    assert "{'pin': byte 0x03, 'pin2': 0x03, 'puk': 0x0a, 'puk2': 0x0a}" in told
    assert people.pin1.verify("1234")
    ofono.call(MODEM, f"{sim}.UnlockPin", "pin", "1234")
    assert not people.pin_enabled


@pytest.fixture
def locked(place: Place) -> SimCard:
    """The card in the modem, which asks for a PIN."""
    card = place.modem.slot.card
    assert card is not None
    with place.world.turn():
        card.lock_with_pin("1234")
        place.modem.restart_sim()
    place.until(lambda: place.modem.slot.started, "start of the card")
    return card


def test_a_card_that_asks_for_its_pin_and_then_for_its_puk(locked: SimCard, powered: Bus, place: Place) -> None:
    sim = "org.ofono.SimManager"
    powered.wait_for("'PinRequired': <'pin'>", MODEM, f"{sim}.GetProperties")
    for left in ("0x02", "0x01", "0x00"):
        assert not powered.answers(MODEM, f"{sim}.EnterPin", "pin", "9999")
        powered.wait_for(f"'pin': (?:byte )?{left}", MODEM, f"{sim}.GetProperties")
    powered.wait_for("'PinRequired': <'puk'>", MODEM, f"{sim}.GetProperties")
    powered.call(MODEM, f"{sim}.ResetPin", "puk", "12345678", "4321")
    assert locked.is_ready  # oFono's phonesim driver does not look at it again
    assert locked.pin1.verify("4321")


def test_fixed_dialling_is_read_from_the_cards_files(fixed: None, powered: Bus) -> None:
    """By the table of services and that of those that are on."""
    powered.wait_for("'FixedDialing': <true>", MODEM, "org.ofono.SimManager.GetProperties")
