"""The kinds of faults: one table, from which selectors, rig files, ``mvh fault`` and the documentation are made. Pure.

A kind is of one of three *modes*:

* ``LINE`` changes what a modem says in answer to a command, or how it says an unsolicited result. It needs a command or
  an unsolicited result to strike; without a selector it takes every command.
* ``ACT`` does something once: when a command or an unsolicited result comes by, at an instant, in a state, or at once.
* ``PASSING`` strikes what passes a place in the network or the module: a datagram, a text, an activation.
* ``STANDING`` strikes what lasts there: a connection, which meets such a fault once, and is struck when it is time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from harness.virtual.faults.parameters import (
    REQUIRED,
    Parameter,
    address,
    curve,
    digits,
    duration,
    flag,
    number,
    share,
    text,
    word,
)


class Mode(Enum):
    """How a kind of fault comes about."""

    LINE = auto()
    ACT = auto()
    PASSING = auto()
    STANDING = auto()


class Room(Enum):
    """Who carries it out."""

    MODEM = auto()
    NETWORK = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: as rig files and the command line write it: ``sms-duplicate`` is ``faults.sms.duplicate()`` in Python.
        group: the chapter of the catalogue, one of :data:`GROUPS`.
        about: what the client sees.
        breaks: whether it can strike within a command, at a point of its dialogue (parameters ``point``, ``after``).
        urcs: for a LINE kind, whether it can strike an unsolicited result.
        holds: what it keeps as it is not, as long as any fault does; two kinds may hold the same. Begins with
            ``network.`` where modems may share it.
        lingers: for a LINE kind, whether it is at work for a while, and ends when it is removed.
        state: what it waits for if no selector tells when.
    """

    name: str
    group: str
    mode: Mode
    about: str
    room: Room = Room.MODEM
    parameters: tuple[Parameter, ...] = ()
    breaks: bool = False
    urcs: bool = True
    holds: str = ""
    state: str = ""
    lingers: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter by its name, None if there is none."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


_SPAN = duration("span", None, "how long; until the fault is removed if absent")
_BREAK = (
    word("point", "response", "where within a command: when it came, at its prompt, within the data typed there, or "
         "within its response", "command", "prompt", "payload", "response"),
    number("after", 0, "octets of the data or the response that still get through"),
)
_PLACE = (number("offset", 0, "octets of that part before it"),
          word("part", "response", "what the offset counts in", "echo", "prompt", "response"))
_DIRECTION = word("direction", "both", "from the device, to it, or both", "up", "down", "both")


def _line(name: str, about: str, *parameters: Parameter, group: str = "response", urcs: bool = True,
          lingers: bool = False) -> Kind:
    return Kind(name=name, group=group, mode=Mode.LINE, about=about, parameters=parameters, urcs=urcs, lingers=lingers)


def _act(name: str, group: str, about: str, *parameters: Parameter, room: Room = Room.MODEM,
         breaks: bool = False, holds: str = "", state: str = "") -> Kind:
    return Kind(name=name, group=group, mode=Mode.ACT, about=about, room=room, breaks=breaks, holds=holds, state=state,
                parameters=(*parameters, *_BREAK) if breaks else parameters)


def _passing(name: str, group: str, about: str, *parameters: Parameter, room: Room = Room.NETWORK) -> Kind:
    return Kind(name=name, group=group, mode=Mode.PASSING, about=about, room=room, parameters=parameters)


_HOST = (text("host", None, "name or address of the host; any if absent"),
         number("port", None, "port of the host; any if absent", low=1, high=65_535))
_NAME = text("host", None, "the name asked for; any if absent")
_AFTER = number("after", 0, "octets of the connection that still get through", high=10**12)


def _standing(name: str, about: str, *parameters: Parameter) -> Kind:
    return Kind(name=name, group="packet", mode=Mode.STANDING, about=about, room=Room.NETWORK,
                parameters=(_AFTER, _DIRECTION, *parameters, *_HOST))


