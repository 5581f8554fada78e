"""ModemManager drives the modem over an abstract unix socket, with its generic plug-in and with those for makers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from harness.virtual.modem import SimCard
from tests.clients.bus import Bus, message_bus, missing, program, wait_until
from tests.clients.conftest import Place

_MISSING = missing("ModemManager")
pytestmark = pytest.mark.skipif(_MISSING is not None, reason=f"{_MISSING} is not installed (Debian packages "
                                                             f"modemmanager, dbus, libglib2.0-bin)")

SERVICE = "org.freedesktop.ModemManager1"
ROOT = "/org/freedesktop/ModemManager1"
MODEM = f"{ROOT}/Modem/0"


@pytest.fixture
def port() -> str:
    # ModemManager takes a name that begins so for an abstract one, and keeps the beginning as part of it
    return f"abstract:mvh-{uuid4().hex[:12]}"


@pytest.fixture
def module(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The plug-in and the module."""
    chosen: tuple[str, str] = getattr(request, "param", ("generic", "EC25"))
    return chosen


@pytest.fixture
def place(tmp_path: Path, port: str, module: tuple[str, str]) -> Iterator[Place]:
    opened = Place(tmp_path / "ttyVM0", profile=module[1], ports=(f"abstract:{port}",))
    yield opened
    opened.close()


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


@pytest.fixture
def blocked(locked: SimCard, place: Place) -> None:
    """The card asks for its PUK: the PIN was wrong three times."""
    with place.world.turn():
        locked.block()


@pytest.fixture
def started(place: Place, port: str, module: tuple[str, str], tmp_path: Path) -> Iterator[Bus]:
    """A ModemManager of our own, which has found its modem."""
    with tempfile.TemporaryDirectory() as short, message_bus(Path(short), SERVICE) as bus, \
            program(tmp_path / "mm.log", "ModemManager", "--test-session", "--test-enable", "--test-no-udev",
                    "--test-no-suspend-resume", "--debug", env=bus.environment):
        wait_until(lambda: bus.answers(ROOT, "org.freedesktop.DBus.ObjectManager.GetManagedObjects"), "ModemManager")
        bus.call(ROOT, f"{SERVICE}.Test.SetProfile", "vm", module[0], f"['{port}']")
        bus.wait_for("Modem/0", ROOT, "org.freedesktop.DBus.ObjectManager.GetManagedObjects")
        yield bus


@pytest.fixture
def manager(started: Bus) -> Bus:
    """A ModemManager of our own, its modem enabled."""
    wait_until(lambda: started.answers(MODEM, f"{SERVICE}.Modem.Enable", "true"), "enabled modem")
    return started


def _property(bus: Bus, interface: str, name: str, path: str = MODEM) -> str:
    return bus.call(path, "org.freedesktop.DBus.Properties.Get", f"{SERVICE}.{interface}", name).strip()


def test_identity_messages_and_data(manager: Bus, place: Place) -> None:
    assert _property(manager, "Modem", "EquipmentIdentifier") == f"(<'{place.modem.imei}'>,)"
    assert _property(manager, "Modem", "Model") == "(<'EC25'>,)"
    assert _property(manager, "Modem", "OwnNumbers") == "(<['+15550001111']>,)"
    assert _property(manager, "Sim", "Imsi", f"{ROOT}/SIM/0") == f"(<'{place.modem.imsi}'>,)"
    assert _property(manager, "Sim", "SimIdentifier", f"{ROOT}/SIM/0") == f"(<'{place.modem.iccid}'>,)"
    manager.wait_for("uint32 5", MODEM, "org.freedesktop.DBus.Properties.Get", f"{SERVICE}.Modem.Modem3gpp",
                     "RegistrationState")
    assert _property(manager, "Modem.Modem3gpp", "OperatorName") == "(<'AT&T Mobility'>,)"
    assert _property(manager, "Modem.Modem3gpp", "OperatorCode") == "(<'310410'>,)"

    messaging = f"{SERVICE}.Modem.Messaging"
    for number, text in enumerate(("LED IS ON", "Ελληνικά, привет")):
        manager.call(MODEM, f"{messaging}.Create",
                     f"{{'text': <'{text}'>, 'number': <'000'>, 'delivery-report-request': <true>}}")
        manager.call(f"{ROOT}/SMS/{2 * number}", f"{SERVICE}.Sms.Send", seconds=40)
        place.until(lambda text=text: place.cloud.texts[-1:] == [text], "text at the cloud")  # type: ignore[misc]
        # the status report comes as a message of its own
        manager.wait_for(f"SMS/{2 * number + 1}", MODEM, f"{messaging}.List")
    assert _property(manager, "Sms", "DeliveryState", f"{ROOT}/SMS/1") == "(<uint32 0>,)"
    place.until(place.send("LED ON"), "delivery")
    manager.wait_for("SMS/4", MODEM, f"{messaging}.List")
    manager.wait_for("'LED ON'", f"{ROOT}/SMS/4", "org.freedesktop.DBus.Properties.Get", f"{SERVICE}.Sms", "Text")
    manager.call(MODEM, f"{messaging}.Delete", f"{ROOT}/SMS/4")

    assert "310410" in manager.call(MODEM, f"{SERVICE}.Modem.Modem3gpp.Scan", seconds=120)
    manager.call(MODEM, f"{SERVICE}.Modem.Simple.Connect", "{'apn': <'super'>, 'allow-roaming': <true>}", seconds=60)
    assert place.modem.packet.active[1].apn == "super"
    manager.call(MODEM, f"{SERVICE}.Modem.Simple.Disconnect", "/", seconds=60)
    place.until(lambda: not place.modem.packet.active, "end of the data session")
    manager.call(MODEM, f"{SERVICE}.Modem.Enable", "false")


