"""What a rig file may say: one pydantic model, no key beyond it.

A rig file describes one place where tests run: its cloud, its modems and its boards. A file that says nothing describes
a fully virtual rig with one modem and one board.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from harness.clock import to_ns
from harness.errors import UsageError
from harness.rig.bench_model import BenchTable
from harness.virtual.faults.spec import FaultSpec, parse_fault
from harness.virtual.modem.profile import profile_names
from harness.virtual.network import SignalCurve


def _duration(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("write a duration such as '250ms', '10s' or '24h'")
    return to_ns(value)


Nanoseconds = Annotated[int, BeforeValidator(_duration)]
"""A duration, written as ``"250ms"``, ``"10s"``, ``"24h"`` or as a number of seconds."""

def _matching(pattern: str, rule: str) -> AfterValidator:
    """Return what lets texts pass that are written like this, and says the rule in words for all others."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(rule)
        return value

    return AfterValidator(check)


Name = Annotated[str, _matching(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}",
                                "a name is made of letters, digits, '-' and '_', at most 32")]
"""What devices are called: letters, digits, ``-`` and ``_``, at most 32."""

ApiKey = Annotated[str, _matching(r"SK[0-9a-f]{32}", "an API key is SK and 32 digits 0-9a-f")]
AccountSid = Annotated[str, _matching(r"AC[0-9a-f]{32}", "an account SID is AC and 32 digits 0-9a-f")]
DeviceSid = Annotated[str, _matching(r"UV[0-9a-f]{32}", "a device SID is UV and 32 digits 0-9a-f")]
PortAddress = Annotated[str, _matching(
    r"/.+|pty:/.+|unix:/.+|abstract:.+|tcp:(127\.0\.0\.1|localhost|::1):"
    r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])",
    "a port is the path of a link, 'unix:/PATH', 'abstract:NAME' or 'tcp:127.0.0.1:PORT', on loopback only")]
Iccid = Annotated[str, _matching(r"89\d{16,18}", "an ICCID is 89 and 16 to 18 more digits")]
Imei = Annotated[str, _matching(r"[0-9]{15}", "an IMEI is 15 digits")]
PhoneNumber = Annotated[str, _matching(r"\+[1-9]\d{4,14}", "a telephone number is '+' and 5 to 15 digits")]
Imsi = Annotated[str, _matching(r"\d{14,15}", "an IMSI is 14 or 15 digits")]
Plmn = Annotated[str, _matching(r"[0-9]{5,6}", "a PLMN is MCC and MNC in 5 or 6 digits")]
OperatorName = Annotated[str, _matching(r'[^"\x00-\x1f\x7f]+', "an operator's name has no quotation marks in it")]
Probability = Annotated[float, Field(ge=0, le=1)]


class Table(BaseModel):
    """A table of the rig file; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WorldTable(Table):
    """``[world]``: time and chance of the virtual parts."""

    seed: int = 1
    """Fixes every draw of chance; the same seed gives the same run."""


class CellTable(Table):
    """``[[network.cell]]``: a cell of the virtual network; the strongest that a SIM card may use is taken."""

    plmn: Plmn
    """MCC and MNC in digits."""
    operator: OperatorName = Field(min_length=1, max_length=24)
    operator_short: OperatorName | None = Field(default=None, min_length=1, max_length=10)
    """As +COPS tells it; the first ten characters of the operator's name if absent."""
    technology: Literal["gsm", "utran", "lte", "lte-m", "nb-iot"] = "lte-m"
    tac: int = Field(default=1, ge=1, le=0xFFFE)
    ci: int = Field(ge=1, le=0xFFFFFFF)
    """Cell identity: no two cells share one."""
    signal: tuple[tuple[Nanoseconds, int], ...] | int = -73
    """dBm; or a curve, ``[["0s", -70], ["1min", -115]]``, with straight lines between its points."""

    @field_validator("signal")
    @classmethod
    def _is_a_signal(cls, value: tuple[tuple[int, int], ...] | int) -> tuple[tuple[int, int], ...] | int:
        SignalCurve(((0, value),) if isinstance(value, int) else value)
        return value