_RESPONSE = (
    _line("delay", "the response comes late, and the modem is busy meanwhile",
          duration("by", "5s", "how much later"), lingers=True),
    _line("jitter", "the response comes late by chance", duration("low", "0s", "the least"),
          duration("high", "2s", "the most"), lingers=True),
    _line("never", "no response comes, not even a prompt", flag("execute", True, "whether the command is carried out")),
    _line("error", "ERROR, and nothing is done", urcs=False),
    _line("cme", "+CME ERROR, as +CMEE shows it, and nothing is done",
          number("number", REQUIRED, "of 3GPP TS 27.007 clause 9.2", high=65_535), urcs=False),
    _line("cms", "+CMS ERROR, and nothing is done",
          number("number", REQUIRED, "of 3GPP TS 27.005 clause 3.2.5", high=65_535), urcs=False),
    _line("replace", "the response is another one, and nothing is done; or the unsolicited result is",
          text("text", REQUIRED, "lines of information, or the unsolicited result; \\n between lines"),
          text("result", "OK", "the final result")),
    _line("truncate", "the response ends early", number("after", REQUIRED, "octets that get through")),
    _line("garble", "octets of the response are others", share("share", 0.2, "of the octets; at least one is hit")),
    _line("duplicate", "the response comes twice"),
    _line("split", "the response comes in small pieces", number("size", 1, "octets in a piece", low=1),
          duration("gap", "10ms", "between two pieces")),
    _line("blank-lines", "empty lines come before the response", number("count", 2, "how many", low=1, high=1_000)),
    _line("no-echo", "the command is not echoed", urcs=False),
    _line("echo-loss", "an octet of the echo is lost", number("position", None, "which, from 0; any by chance if absent"
                                                              ), urcs=False),
    _line("urc-first", "the final result comes behind the next unsolicited result",
          duration("limit", "5s", "when it comes if there is none"), urcs=False),
    _line("prompt-late", "the prompt comes late", duration("by", "2s", "how much later"), urcs=False),
    _line("prompt-missing", "no prompt comes, but data is taken", urcs=False),
    _line("prompt-bare", "the prompt is '>' without its space", urcs=False),
)

_URC = (
    _act("urc", "urc", "an unsolicited result comes; on a command, at any octet of its response",
         text("text", REQUIRED, "without the line ends around it"),
         *_PLACE, flag("raw", False, "whether to add no line ends")),
    _act("urc-burst", "urc", "the same unsolicited result comes many times at once",
         text("text", REQUIRED, "without the line ends around it"), number("count", 10, "how often", low=1, high=1_000),
         *_PLACE),
    _act("urc-storm", "urc", "the same unsolicited result comes again and again",
         text("text", REQUIRED, "without the line ends around it"), duration("every", "10ms", "between two"),
         duration("span", "1s", "how long")),
)

_POWER = (
    _act("hang", "power", "the module hears and says nothing; power off and on cures it",
         duration("span", None, "until it answers again; until power-off or removal of the fault if absent"),
         breaks=True, holds="voice"),
    _act("brown-out", "power", "the supply breaks down: silence, then the boot sequence with the settings of power-on",
         duration("silence", "1s", "until it boots"), breaks=True),
    _passing("slow-boot", "power", "the boot sequence begins late", duration("by", "30s", "how much later"),
             room=Room.MODEM),
    _act("reset-in-prompt", "power", "a brown-out while a prompt is open",
         duration("silence", "1s", "until it boots"), state="prompt"),
    _act("unplug", "power", "the ports are gone, links and all, then come back",
         duration("span", None, "until they are back; until removal of the fault if absent"), breaks=True,
         holds="ports"),
    _act("hang-up", "power", "every client loses its port, which can be opened anew at once", breaks=True),
    _act("baud", "power", "the line speed is another one: rubbish for a client that keeps its own",
         number("rate", REQUIRED, "bits per second", low=300, high=921_600), breaks=True, holds="speed"),
)

