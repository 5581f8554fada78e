"""Where new messages go, and which cell broadcasts are taken (3GPP TS 27.005 clauses 3.3.4 and 3.4.1)."""

from __future__ import annotations

from functools import lru_cache

from harness.errors import AtSyntaxError
from harness.formats.at import parse_ranges
from harness.virtual.modem.cell_broadcast import Selection
from harness.virtual.modem.codes import Family
from harness.virtual.modem.command import OK, Call, Command, Result, info, render_values
from harness.virtual.modem.settings import Value

# -- +CNMI ------------------------------------------------------------------------------------------------------------


@lru_cache
def _allowed(text: str) -> tuple[frozenset[int], ...]:
    """Return the values of each parameter out of the answer to the test form: ``(0-2),(0,2)``."""
    return tuple(frozenset(value for numbers in listed for value in numbers) for listed in parse_ranges(text))


def _test_routing(call: Call) -> Result:
    return info(f"+CNMI: {call.modem.profile.text('routing')}")


def _read_routing(call: Call) -> Result:
    return info(f"+CNMI: {render_values(call.modem.settings['+CNMI'])}")


def _set_routing(call: Call) -> Result:
    """Keep what was given, if it stands on the maker's list; clients take the next best where it does not."""
    call.at_most(5)
    values = list(call.modem.settings["+CNMI"])
    for position, allowed in enumerate(_allowed(call.modem.profile.text("routing"))):
        if call.given(position):
            values[position] = call.number(position)
            if values[position] not in allowed:
                raise call.bad()
    call.modem.settings["+CNMI"] = tuple(values)
    call.modem.sms.routing_changed()
    return OK


# -- +CSCB ------------------------------------------------------------------------------------------------------------


def _read_broadcast(call: Call) -> Result:
    mode, identifiers, codings = call.modem.settings["+CSCB"]
    return info(f'+CSCB: {mode},"{identifiers}","{codings}"')


def _set_broadcast(call: Call) -> Result:
    call.at_most(3)
    mode, lists = call.number(0, 0, high=1), [call.text(position, "", limit=240) for position in (1, 2)]
    try:
        Selection(mode, lists[0], lists[1])
    except AtSyntaxError:
        raise call.bad() from None
    call.modem.settings["+CSCB"] = (mode, *lists)
    return OK


DEFAULTS: dict[str, Value] = {"+CNMI": (0, 0, 0, 0, 0), "+CSCB": (0, "", "")}

COMMANDS = (
    Command(name="+CSCB", clause="27.005 3.3.4", test="(0,1)", read=_read_broadcast, set=_set_broadcast,
            family=Family.CMS),
    Command(name="+CNMI", clause="27.005 3.4.1", test=_test_routing, read=_read_routing, set=_set_routing,
            family=Family.CMS),
)
