"""gammu talks to the modem's port without special treatment."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Place

pytestmark = pytest.mark.skipif(shutil.which("gammu") is None, reason="gammu is not installed (Debian package gammu)")

Gammu = Callable[..., list[str]]


@pytest.fixture
def gammu(place: Place, tmp_path: Path) -> Gammu:
    """Runs gammu commands in one session and returns what each printed."""
    config = tmp_path / "gammurc"
    config.write_text(f"[gammu]\ndevice = {place.link}\nconnection = at115200\n")
    batch = tmp_path / "batch"

    def run(*commands: str) -> list[str]:
        batch.write_text("".join(f"{command}\n" for command in commands), encoding="utf-8")
        done = subprocess.run(["gammu", "-c", str(config), "batch", str(batch)], capture_output=True, text=True,
                              timeout=60, check=False, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
        assert done.returncode == 0, done.stdout + done.stderr
        said = re.split(r"^-{20,}\nExecuting batch .*$", done.stdout, flags=re.MULTILINE)[1:]
        assert len(said) == len(commands), done.stdout + done.stderr
        return said

    return run


def fields(output: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in output.splitlines() if ":" in line)
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def test_identification_and_sending(gammu: Gammu, place: Place) -> None:
    texts = ["LED IS ON", "Zwölf ΔΩ @£$", "привет", "three parts " + "0123456789 " * 34 + "end"]
    options = ["", "", " -unicode", " -autolen 500"]
    identity, network, centre, *sent = map(str, gammu(
        "identify", "networkinfo", "getsmsc",
        *(f'sendsms TEXT 000{option} -text "{text}"' for option, text in zip(options, texts, strict=True))))
    told = fields(identity)
    assert (told["Manufacturer"], told["Firmware"]) == ("Quectel", "BG96MAR02A07M1G")
    assert "BG96" in told["Model"]
    assert (told["IMEI"], told["SIM IMSI"]) == (place.modem.imei, place.modem.imsi)
    told = fields(network)
    assert told["Network state"] == "roaming network"
    assert told["Network"].startswith("310410")
    assert told["Network"].endswith("LAC 2F0B, CID A1B2C3")
    assert told["Name in phone"] == "AT&T Mobility"
    assert fields(centre)["Number"] == "+12063130004"
    assert all("OK, message reference=" in said for said in sent)
    place.until(lambda: len(place.cloud.texts) == len(texts), "texts at the cloud")
    assert place.cloud.texts == texts


def test_reading_and_deleting(gammu: Gammu, place: Place) -> None:
    place.until(place.send("first"), "delivery")
    place.until(place.send("the second, in Ελληνικά"), "delivery")
    listed, _, empty = gammu("getallsms", "deleteallsms 3", "getallsms")
    assert "first" in listed
    assert "the second, in Ελληνικά" in listed
    assert "2 SMS parts in 2 SMS sequences" in listed
    assert "0 SMS parts in 0 SMS sequences" in empty


def test_full_memory_is_redelivered_after_deleting(gammu: Gammu, place: Place) -> None:
    delivered = [place.send(f"number {number}") for number in range(24)]
    place.until(lambda: all(one() for one in delivered[:23]), "delivery of what fits")
    assert not delivered[23]()
    gammu("deletesms 3 5")
    place.until(delivered[23], "redelivery")


def test_a_card_that_asks_for_its_pin_and_then_for_its_puk(gammu: Gammu, place: Place) -> None:
    card = place.modem.slot.card
    assert card is not None
    with place.world.turn():
        card.lock_with_pin("1234")
        place.modem.restart_sim()
    place.until(lambda: place.modem.slot.started, "start of the card")
    # a session ends with the code, as gammu gives up when a code like SMS DONE comes before what it asked for
    asked, _ = gammu("getsecuritystatus", "entersecuritycode PIN 1234")
    assert "Waiting for PIN." in asked
    place.until(lambda: place.modem.radio.served, "service")
    with place.world.turn():
        card.block()
    asked, _ = gammu("getsecuritystatus", "entersecuritycode PUK 12345678 4321")
    assert "Waiting for PUK." in asked
    assert "Nothing to enter." in gammu("getsecuritystatus")[0]
    assert card.pin1.verify("4321")