class NetworkTable(Table):
    """``[network]``: how the virtual cellular network behaves."""

    cell: tuple[CellTable, ...] = ()
    """One LTE-M cell of AT&T (310410) if absent."""
    home: tuple[Plmn, ...] = ()
    """Operators where every SIM card is at home; Super SIM's are visitors everywhere."""
    apn: str = Field(default="super", min_length=1, max_length=99)
    """Access point name that a packet context must ask for."""
    nat_timeout: Nanoseconds = Field(default=to_ns("2min"), gt=0)
    """How long hosts of the virtual internet find the way back to a modem's port after the last datagram."""
    nat_tcp_timeout: Nanoseconds = Field(default=to_ns("124min"), gt=0)
    """How long the network knows a connection on which nothing flows."""

    registration: Nanoseconds = to_ns("2s")
    """From power-on of a modem to its registration."""
    sms_latency: Nanoseconds = to_ns("500ms")
    """From the SMS centre to a modem, and back."""
    sms_validity: Nanoseconds = Field(default=to_ns("24h"), gt=0)
    """How long a text waits for its device."""
    sms_loss: Probability = 0
    """Of a text to a modem: it vanishes on the air, and is tried again later."""
    sms_duplication: Probability = 0
    """Of a text to a modem: it comes twice."""
    sms_reorder: Probability = 0
    """Of a text to a modem: the one behind it overtakes it."""
    sms_rate: float = Field(default=0, ge=0, le=1_000)
    """Texts a second that one SIM card may get, and send; more wait, or are refused for congestion. 0: any."""
    ip_latency: Nanoseconds = to_ns("100ms")
    """From the IP gateway to a modem, and back."""
    ip_loss: Probability = 0
    """Of a datagram, either way."""
    ip_duplication: Probability = 0
    ip_reorder: Probability = 0
    """Of a datagram, either way: it takes a second longer."""
    uplink_latency: Nanoseconds = to_ns("50ms")
    """Between a board's kernel and the Microvisor cloud, one way."""

    @field_validator("cell")
    @classmethod
    def _cells_differ(cls, value: tuple[CellTable, ...]) -> tuple[CellTable, ...]:
        for index, cell in enumerate(value):
            if cell.ci in {other.ci for other in value[:index]}:
                raise ValueError(f"cell {index + 1} has the identity of one before it: no two may have the same 'ci'")
        return value


