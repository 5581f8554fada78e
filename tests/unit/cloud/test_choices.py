"""The table of choices: every one has a reason, can be decided otherwise, and then something else happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import pytest

import harness.virtual.cloud
from harness.errors import UsageError
from harness.virtual.cloud import Choices
from harness.virtual.cloud.choices import choices_of
from harness.virtual.cloud.parameters import parse_arguments
from harness.virtual.cloud.refusals import CATALOGUE, STATUS, Refused
from harness.virtual.cloud.webhook_parameters import PARAMETERS, Subject, WebhookKind, webhook_parameters

from .conftest import ICCID

if TYPE_CHECKING:
    from .conftest import Lab

WIRELESS = "8988306000000000001"
SOURCES = [path.read_text() for path in Path(harness.virtual.cloud.__file__).parent.rglob("*.py")
           if path.name != "choices.py"]


def test_every_choice_has_a_reason() -> None:
    for row in Choices().table():
        assert len(row.why.split()) >= 3, row.name
        assert row.value or row.name == "webhook_key", row.name


def test_every_choice_that_has_another_value_is_asked_for() -> None:
    hints = get_type_hints(Choices)
    for item in fields(Choices):
        fixed = len(get_args(hints[item.name])) == 1 and get_origin(hints[item.name]) is not tuple
        asked = any(f"choices.{item.name}" in text for text in SOURCES)
        assert asked or fixed or item.name == "status_of_code", f"nobody asks for {item.name}"


def test_a_rig_file_may_decide_otherwise() -> None:
    choices = choices_of({"sim_update": "45s", "status_of_code": {"83010": 409}, "ip_command_ports": [6969]})
    assert (choices.sim_update, choices.status(83010), choices.ip_command_ports) == ("45s", 409, (6969,))
    assert choices_of({}) == Choices()


@pytest.mark.parametrize(("values", "why"), [
    ({"sim_updat": "1s"}, "did you mean 'sim_update'"), ({"zzz": 1}, "'mvh cloud choices' lists them"),
    ({"sim_update": "3 weeks"}, "not a duration"), ({"unknown_parameters": "x"}, "'ignore' or 'refuse'"),
    ({"trial_commands": "many"}, "valid integer"), ({"plain_http": "refused"}, "Input should be 'served'"),
])
def test_what_is_no_choice_is_named(values: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        choices_of(values)


def test_every_code_of_the_catalogue_has_a_status_or_is_in_no_response() -> None:
    silent = set(CATALOGUE) - set(STATUS)
    assert silent == {83401, 83402, 83700, 83701, 83702, 83703, 83704, 83705, 33111, 33203}
    assert all(400 <= status <= 503 for status in STATUS.values())


# -- what each switch does ------------------------------------------------------------------------------------------


def test_new_to_inactive(lab: Lab, make_lab: Callable[..., Lab]) -> None:
    with pytest.raises(Refused) as refused:
        lab.call("UpdateSim", lab.cloud.add_sim(ICCID, status="new"), Status="inactive")
    assert refused.value.code == 83010
    other = make_lab(Choices(new_to_inactive=True))
    sim = other.call("UpdateSim", other.cloud.add_sim(ICCID, status="new"), Status="inactive")
    other.clock.sleep("5s")
    assert sim.status == "inactive"


def test_ip_command_ports(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(Choices(ip_command_ports=(6969,)))
    lab.cloud.add_sim(ICCID)
    for port in (6969, 7):
        with lab.world.turn():
            lab.cloud.ip_received(ICCID, ("100.64.0.9", 5_000), ("100.64.0.1", port), b"hi")
    assert len(lab.call("ListIpCommand")) == 1
    [ignored] = lab.world.journal.select("ip_command_ignored")
    assert ignored.data["port"] == 7


def test_old_aliases() -> None:
    from harness.virtual.cloud.microvisor_api import OPERATIONS

    [update] = [operation for operation in OPERATIONS if operation.name == "UpdateDevice"]
    old, ignored = parse_arguments(update.params, [("AppSid", "one")])
    assert (old.text("TargetApp"), ignored) == ("one", 0)
    new, ignored = parse_arguments(update.params, [("AppSid", "one")], aliases=False)
    assert (new.text("TargetApp"), ignored) == (None, 1)


def test_names_of_webhook_parameters_can_be_corrected() -> None:
    subject = Subject(account_sid="AC1", error_code=83004, error_message="no")
    plain = webhook_parameters(WebhookKind.SIM_STATUS, subject, {})
    assert ("ErrorCode", "83004") in plain
    names = {"sim_status.ErrorCode": "Code", "sim_status.ErrorMessage": "", "command.ApiVersion": "Other"}
    told = webhook_parameters(WebhookKind.SIM_STATUS, subject, names)
    assert told == [("AccountSid", "AC1"), ("ApiVersion", "v1"), ("Code", "83004")]
    for kind, parameters in PARAMETERS.items():
        assert len({name for name, _ in parameters}) == len(parameters), kind


def test_duplicate(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(Choices(duplicate=20422))
    lab.call("CreateNetworkAccessProfile", UniqueName="one")
    with pytest.raises(Refused) as refused:
        lab.call("CreateNetworkAccessProfile", UniqueName="one")
    assert refused.value.code == 20422


def test_resets_without_a_network(lab: Lab, make_lab: Callable[..., Lab]) -> None:
    with pytest.raises(Refused) as refused:
        lab.call("UpdateSim", lab.cloud.add_wireless_sim(WIRELESS, status="new"), api="wireless",
                 ResetStatus="resetting")
    assert refused.value.code == 33119
    other = make_lab(Choices(wireless_reset_needs_network=False))
    sid = other.cloud.add_wireless_sim(WIRELESS, status="new")
    assert other.call("UpdateSim", sid, api="wireless", ResetStatus="resetting").reset == "resetting"


def test_commands_under_way_may_have_to_stay(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(Choices(wireless_delete_command="finished"))
    sid = lab.cloud.add_wireless_sim(WIRELESS)
    command = lab.call("CreateCommand", api="wireless", Sim=sid, Command="x")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            lab.call("DeleteCommand", command.sid, api="wireless")
        assert refused.value.code == 20409
        if command.status == "queued":
            lab.ether.texts[0][2].attempted()
    lab.ether.texts[0][2].delivered()
    lab.call("DeleteCommand", command.sid, api="wireless")
    assert lab.call("ListCommand", api="wireless") == []
