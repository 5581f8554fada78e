"""``mvh cloud``: the tables of the virtual cloud on the command line."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from harness.cli.app import app


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["cloud", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_choices_are_printed_with_their_reasons() -> None:
    assert "sim_update = 2s" in run("choices")
    rows = [json.loads(line) for line in run("choices", "--json").splitlines()]
    assert len(rows) > 40
    assert all(set(row) == {"name", "value", "why"} and row["why"] for row in rows)


def test_machines_are_printed_as_tables_and_as_data() -> None:
    text = run("machines")
    assert "Programmable Wireless Sim status" in text
    assert "error 33105" in text
    only = [json.loads(line) for line in run("machines", "--json", "eSIM").splitlines()]
    assert [machine["machine"] for machine in only] == ["eSIM profile status"]
    assert only[0]["moves"][0] == {"from": "-", "to": "new", "by": "", "answer": "", "via": "", "takes": "",
                                   "callback": "", "when": "it begins here"}


def test_codes_and_webhooks_are_listed() -> None:
    codes = {row["code"]: row for row in map(json.loads, run("codes", "--json").splitlines())}
    assert (len(codes), codes[83005]["status"], codes[33111]["status"]) == (46, 404, None)
    assert "83704  ---  the Sim is still new" in run("codes")
    assert "CommandStatus" in run("webhooks")


def test_an_unknown_machine_is_an_error_that_names_the_others() -> None:
    result = CliRunner().invoke(app, ["cloud", "machines", "toaster"])
    assert result.exit_code != 0
    assert "eSIM profile status" in str(result.exception)
