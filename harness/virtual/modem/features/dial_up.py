"""Data on the AT port itself: dial-up by ATD*99# and +CGDATA, and the multiplexer (3GPP TS 27.007, 27.010)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.clock import NANOSECONDS
from harness.formats.cmux import MAX_INFORMATION
from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import OK, Call, Command, Connect, Needs, Pending, Result, cme, info
from harness.virtual.modem.features import voice
from harness.virtual.modem.mux import Mux
from harness.virtual.modem.packet import MAX_CONTEXTS
from harness.virtual.modem.ppp_peer import PppPeer
from harness.virtual.modem.radio import Waiter
from harness.virtual.network.seams import Registration, Session

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataLink, DataPort

_PACKET_SERVICE = re.compile(r"[TP]?\*(?:99|98)(?:\*\*\*(\d{1,2})|(?:\*[^*]*){0,2}(?:\*(\d{1,2}))?)?#")
_SEARCH = 10 * NANOSECONDS  # how long a call waits at most for a search under way; S7 may be shorter
_DEFAULT_FRAME_SIZE = 31  # N1 of the basic option (27.010 clause 5.7.2)


def _dial(call: Call) -> Result:
    """*99# is packet service on a context (27.007 clause 10.2.1.1); anything else is a call."""
    text = "".join(argument.text for argument in call.arguments if argument is not None)
    match = _PACKET_SERVICE.fullmatch(text.replace(" ", "").upper())
    if match is None:
        return voice.dial(call, text)
    return _data_call(call, int(match[1] or match[2] or 1))


def _cgdata(call: Call) -> Result:
    call.at_most(2)
    if call.text(0, "PPP") != "PPP":
        raise call.bad()
    return _data_call(call, call.number(1, 1, low=1, high=MAX_CONTEXTS))


def _data_call(call: Call, cid: int) -> Result:
    modem = call.modem
    packet, radio = modem.packet, modem.radio
    if not 1 <= cid <= MAX_CONTEXTS or (cid not in packet.definitions and cid not in packet.active) or (
            cid in packet.taps or not (radio.served or radio.searching)):
        return voice.NO_CARRIER
    was_active, power = cid in packet.active, modem.power_cycle

    def start(finish: Callable[[Result], None]) -> None:
        def activated(session: Session | None) -> None:
            finish(voice.NO_CARRIER if session is None else _connect(call, session, keep=was_active))

        def served(registration: Registration | None) -> None:
            if modem.power_cycle != power:
                return
            if registration is None or not radio.served:
                finish(voice.NO_CARRIER)
            else:
                packet.activate(cid, activated)

        waiters.append(served)
        radio.when_served(min(call.session.settings.number("S7") * NANOSECONDS, _SEARCH), served)

    def aborted() -> Result:
        for waiter in waiters:
            radio.forget_waiter(waiter)
        return voice.NO_CARRIER

    waiters: list[Waiter] = []
    return Pending(start, aborted=aborted)


def _connect(call: Call, session: Session, *, keep: bool) -> Connect:
    modem = call.modem

    def over() -> None:
        if not keep:
            modem.packet.deactivate(session.cid)

    def open_link(port: DataPort) -> DataLink:
        return PppPeer(modem, port, session, over)

    return Connect(open=open_link, final=modem.profile.text("connect"))


# -- +CMUX ------------------------------------------------------------------------------------------------------------


def _multiplex(call: Call) -> Result:
    call.at_most(9)
    call.number(0, high=0)  # basic option
    call.number(1, 0, high=2)  # UIH frames, or UI frames
    call.number(2, 5, low=0, high=8)  # speed
    frame_size = call.number(3, _DEFAULT_FRAME_SIZE, low=1, high=MAX_INFORMATION)
    for position, highest in ((4, 255), (5, 100), (6, 255), (7, 255), (8, 7)):
        call.number(position, 1, high=highest)
    if call.session.multiplexed:
        return cme(Cme.NOT_ALLOWED)
    modem = call.modem
    return Connect(open=lambda port: Mux(modem, port, frame_size=frame_size), final=OK.final, escape=False)


def _multiplexing(call: Call) -> Result:
    return info("+CMUX: 0,0,5,127,10,3,30,10,2")


COMMANDS = (
    Command(name="D", clause="V.250 6.3.1", set=_dial, exec=lambda call: voice.NO_CARRIER),
    Command(name="+CGDATA", clause="27.007 10.1.12", test='("PPP")', set=_cgdata, exec=_cgdata,
            needs=Needs.UNLOCKED | Needs.RADIO),
    Command(name="+CMUX", clause="27.007 5.7", read=_multiplexing, set=_multiplex,
            test=f"(0),(0),(1-8),(1-{MAX_INFORMATION}),(1-255),(0-100),(2-255),(1-255),(1-7)"),
)
