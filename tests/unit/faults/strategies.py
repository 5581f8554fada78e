"""Fault plans that somebody might describe, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from harness.virtual.faults import KINDS
from harness.virtual.faults.kinds import CONDITIONS, Kind, Mode
from harness.virtual.faults.parameters import REQUIRED, Parameter, Quantity

SPANS = st.sampled_from(["0s", "1ms", "500ms", "3s", "1min"])
ON = st.sampled_from(["AT", "AT+CSQ", "AT+CMGS", "/./", "AT+QISEND", "AT+COPS=?", "AT+CFUN"])


def value(parameter: Parameter) -> st.SearchStrategy[Any]:
    match parameter.quantity:
        case Quantity.DURATION:
            return SPANS.filter(lambda span: parameter.name != "every" or span != "0s")
        case Quantity.NUMBER:
            return st.integers(parameter.low, min(parameter.high, max(parameter.low, 0) + 40))
        case Quantity.SHARE:
            return st.floats(0, 1)
        case Quantity.TEXT:
            return st.just("ME") if parameter.name == "memory" else st.text(
                st.characters(max_codepoint=255, min_codepoint=1), max_size=20)
        case Quantity.WORD:
            return st.sampled_from(parameter.words)
        case Quantity.DIGITS:
            return st.text("0123456789", min_size=parameter.high, max_size=parameter.high)
        case Quantity.FLAG:
            return st.booleans()
        case Quantity.ADDRESS:
            return st.sampled_from(["192.0.2.7", "203.0.113.1"])
        case _:
            return st.just([["0s", -70], ["5s", -120], ["20s", -60]])


@st.composite
def faults(draw: st.DrawFn) -> dict[str, Any]:
    """A fault that somebody might describe."""
    kind: Kind = draw(st.sampled_from(sorted(KINDS.values(), key=lambda kind: kind.name)))
    described: dict[str, Any] = {"kind": kind.name}
    for parameter in kind.parameters:
        if parameter.default is REQUIRED or draw(st.booleans()):
            described[parameter.name] = draw(value(parameter))
    if kind.name == "jitter":
        described.update(low="0s", high="3s")
    choice = draw(st.sampled_from(["on", "urc", "neither"]))
    if choice == "on" or (choice == "urc" and kind.mode is Mode.LINE and not kind.urcs):
        described["on"] = draw(ON)
    elif choice == "urc":
        described["urc"] = draw(st.sampled_from(["+CMT", "/./", "RDY"]))
        described.pop("point", None)
    if ("on" in described or "urc" in described or kind.mode is not Mode.ACT) and draw(st.booleans()):
        described["nth"] = draw(st.integers(1, 3))
    if draw(st.booleans()):
        described["in"] = draw(SPANS)
    if draw(st.integers(0, 3)) == 0:
        described["when"] = {draw(st.sampled_from(sorted(CONDITIONS))): draw(st.booleans())}
    if kind.mode is not Mode.ACT or described.keys() & {"on", "urc", "when"}:
        described.update(draw(st.sampled_from([{}, {"sticky": True}, {"times": 3}, {"p": 0.5}])))
    else:
        described.update(draw(st.sampled_from([{}, {"repeat": "30s"}, {"repeat": "3s", "times": 3}, {"p": 0.5}])))
    return described