class CloudTable(Table):
    """``[cloud]``: which service the tests talk to.

    Credentials of a real service are those of the environment variables named here, else those that the desktop's
    keyring has for ``keyring``, else those of the file.
    """

    kind: Literal["virtual", "twilio", "kore"] = "virtual"
    host: str = "127.0.0.1"
    """Address the virtual cloud listens on."""
    ports: tuple[int, int, int, int] | None = None
    """Ports of the virtual cloud: Super SIM, Programmable Wireless, Microvisor, upload; any free ones if absent."""
    account_sid: AccountSid | None = None
    """The account; that of the virtual cloud is drawn from the seed if absent."""
    auth_token: str | None = Field(default=None, min_length=8, max_length=64, repr=False)
    """Its token; that of the virtual cloud is drawn from the seed if absent."""
    keyring: str | None = Field(default=None, min_length=1)
    """Service under which the desktop's keyring has the token of ``account_sid`` (a real service)."""
    account_sid_env: str = "TWILIO_ACCOUNT_SID"
    auth_token_env: str = "TWILIO_AUTH_TOKEN"
    flavour: Literal["twilio", "kore"] = "twilio"
    """Whose service the virtual cloud plays: who signs webhooks, and whether drivers use bearer tokens."""
    api_keys: dict[ApiKey, str] = Field(default_factory=dict, repr=False)
    """Secrets of further credentials of the virtual cloud, by their SK SIDs."""
    webhook_secret: str = Field(default="", repr=False)
    """What KORE's kind of signature is made with, by the virtual cloud; there is none without."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts beside this machine that the virtual cloud's webhooks may go to."""
    choices: dict[str, Any] = Field(default_factory=dict)
    """``[cloud.choices]``: what the documentation leaves open, decided otherwise; ``mvh cloud choices`` lists all."""

    @field_validator("choices")
    @classmethod
    def _choices_exist(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value:
            from harness.virtual.cloud.choices import choices_of  # far from light, and seldom needed

            choices_of(value)
        return value


class WebhooksTable(Table):
    """``[webhooks]``: how a real cloud reaches the receiver of webhooks on this machine."""

    port: int = Field(default=0, ge=0, le=65535)
    """Port of this machine to receive on; any free one if 0."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/?#\s]+$")
    """Root of the public address that forwards to that port, such as a tunnel's; needed with a real cloud."""


class PowerTable(Table):
    """``[modem.power]``: programs that switch a real modem's supply, each as a list of words; no shell sees them."""

    off: tuple[str, ...] = Field(min_length=1)
    on: tuple[str, ...] = Field(min_length=1)


class ModemTable(Table):
    """``[[modem]]``: a modem and the SIM card in it."""

    name: Name
    kind: Literal["virtual", "serial"] = "virtual"
    profile: str = "bg96"
    """Module of a virtual modem (``mvh modem profiles``), and dialect of a real one; ``auto`` asks a real one."""
    port: str | None = None
    """pyserial URL or device of a real modem; path of the link to a virtual one's port (default: runtime folder)."""
    ports: tuple[PortAddress, ...] = ()
    """Further AT ports of a virtual modem: paths of links, ``tcp:127.0.0.1:PORT``, ``unix:PATH``, ``abstract:NAME``."""
    baud: int = Field(default=115200, gt=0)
    rtscts: bool = False
    """Whether a real modem's port has hardware flow control."""
    pace: bool = False
    """Whether a virtual modem's output takes the time that ``baud`` gives it."""
    timings: Literal["quick", "typical", "longest"] = "quick"
    """What a virtual modem's commands take: next to nothing, what modules take, or the most their manuals allow."""
    garble: bool = False
    """Whether a client of a virtual modem whose line speed is not that of +IPR reads and writes rubbish."""
    iccid: Iccid | None = None
    """Checked against the card in a real modem; given to the card of a virtual one."""
    imei: Imei | None = None
    """Checked against a real modem; given to a virtual one."""
    imsi: Imsi | None = None
    imsis: tuple[Imsi, ...] = ()
    """Further IMSIs of a virtual multi-IMSI card, for faults of kind ``sim-imsi``."""
    number: PhoneNumber | None = None
    """Telephone number of a virtual modem's card: modems that have one text each other. Super SIM cards have none."""
    product: Literal["supersim", "wireless"] = "supersim"
    """Whose SIM card it is: Super SIM's, which talks to ``000``, or Programmable Wireless', which talks to ``2936``."""
    narrowband: bool = False
    """Whether a card of product ``wireless`` is one for NB-IoT, with limits of its own for Commands and resets."""
    power: PowerTable | None = None
    """How a real modem's supply is switched; a virtual one has a switch of its own."""
    sim_status: Literal["new", "ready", "active", "inactive"] = "active"
    """Status of the SIM card in the virtual cloud when a test begins."""
    unique_name: str | None = None
    """Unique name of the SIM card in the virtual cloud; the modem's name if absent."""

    @model_validator(mode="after")
    def _port_of_a_real_one(self) -> ModemTable:
        if self.kind == "serial" and self.port is None:
            raise ValueError("a modem of kind 'serial' needs 'port': a device such as /dev/serial/by-id/... or a URL")
        if self.kind == "virtual" and re.match(r"(?!pty:)[a-z0-9]+:", self.port or ""):
            raise ValueError(f"'port' of a virtual modem is the path of a link, not {self.port!r}: TCP and unix "
                             "sockets go into 'ports'")
        if self.product == "wireless" and self.sim_status == "inactive":
            raise ValueError("a SIM card of product 'wireless' is never 'inactive'")
        if self.narrowband and self.product != "wireless":
            raise ValueError("narrowband is for SIM cards of product 'wireless' only")
        if self.kind == "virtual" and self.profile == "auto":
            raise ValueError("a virtual modem needs the name of a profile: 'mvh modem profiles' lists them")
        if self.kind == "virtual" and self.profile.lower() not in {name.lower() for name in profile_names()}:
            guess = get_close_matches(self.profile.upper(), profile_names(), n=1)
            hint = f" (did you mean {guess[0]!r}?)" if guess else ""
            raise ValueError(f"there is no modem profile {self.profile!r}{hint}: there are "
                             f"{', '.join(profile_names())}")
        return self


class BoardTable(BenchTable):
    """``[[board]]``: a Microvisor board."""

    name: Name
    kind: Literal["virtual", "probe"] = "virtual"
    probe: str | None = None
    """Unique id of the debug probe of a real board, or a part of it, as ``pyocd list`` shows it."""
    device_sid: DeviceSid | None = None
    """The device in the cloud; drawn from the seed for a virtual board if absent."""
    hclk_hz: int = Field(default=64_000_000, ge=1_000_000, le=160_000_000)
    """Core clock of a virtual board in hertz."""
    core: Literal["auto", "python", "c"] = "auto"
    """CPU core of a virtual board; ``auto`` is the compiled one where it was built. Both give the same results."""
    skip_idle: bool = True
    """Whether the compiled core skips loops that only wait. The results are the same without."""

    @model_validator(mode="after")
    def _probe_of_a_real_one(self) -> BoardTable:
        if self.kind == "probe" and (self.probe is None or self.device_sid is None):
            raise ValueError("a board of kind 'probe' needs 'probe' (see 'pyocd list') and 'device_sid'")
        return self

    @model_validator(mode="after")
    def _consoles_have_links_of_their_own(self) -> BoardTable:
        paths = [path for path in self.consoles.values() if path]
        if len(paths) != len(set(paths)):
            raise ValueError("every console needs a path of its own")
        return self


HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$")]
Port = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")]
Loopback = Annotated[str, Field(pattern=r"^(localhost|127(\.[0-9]{1,3}){3})(:[1-9][0-9]{0,4})?$")]
Handler = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class InternetTable(Table):
    """``[internet]``: what boards and modems reach beyond the cloud. Nothing but what is declared here is there."""

    latency: Nanoseconds = to_ns("25ms")
    """Between a device and a host, one way."""
    allow: tuple[HostName, ...] = ()
    """Real hosts that may be reached over the real network."""


class HostTable(Table):
    """``[[host]]``: a host of the virtual internet: programs on loopback, or handlers in Python."""

    name: HostName
    """Host name, or a dotted address."""
    address: str | None = Field(default=None, pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")
    """IPv4 address; one that belongs to the name if absent."""
    ping: bool = True
    """Whether it answers pings."""
    latency: Nanoseconds | None = None
    """One way; that of ``[internet]`` if absent."""
    forward: Loopback | None = None
    """Where every port goes: ``127.0.0.1:8080``, or ``127.0.0.1`` for the same port as was asked for."""
    ports: dict[Port, Loopback] = Field(default_factory=dict)
    """Where single ports go."""
    tls: bool = False
    """Whether the program there speaks TLS; applications may name TLS hosts in either case."""
    tls_ca: str | None = None
    """PEM file with the certificates to trust there, instead of the system's."""
    tls_name: str | None = None
    """Whom its certificate names; the host's name if absent."""
    http: Handler | None = None
    """Function that answers HTTP requests: ``my_tests.hosts:api``."""
    udp: dict[Port, Handler] = Field(default_factory=dict)
    """Functions that answer datagrams, by port."""
    tcp: dict[Port, Handler] = Field(default_factory=dict)
    """Functions that accept connections, by port."""


class FaultTable(BaseModel):
    """``[[faults]]``: something that goes wrong: a kind with its parameters, and a selector (``mvh fault kinds``)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    """What goes wrong: ``brown-out``."""

    @model_validator(mode="after")
    def _is_a_fault(self) -> FaultTable:
        try:
            self.spec  # noqa: B018
        except UsageError as problem:
            key, _, rule = str(problem).partition(": ")
            raise ValidationError.from_exception_data("a fault", [InitErrorDetails(
                type=PydanticCustomError("fault", "{rule}", {"rule": rule}), loc=(key,), input=None)]) from None
        return self

    @property
    def spec(self) -> FaultSpec:
        """The fault, checked."""
        return parse_fault({"kind": self.kind, **(self.__pydantic_extra__ or {})})


class RigFile(Table):
    """A whole rig file."""

    name: Name = "virtual"
    world: WorldTable = WorldTable()
    network: NetworkTable = NetworkTable()
    cloud: CloudTable = CloudTable()
    webhooks: WebhooksTable = WebhooksTable()
    internet: InternetTable = InternetTable()
    host: tuple[HostTable, ...] = ()
    faults: tuple[FaultTable, ...] = ()
    modem: tuple[ModemTable, ...] = (ModemTable(name="modem-1"),)
    board: tuple[BoardTable, ...] = (BoardTable(name="board-1"),)

    @model_validator(mode="after")
    def _names_are_unique(self) -> RigFile:
        names = [*(modem.name for modem in self.modem), *(board.name for board in self.board)]
        if len(names) != len(set(names)):
            raise ValueError("every modem and board needs a name of its own")
        hosts = [host.name.lower() for host in self.host]
        if len(hosts) != len(set(hosts)):
            raise ValueError("every host needs a name of its own")
        modems = [modem.name for modem in self.modem]
        for number, fault in enumerate(self.faults):
            if fault.spec.modem is not None and fault.spec.modem not in modems:
                raise ValueError(f"faults[{number}].modem: there is no modem {fault.spec.modem!r}: there are "
                                 f"{', '.join(modems) or 'none'}")
        iccids = [modem.iccid for modem in self.modem if modem.iccid]
        if len(iccids) != len(set(iccids)):
            raise ValueError("two modems can't hold the same SIM card: 'iccid' must differ")
        numbers = [modem.number for modem in self.modem if modem.number]
        if len(numbers) != len(set(numbers)):
            raise ValueError("every modem's 'number' must be its own")
        return self

    def with_strict_boards(self) -> RigFile:
        """Return the same rig with virtual boards that fault on registers that are not modelled."""
        boards = tuple(board.model_copy(update={"strict": True}) for board in self.board)
        return self.model_copy(update={"board": boards})

    @property
    def is_virtual(self) -> bool:
        """Whether nothing real is declared."""
        kinds = {self.cloud.kind, *(modem.kind for modem in self.modem), *(board.kind for board in self.board)}
        return kinds == {"virtual"}
