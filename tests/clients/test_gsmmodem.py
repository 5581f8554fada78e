"""python-gsmmodem-new talks to the modem's port without special treatment, in PDU and in text mode."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Place

gsmmodem = pytest.importorskip("gsmmodem.modem", reason="python-gsmmodem-new is not installed (PyPI)")


@pytest.fixture(params=["pdu", "text"])
def client(request: pytest.FixtureRequest, place: Place) -> Iterator[tuple[Any, list[str]]]:
    """A connected client, and the texts that its callback was given."""
    heard: list[str] = []
    modem = gsmmodem.GsmModem(str(place.link), 115200, smsReceivedCallbackFunc=lambda sms: heard.append(sms.text))
    modem.smsTextMode = request.param == "text"
    modem.connect()
    yield modem, heard
    place.until_threads_end("threadedHandleModemNotification")
    modem.close()


def test_identity_network_and_messages(client: tuple[Any, list[str]], place: Place) -> None:
    modem, heard = client
    assert (modem.manufacturer, modem.model, modem.revision) == ("Quectel", "BG96", "BG96MAR02A07M1G")
    assert (modem.imei, modem.imsi) == (place.modem.imei, place.modem.imsi)
    assert modem.networkName == "AT&T Mobility"
    assert modem.signalStrength == 20
    assert modem.smsc == "+12063130004"
    assert modem.waitForNetworkCoverage(timeout=5)
    # the client loses an unsolicited line that comes between its command and the answer: wait for the report first
    sent = modem.sendSms("000", "LED IS ON", waitForDeliveryReport=True, deliveryTimeout=10)
    assert sent.status == sent.DELIVERED
    place.until(lambda: place.cloud.texts == ["LED IS ON"], "the text at the cloud")
    place.until(place.send("LED ON"), "delivery")
    place.until(lambda: heard == ["LED ON"], "the callback")
    modem.deleteMultipleStoredSms()
    assert modem.listStoredSms() == []


def test_the_own_number_is_kept_on_the_card(client: tuple[Any, list[str]], place: Place) -> None:
    modem, _ = client
    assert modem.ownNumber == "+15550001111"
    modem.ownNumber = "+447700900123"  # into phone book ON
    assert modem.ownNumber == "+447700900123"
    card = place.modem.slot.card
    assert card is not None
    assert card.files.files[0x6F40].records[0][14:22].hex() == "0791447700091032"


def test_service_codes_are_refused(client: tuple[Any, list[str]]) -> None:
    modem, _ = client
    with pytest.raises(sys.modules["gsmmodem.exceptions"].CommandError):
        modem.sendUssd("*100#")


def test_pin_and_long_text(place: Place) -> None:
    with place.world.turn():
        card = place.modem.remove_sim()
        assert card is not None
        assert card.change_pin("0000", "1234")
        assert card.enable_pin(True, "1234")
        card.power_cycle()
        place.modem.insert_sim(card)
    place.until(lambda: place.modem.slot.started, "start of the card")
    modem = gsmmodem.GsmModem(str(place.link), 115200)
    with pytest.raises(sys.modules["gsmmodem.exceptions"].PinRequiredError):
        modem.connect()
    modem.close()
    # reports go nowhere: the client's other thread asks for one that comes while a prompt is open, in that prompt
    modem = gsmmodem.GsmModem(str(place.link), 115200, AT_CNMI="2,1,0,0")
    modem.connect(pin="1234")
    modem.waitForNetworkCoverage(timeout=10)
    text = "0123456789" * 40
    modem.sendSms("000", text)
    place.until(lambda: place.cloud.texts == [text], "the text at the cloud")
    place.until_threads_end("threadedHandleModemNotification")
    modem.close()
