"""Every kind of fault in Python, in a rig file, and as ``mvh fault`` writes it: three forms of one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from typer.testing import CliRunner

from harness.cli import fault as commands
from harness.errors import RigFileError, UsageError
from harness.rig import fault_door
from harness.rig.load import parse_rig
from harness.virtual.faults import KINDS, parse_fault
from harness.virtual.faults.kinds import Mode
from harness.virtual.faults.parameters import REQUIRED, Parameter, Quantity
from tests.unit.faults.strategies import faults

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

HEAD = 'board = []\nmodem = [{name = "modem-1"}]\n'


def example(parameter: Parameter) -> Any:
    values = {Quantity.DURATION: "7s", Quantity.NUMBER: max(parameter.low, 301), Quantity.SHARE: 0.5,
              Quantity.TEXT: 'say "x"', Quantity.WORD: parameter.words[-1] if parameter.words else "",
              Quantity.DIGITS: "8" * min(parameter.high, 20), Quantity.FLAG: True,
              Quantity.CURVE: [["0s", -70], ["10s", -110]], Quantity.ADDRESS: "192.0.2.7"}
    value = values[parameter.quantity]
    return min(value, parameter.high) if isinstance(value, int) and not isinstance(value, bool) else value


def written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(f"{instant}:{dbm}" for instant, dbm in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("everything", [False, True])
def test_each_kind_in_each_form(bench: FaultBench, monkeypatch: pytest.MonkeyPatch, kind: str, everything: bool
                                ) -> None:
    parameters = [parameter for parameter in KINDS[kind].parameters if everything or parameter.default is REQUIRED]
    given = {parameter.name: example(parameter) for parameter in parameters}
    if kind == "jitter":
        given = {"low": "1s", "high": "7s"}
    group, _, rest = kind.partition("-")
    door = bench.faults.on("AT+CNONE").on_modem("modem-1")
    grouped = group in ("sim", "network", "packet", "udp", "tcp", "dns", "sms")
    setter = getattr(getattr(door, group) if grouped else door, (rest if grouped else kind).replace("-", "_"))
    spec = setter(**given).spec
    (table,) = parse_rig(HEAD + fault_door.as_toml([spec.describe()]), name="rig.toml").faults
    assert table.spec == spec
    sent: list[dict[str, Any]] = []

    def ask(stack: str | None, method: str, body: dict[str, Any] | None = None, query: object = None) -> Any:
        assert body is not None
        sent.append(body)
        return {"number": 1, "kind": kind, "struck": 0, "left": 1}

    monkeypatch.setattr(commands, "_ask", ask)
    words = [f"{name}={written(value)}" for name, value in given.items()]
    done = CliRunner().invoke(commands.app, ["add", kind, *words, "--on", "AT+CNONE", "--modem", "modem-1"])
    assert done.exit_code == 0, done.output
    assert parse_fault(sent[0]) == spec


@given(described=faults())
def test_whatever_can_be_described_can_be_saved(described: dict[str, Any]) -> None:
    spec = parse_fault(described)
    (table,) = parse_rig(HEAD + fault_door.as_toml([spec.describe()]), name="rig.toml").faults
    assert table.spec == spec
    assert parse_fault(spec.describe()) == spec


@pytest.mark.parametrize(("described", "complaint"), [
    ({"kind": "truncat", "after": 5}, "kind: no such kind of fault: 'truncat' (did you mean 'truncate'?)"),
    ({"kind": "truncate", "aftr": 5}, "aftr: no such key of a fault of kind 'truncate' (did you mean 'after'?)"),
    ({"kind": "delay", "onn": "AT"}, "onn: no such key of a fault of kind 'delay' (did you mean 'on'?)"),
    ({"kind": "delay", "when": {"regist": True}}, "when: no such state: 'regist' (did you mean 'registered'?)"),
    ({"kind": "network-rat", "technology": "5g"}, "technology: must be one of gsm, utran, lte, lte-m, nb-iot, not"),
    ({"kind": "brown-out", "times": 2}, "times: a fault of kind 'brown-out' acts by itself, and once"),
])
def test_a_mistake_is_told_alike_in_each_form(bench: FaultBench, described: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        bench.faults.set(described)
    assert str(caught.value).startswith(complaint)
    with pytest.raises(RigFileError) as in_file:
        parse_rig(HEAD + fault_door.as_toml([described]), name="rig.toml")
    assert f"rig.toml: faults[0].{complaint}" in str(in_file.value)
    with pytest.raises(UsageError) as live:
        fault_door.routes(bench.plan)["POST", fault_door.PATH]({}, b'{"faults": [%s]}' % _json(described))
    assert str(live.value).startswith(f"faults[0].{complaint}")


def _json(described: dict[str, Any]) -> bytes:
    import json

    return json.dumps(described).encode()


def test_there_is_no_mode_without_a_kind() -> None:
    assert {kind.mode for kind in KINDS.values()} == set(Mode)