_SIM = (
    _act("sim-absent", "sim", "no card in the slot, and no word about it", _SPAN, holds="card"),
    _act("sim-pin", "sim", "the card wants its PIN", digits("pin", "1234", "the PIN", low=4, high=8), holds="lock"),
    _act("sim-puk", "sim", "the card wants its PUK", holds="lock"),
    _act("sim-busy", "sim", "the card does not answer yet", duration("span", "10s", "how long"),
         flag("failure", False, "whether the module takes that for a failure (CME 13 instead of 14)"), holds="answers"),
    _act("sim-removed", "sim", "the card is pulled while the module runs, and told so", _SPAN, holds="card"),
    _act("sim-imsi", "sim", "a multi-IMSI card takes another IMSI: REFRESH, and a new registration",
         digits("imsi", None, "the IMSI; the card's next if absent", low=14, high=15)),
    _act("sim-iccid", "sim", "the card tells another ICCID than its own",
         digits("iccid", REQUIRED, "what it tells", low=18, high=20), holds="iccid"),
)

_NETWORK = (
    _act("network-none", "network", "no network can be received", _SPAN, room=Room.NETWORK, holds="coverage"),
    _act("network-searching", "network", "service is lost, and the search takes long",
         duration("span", "60s", "until it ends"), room=Room.NETWORK, holds="search"),
    _act("network-denied", "network", "registration is denied",
         number("cause", 15, "EMM cause of 3GPP TS 24.301 clause 9.9.3.9", low=1, high=127), _SPAN, room=Room.NETWORK,
         holds="denial"),
    _act("network-no-roaming", "network", "visited networks refuse (cause 13)", _SPAN, room=Room.NETWORK,
         holds="roaming"),
    _act("network-lost", "network", "coverage goes and comes back", duration("span", "30s", "how long"),
         room=Room.NETWORK, holds="coverage"),
    _act("network-congested", "network", "the operator takes nobody in (cause 22), and no texts (CMS 42)", _SPAN,
         room=Room.NETWORK, holds="network.congestion"),
    _act("network-signal", "network", "the serving cell's signal changes over time",
         curve("points", "times from now, and dBm; below -113 nothing is received"), room=Room.NETWORK,
         holds="network.signal"),
    _act("network-nitz", "network", "the network's clock jumps",
         number("seconds", 0, "how far, back if negative", low=-10**9, high=10**9),
         number("quarters", 0, "offset of the zone from UTC in quarters of an hour", low=-47, high=56)),
    _act("network-rat", "network", "service goes on with another access technology",
         word("technology", "gsm", "which", "gsm", "utran", "lte", "lte-m", "nb-iot"), room=Room.NETWORK),
    _passing("network-slow-scan", "network", "a scan for operators takes long",
             duration("by", "120s", "how much longer"), room=Room.MODEM),
)

_PACKET = (
    _passing("packet-attach-refused", "packet", "an attach is refused",
             number("cause", 7, "EMM or GMM cause", low=1, high=127)),
    _passing("packet-apn-refused", "packet", "a context is refused",
             number("cause", 27, "ESM cause of 3GPP TS 24.301 clause 9.9.4.4", low=1, high=127)),
    _act("packet-dropped", "packet", "the network ends all contexts", room=Room.NETWORK),
    _act("packet-ip-changed", "packet", "contexts end and come back with another address",
         flag("silent", False, "whether the module is not told: nothing reaches it any more")),
    _act("packet-nat-timeout", "packet", "the way back from hosts is forgotten soon",
         duration("timeout", "0s", "idle time after which it is"), _SPAN, room=Room.NETWORK, holds="network.nat"),
    _passing("packet-socket-error", "packet", "a socket does not open",
             number("number", 566, "error number in the dialect's terms", low=1, high=65_535), room=Room.MODEM),
    _passing("packet-buffer-full", "packet", "data for a socket is not taken", room=Room.MODEM),
    _passing("udp-loss", "packet", "a datagram is lost", _DIRECTION, *_HOST),
    _passing("udp-duplicate", "packet", "a datagram arrives twice", _DIRECTION, *_HOST),
    _passing("udp-reorder", "packet", "a datagram is overtaken by those behind it",
             duration("by", "1s", "how much later it comes"), _DIRECTION, *_HOST),
    _passing("udp-corrupt", "packet", "octets of a datagram are others",
             number("octets", 1, "how many", low=1, high=65_507), _DIRECTION, *_HOST),
    _passing("udp-latency", "packet", "a datagram takes longer", duration("by", "2s", "how much"),
             duration("jitter", "0s", "how much more at most, by chance"), _DIRECTION, *_HOST),
    _passing("udp-mtu", "packet", "a datagram that is too long is dropped",
             number("octets", 576, "longest IP packet that gets through", low=28, high=65_535), _DIRECTION, *_HOST),
    _passing("tcp-refused", "packet", "a connection is refused", *_HOST),
    _passing("tcp-slow-open", "packet", "a connection opens late, or is given up before that",
             duration("by", "10s", "how much later; modules wait 75 s"), *_HOST),
    _passing("tcp-delay", "packet", "octets of a connection come late, and those behind them with them",
             duration("by", "2s", "how much later"), _DIRECTION, *_HOST),
    _standing("tcp-reset", "a connection is reset on both sides"),
    _standing("tcp-cut", "a connection is closed to both sides as if by the other"),
    _standing("tcp-half-close", "the host seems to have closed its half, and still hears"),
    _standing("tcp-stall", "nothing gets through on a connection, and nobody is told",
              duration("span", None, "how long; until the fault is removed if absent")),
    _passing("dns-fail", "packet", "a name has no address, or the server does not answer",
             word("answer", "unknown", "whether there is an answer", "unknown", "none"), _NAME),
    _passing("dns-slow", "packet", "the address of a name comes late", duration("by", "5s", "how much later"), _NAME),
    _passing("dns-wrong", "packet", "a name has another address",
             address("address", "192.0.2.254", "which"), _NAME),
)