_STATE = (MODEM, "org.freedesktop.DBus.Properties.Get", f"{SERVICE}.Modem")
_CARD, _SIM = f"{ROOT}/SIM/0", f"{SERVICE}.Sim"


def test_a_card_that_asks_for_its_pin(locked: SimCard, started: Bus, place: Place) -> None:
    """How often it may still be wrong is counted by +CSIM."""
    started.wait_for("uint32 2>", *_STATE, "UnlockRequired")  # SIM PIN
    started.wait_for("uint32 2: uint32 3, 4: 10, 3: 3, 5: 10", *_STATE, "UnlockRetries")
    assert not started.answers(_CARD, f"{_SIM}.SendPin", "9999")
    started.wait_for("uint32 2: uint32 2, 4: 10, 3: 3, 5: 10", *_STATE, "UnlockRetries")
    started.call(_CARD, f"{_SIM}.SendPin", "1234")
    started.wait_for(r"uint32 [13]>", *_STATE, "UnlockRequired")  # none, or PIN2 that nothing needs
    started.call(_CARD, f"{_SIM}.ChangePin", "1234", "2468")
    started.call(_CARD, f"{_SIM}.EnablePin", "2468", "false")
    assert not locked.pin_enabled
    wait_until(lambda: started.answers(MODEM, f"{SERVICE}.Modem.Enable", "true"), "enabled modem")
    place.until(lambda: place.modem.radio.served, "service")


def test_a_card_that_asks_for_its_puk(locked: SimCard, blocked: None, started: Bus, place: Place) -> None:
    started.wait_for("uint32 4>", *_STATE, "UnlockRequired")  # SIM PUK
    started.call(_CARD, f"{_SIM}.SendPuk", "12345678", "4321")
    wait_until(lambda: started.answers(MODEM, f"{SERVICE}.Modem.Enable", "true"), "enabled modem")
    place.until(lambda: place.modem.radio.served, "service")
    assert locked.pin1.verify("4321")


@pytest.mark.parametrize("module", [("quectel", "BG96"), ("simtech", "SIM7080G")], indirect=True)
def test_plug_ins_for_makers(manager: Bus, place: Place) -> None:
    """They ask for more: tries of the PINs by raw access to the card, and what the module tells unasked."""
    assert _property(manager, "Modem", "OwnNumbers") == "(<['+15550001111']>,)"
    assert "uint32 2: uint32 3" in _property(manager, "Modem", "UnlockRetries")
    manager.wait_for("uint32 5", MODEM, "org.freedesktop.DBus.Properties.Get", f"{SERVICE}.Modem.Modem3gpp",
                     "RegistrationState")
    assert _property(manager, "Modem.Modem3gpp", "EpsUeModeOperation") == "(<uint32 4>,)"  # +CEMODE: 2
    manager.call(MODEM, f"{SERVICE}.Modem.Messaging.Create", "{'text': <'LED IS ON'>, 'number': <'000'>}")
    manager.call(f"{ROOT}/SMS/0", f"{SERVICE}.Sms.Send", seconds=40)
    place.until(lambda: place.cloud.texts == ["LED IS ON"], "text at the cloud")
    # it hangs up by closing the port, as there is but one, and must find the module in command mode again
    manager.call(MODEM, f"{SERVICE}.Modem.Simple.Connect", "{'apn': <'super'>, 'allow-roaming': <true>}", seconds=60)
    assert place.modem.packet.active[1].apn == "super"
    manager.call(MODEM, f"{SERVICE}.Modem.Simple.Disconnect", "/", seconds=60)
    assert place.modem.profile.model in manager.call(MODEM, f"{SERVICE}.Modem.Command", "AT+CGMM", "3")
    manager.call(MODEM, f"{SERVICE}.Modem.Enable", "false")


def test_fixed_dialling_is_one_of_the_locks_that_are_on(fixed: None, manager: Bus) -> None:
    manager.wait_for("uint32 2>", MODEM, "org.freedesktop.DBus.Properties.Get", f"{SERVICE}.Modem.Modem3gpp",
                     "EnabledFacilityLocks")
