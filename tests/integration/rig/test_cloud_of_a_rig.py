"""``[cloud]`` of a rig file: flavour, choices, credentials, hosts for webhooks; credentials of real services."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from harness.errors import RigFileError, UsageError
from harness.rig.load import parse_rig
from harness.rig.model import CloudTable
from harness.rig.opening import RigOpener, credentials_of
from harness.rig.rig import Rig

ACCOUNT, KEY = "AC" + 32 * "7", "SK" + 32 * "1"

KORE = f"""
name = "kore"
board = []

[cloud]
flavour = "kore"
webhook_secret = "a-secret-of-kore"
api_keys = {{ {KEY} = "secret-of-a-key" }}
allowed_hosts = ["hooks.example.com"]

[cloud.choices]
authentication = "bearer"
sim_update = "45s"
"""


@pytest.fixture
def rig() -> Iterator[Rig]:
    opener = RigOpener(parse_rig(KORE, name="kore.toml"), devices="virtual")
    opened = opener.open()
    yield opened
    opened.close()
    opener.close()


def test_a_rig_of_kore(rig: Rig) -> None:
    modem = rig.modem()
    modem.registered(within="60s")
    webhooks = rig.webhooks
    modem.send_sms("000", "hello")
    told = webhooks.expect("sms_command", direction="from_sim", payload="hello", within="60s")
    assert told.signed
    assert {"kore-signature", "kore-idempotency-token", "date"} <= set(told.headers)
    assert "x-twilio-signature" not in told.headers
    sim = rig.cloud.supersim.sim(modem.iccid)
    before = rig.clock.now()
    sim.update(status="inactive").wait_status("inactive", within="2min")
    assert rig.clock.now() - before >= 45_000_000_000
    journal = "\n".join(map(str, rig.journal.since(0)))
    for secret in ("a-secret-of-kore", "secret-of-a-key"):
        assert secret not in journal


@pytest.mark.parametrize(("text", "complaint"), [
    ('[cloud.choices]\nsim_updat = "1s"', "cloud.choices: there is no choice 'sim_updat': did you mean 'sim_update'?"),
    ('[cloud.choices]\nsim_update = "3 weeks"', "cloud.choices: not a duration: '3 weeks'"),
    ('[cloud]\nflavour = "vodafone"', "cloud.flavour: input should be 'twilio' or 'kore'"),
    ('[cloud.api_keys]\nSK1 = "x"', "cloud.api_keys.SK1"),
])
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(RigFileError) as caught:
        parse_rig(text, name="rig.toml")
    assert f"rig.toml: {complaint}" in str(caught.value)


def test_no_secret_is_shown() -> None:
    table = CloudTable(account_sid=ACCOUNT, auth_token="token-of-mine", webhook_secret="hook-secret",
                       api_keys={KEY: "key-secret"})
    for secret in ("token-of-mine", "hook-secret", "key-secret"):
        assert secret not in repr(table)


# -- credentials of a real service ----------------------------------------------------------------------------------


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desktop whose keyring has one password, and an environment without any."""
    keyring = ModuleType("keyring")
    keyring.get_password = (  # type: ignore[attr-defined]
        lambda service, user: "from-the-keyring" if (service, user) == ("twilio", ACCOUNT) else None)
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("desktop")
def test_environment_keyring_rig_file(monkeypatch: pytest.MonkeyPatch) -> None:
    table = CloudTable(kind="twilio", account_sid=ACCOUNT, auth_token="from-the-file", keyring="twilio")
    assert credentials_of(table.model_copy(update={"keyring": None})).password == "from-the-file"
    assert credentials_of(table).password == "from-the-keyring"
    with pytest.raises(UsageError, match=f"the keyring has no password of {ACCOUNT} for 'other'"):
        credentials_of(table.model_copy(update={"keyring": "other"}))
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "from-the-environment")
    found = credentials_of(table)
    assert (found.user, found.password) == ("AC1", "from-the-environment")


@pytest.mark.usefixtures("desktop")
def test_no_credentials_are_a_clear_error() -> None:
    with pytest.raises(UsageError, match="set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"):
        credentials_of(CloudTable(kind="twilio"))
    with pytest.raises(UsageError, match="set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"):
        credentials_of(CloudTable(kind="twilio", account_sid=ACCOUNT))
