"""Webhooks: which are due, to whom, and in which order. The API never waits for one.

Webhooks to one receiver go out one after the other in virtual time, so that it sees them in the same order in every
run; in real time a few are under way at once. What fails becomes a debugger event.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from harness.virtual.cloud.account import Account
from harness.virtual.cloud.delivery import (
    BAD_HOST,
    BAD_OVERRIDES,
    BAD_URL,
    Outcome,
    Request,
    Seal,
    build,
    build_json,
    deliver,
    is_loopback,
    overrides_of,
)
from harness.virtual.cloud.kept import Shelf
from harness.virtual.cloud.records import (
    Callback,
    Command,
    EsimProfile,
    Fleet,
    IpCommand,
    Sim,
    SmsCommand,
    WirelessSim,
)
from harness.virtual.cloud.refusals import INTERNAL, IP_COMMAND_CALLBACK
from harness.virtual.cloud.webhook_parameters import Subject, WebhookKind, webhook_parameters

QUEUE_LIMIT = 10_000
"""Webhooks that may wait for one receiver; later ones are dropped, with a debugger event each."""

PARALLEL = 4
"""Webhooks under way at once to one receiver, in real time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A webhook that has to be sent; ``receiver`` is the origin of its URL."""

    kind: WebhookKind
    resource_sid: str
    receiver: str
    request: Request


@dataclass(slots=True)
class _Receiver:
    waiting: deque[tuple[int, Pending]] = field(default_factory=deque)
    busy: int = 0


class Webhooks:
    """Sends webhooks of one account.

    Args:
        allowed_hosts: hosts beside this machine that may be called.

    Attributes:
        pending: those whose outcome is not known: after a restart they are sent (again), with the token they had.
    """

    def __init__(self, account: Account, *, allowed_hosts: tuple[str, ...] = ()) -> None:
        self._account = account
        self._allowed = frozenset(allowed_hosts)
        self._receivers: dict[str, _Receiver] = {}
        self.pending: Shelf[Pending] = Shelf()
        self._tokens = account.draws["webhooks"]
        self.sent = 0
        self.failed = 0

    def __repr__(self) -> str:
        waiting = sum(len(receiver.waiting) for receiver in self._receivers.values())
        return f"Webhooks({self.sent} sent, {self.failed} failed, {waiting} waiting)"

    # -- what is told -----------------------------------------------------------------------------------------------

    def sim_status(self, sim: Sim, callback: Callback, *, code: int = 0, message: str = "") -> None:
        """Tell that an update of a Super SIM is complete, or has failed."""
        self._tell(WebhookKind.SIM_STATUS, callback, Subject(
            account_sid=self._account.sid, sim=sim, error_code=code, error_message=message), sim.sid)

    def wireless_sim(self, sim: WirelessSim, callback: Callback, *, code: int = 0, message: str = "") -> None:
        """Tell that an update of a Programmable Wireless Sim is complete, or has failed."""
        self._tell(WebhookKind.WIRELESS_SIM, callback, Subject(
            account_sid=self._account.sid, wireless=sim, error_code=code, error_message=message), sim.sid)

    def command(self, sim: WirelessSim, command: Command, callback: Callback, *, code: int = 0,
                message: str = "") -> None:
        """Tell where a Command of Programmable Wireless stands."""
        self._tell(WebhookKind.COMMAND, callback, Subject(
            account_sid=self._account.sid, wireless=sim, command=command, error_code=code,
            error_message=message), command.sid)

    def esim_profile(self, profile: EsimProfile) -> None:
        """Tell where an eSIM profile stands."""
        self._tell(WebhookKind.ESIM_PROFILE, profile.callback,
                   Subject(account_sid=self._account.sid, esim=profile), profile.sid)

    def events(self, url: str, events: list[dict[str, object]], *, sink_sid: str) -> None:
        """Post connection events to a sink."""
        seal = self._seal(url)
        self._send(WebhookKind.EVENTS, url, sink_sid, lambda: build_json(url, events, seal))

    def sms_command(self, sim: Sim, command: SmsCommand, callback: Callback) -> None:
        """Tell where an SMS Command stands."""
        if callback.url:
            self._tell(WebhookKind.SMS_COMMAND, callback,
                       Subject(account_sid=self._account.sid, sim=sim, sms=command), command.sid)

    def ip_command(self, sim: Sim, command: IpCommand, callback: Callback, *, code: int = 0, message: str = "") -> None:
        """Tell where an IP Command stands."""
        self._tell(WebhookKind.IP_COMMAND, callback, Subject(
            account_sid=self._account.sid, sim=sim, ip=command, error_code=code, error_message=message), command.sid)

    @staticmethod
    def sms_callback(fleet: Fleet | None) -> Callback:
        """Return where texts from devices of a Fleet are told."""
        return Callback() if fleet is None else Callback(url=fleet.sms_commands_url, method=fleet.sms_commands_method)

    @staticmethod
    def ip_callback(fleet: Fleet | None) -> Callback:
        """Return where datagrams from devices of a Fleet are told."""
        return Callback() if fleet is None else Callback(url=fleet.ip_commands_url, method=fleet.ip_commands_method)

    # -- how it is told ---------------------------------------------------------------------------------------------

    def _tell(self, kind: WebhookKind, callback: Callback, subject: Subject, resource_sid: str) -> None:
        url, method = callback.url, callback.method
        if url:
            seal, names = self._seal(url), self._account.choices.webhook_names
            self._send(kind, url, resource_sid,
                       lambda: build(url, method, webhook_parameters(kind, subject, names), seal))

    def _seal(self, url: str) -> Seal:
        account = self._account
        flavour = account.choices.webhook_signature
        sender = overrides_of(url.partition("#")[2]).sender
        if sender == "kore":
            flavour = "kore"
        elif sender == "twilio" and flavour == "kore":
            flavour = "twilio-sha1"
        return Seal(flavour=flavour, auth_token=account.auth_token, key=account.choices.webhook_key or account.sid,
                    secret=account.webhook_secret, moment=account.now(),
                    token=str(uuid.UUID(int=self._tokens.getrandbits(128), version=4)))

    def _send(self, kind: WebhookKind, url: str, resource_sid: str, make: Callable[[], Request]) -> None:
        origin = self._origin(url)
        if origin is None:
            self._fail(kind, resource_sid, BAD_URL, "the callback URL is malformed")
            return
        host, receiver_key = origin
        if not is_loopback(host) and host not in self._allowed:
            self._fail(kind, resource_sid, BAD_HOST, f"webhooks to {host} are not allowed: only this machine is, "
                                                     "and hosts that were named")
            return
        request = make()
        if request.overrides.wrong:
            self._account.notify(BAD_OVERRIDES, f"webhook {kind.value}: connection overrides that do not count: "
                                                f"{', '.join(request.overrides.wrong)}", resource_sid=resource_sid)
        receiver = self._receivers.setdefault(receiver_key, _Receiver())
        if len(receiver.waiting) >= QUEUE_LIMIT:
            self._fail(kind, resource_sid, INTERNAL, f"{QUEUE_LIMIT} webhooks wait for this receiver already")
            return
        pending = Pending(kind=kind, resource_sid=resource_sid, receiver=receiver_key, request=request)
        receiver.waiting.append((self.pending.put(pending), pending))
        self._next(receiver_key, receiver)

    def restored(self) -> None:
        """Go on after the pending ones were taken up again; what is under way now no longer counts."""
        self._receivers = {}
        for number in self.pending.kept_keys():
            pending = self.pending.value(number)
            assert pending is not None
            self._receivers.setdefault(pending.receiver, _Receiver()).waiting.append((number, pending))
        for key, receiver in tuple(self._receivers.items()):
            self._next(key, receiver)

    def _next(self, key: str, receiver: _Receiver) -> None:
        at_once = 1 if self._account.world.is_virtual else PARALLEL
        while receiver.waiting and receiver.busy < at_once:
            number, pending = receiver.waiting.popleft()
            receiver.busy += 1

            def done(future: Future[Outcome], number: int = number, pending: Pending = pending) -> None:
                if self._receivers.get(key) is not receiver:
                    return  # the cloud was set back meanwhile
                receiver.busy -= 1
                self.pending.take(number)
                self._finish(pending.kind, pending.resource_sid, pending.request, future.result())
                self._next(key, receiver)
                if not receiver.busy and not receiver.waiting:
                    self._receivers.pop(key, None)

            self._account.world.outside(partial(deliver, pending.request), done)

    def _finish(self, kind: WebhookKind, resource_sid: str, request: Request, outcome: Outcome) -> None:
        path = urlsplit(request.url).path
        if outcome.code:
            self._fail(kind, resource_sid, outcome.code, outcome.detail, path=path)
            if kind is WebhookKind.IP_COMMAND:
                self._account.notify(IP_COMMAND_CALLBACK, "the IP Commands webhook was not taken",
                                     resource_sid=resource_sid)
            return
        self.sent += 1
        self._account.record("webhook_sent", device=resource_sid, kind=kind.value, method=request.method, path=path,
                             status=outcome.status)

    def _fail(self, kind: WebhookKind, resource_sid: str, code: int, detail: str, *, path: str = "") -> None:
        self.failed += 1
        path = path.partition("?")[0]
        self._account.record("webhook_failed", device=resource_sid, kind=kind.value, path=path, code=code)
        self._account.notify(code, f"webhook {kind.value}: {detail}", resource_sid=resource_sid)

    @staticmethod
    def _origin(url: str) -> tuple[str, str] | None:
        try:
            parts = urlsplit(url)
            if parts.hostname is None:
                return None
            return parts.hostname, f"{parts.scheme}://{parts.hostname}:{parts.port or 0}"
        except ValueError:
            return None
