"""GSMTC35's command line drives the modem; it sends every number as an international one, 000 too."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Place

pytestmark = pytest.mark.skipif(importlib.util.find_spec("GSMTC35") is None,
                                reason="gsmtc35 is not installed (PyPI)")


def test_identity_and_messages(place: Place) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", "GSMTC35.GSMTC35", "--serialPort", str(place.link), "--nodebug",
                               *arguments], capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    place.until(place.send("LED ON"), "delivery")
    assert "SMS sent: True" in run("--sendSMS", "000", "LED IS ON")
    place.until(lambda: place.cloud.texts == ["LED IS ON"], "text at the cloud")
    assert "000 (id 0, REC UNREAD" in run("--getSMS", "ALL")
    run("--deleteSMS", "ALL")
    assert "REC" not in run("--getSMS", "ALL")
    told = run("--information")
    for expected in ("Quectel", "BG96", place.modem.imei, place.modem.imsi, "AT&T Mobility", "-73dBm"):
        assert expected in told


def test_phone_books_and_pin(place: Place) -> None:
    package = importlib.import_module("GSMTC35.GSMTC35")

    books = package.GSMTC35.ePhonebookType
    modem = package.GSMTC35()
    assert modem.setup(str(place.link))
    try:
        assert modem.addEntryToPhonebook("+447700900123", "Ann", books.SIM)
        assert modem.addEntryToPhonebook("5551234", "Bob", books.SIM)
        assert modem.addEntryToPhonebook("1" * 30, "Long", books.GSM_MODULE)
        bob = {"index": 2, "phone_number": "5551234", "contact_name": "Bob"}
        assert modem.getPhonebookEntries(books.SIM) == [
            {"index": 1, "phone_number": "+447700900123", "contact_name": "Ann"}, bob]
        assert [entry["phone_number"] for entry in modem.getPhonebookEntries(books.GSM_MODULE)] == ["1" * 30]
        assert [entry["phone_number"] for entry in modem.getPhonebookEntries(books.MSISDNS)] == ["+15550001111"]
        assert modem.getPhonebookEntries(books.MISSED_CALLS) == []
        assert modem.deleteEntryFromPhonebook(1, books.SIM)
        assert modem.getPhonebookEntries(books.SIM) == [bob]
        assert modem.deleteAllEntriesFromPhonebook(books.SIM)
        assert modem.getPhonebookEntries(books.SIM) == []
        assert modem.lockSimPin("0000")
        assert modem.changePin("0000", "1234")
        assert modem.unlockSimPin("1234")
    finally:
        modem.close()