_SMS = (
    _act("sms-store-full", "sms", "the store for received messages is full of old ones",
         text("memory", None, "its name; the one selected for received messages if absent")),
    _passing("sms-redeliver", "sms", "the network missed the acknowledgement and delivers again later"),
    _passing("sms-delay", "sms", "a message, or part of one, takes long to arrive",
             duration("by", "1min", "how much longer"), duration("jitter", "0s", "how much more at most, by chance")),
    _passing("sms-duplicate", "sms", "a message is delivered twice"),
    _passing("sms-reorder", "sms", "a message, or part of one, is overtaken by the one behind it"),
    _passing("sms-loss", "sms", "a message is lost on the air, and tried again later"),
    _passing("sms-drop", "sms", "a message, or part of one, is lost for good although it was taken"),
    _passing("sms-same-reference", "sms", "the parts of a text have the reference of the text before"),
    _passing("sms-lost-report", "sms", "a status report is lost"),
    _passing("sms-refused", "sms", "sending fails with +CMS ERROR",
             number("cause", 38, "RP cause of 3GPP TS 24.011 clause 8.2.5.4", low=1, high=127)),
    _passing("sms-slow", "sms", "sending takes long", duration("by", "60s", "how much longer")),
    _passing("sms-answer-lost", "sms", "the network took a message, but the module tells of a timeout",
             duration("by", "40s", "until it does")),
    _passing("sms-scts", "sms", "the service centre's time stamp is wrong",
             number("seconds", -86_400, "how far", low=-10**9, high=10**9)),
    _passing("sms-malformed", "sms", "a TPDU is malformed", word(
        "form", "length", "user data shorter than its length says, digits that are none in the time stamp, or a header "
        "element that is longer than the header", "length", "timestamp", "header")),
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (*_RESPONSE, *_URC, *_POWER, *_SIM, *_NETWORK, *_PACKET, *_SMS)}
"""Every kind of fault by its name."""

GROUPS: Mapping[str, str] = {"response": "Responses", "urc": "Unsolicited results", "power": "Power and ports",
                             "sim": "SIM card", "network": "Network", "packet": "Packet data", "sms": "SMS"}
"""The chapters of the catalogue, in order."""

CONDITIONS: Mapping[str, str] = {
    "powered": "the module is on", "registered": "it has service", "sim_ready": "the SIM card asks for nothing",
    "context": "a packet data context is active", "socket": "a socket is open", "prompt": "a prompt is open",
    "data": "a port is in data mode", "unread": "a received message was not read yet",
}
"""The states a selector can ask for."""
