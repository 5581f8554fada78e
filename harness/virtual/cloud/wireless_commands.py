"""Commands of Programmable Wireless: texts and octets to devices and from them, by SMS."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta

from harness.clock import to_ns
from harness.errors import PduError
from harness.formats.sms.gsm7 import septet_count
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.commands import under_way
from harness.virtual.cloud.countries import country_of
from harness.virtual.cloud.machines import COMMAND, By, CommandStatus
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import Callback, Command, Direction, PayloadType, WirelessSim
from harness.virtual.cloud.refusals import (
    CATALOGUE,
    CONFLICT,
    WIRELESS_FAILED,
    WIRELESS_INCOMPLETE,
    WIRELESS_INVALID,
    WIRELESS_MESSAGING_NOT_ALLOWED,
    WIRELESS_MISSING,
    WIRELESS_SIM_NOT_FOUND,
    WIRELESS_TOO_MANY_COMMANDS,
    WIRELESS_TRUNCATED,
    WIRELESS_UNAUTHORIZED,
    WIRELESS_UNAVAILABLE,
    Refused,
    not_found,
)
from harness.virtual.cloud.retention import Retention, Rule
from harness.virtual.cloud.store import Collection
from harness.virtual.cloud.usage import Ledger, Used
from harness.virtual.cloud.webhooks import Webhooks
from harness.virtual.cloud.wireless_sims import WirelessSims
from harness.virtual.network.seams import Messaging, SmsProgress

TEXT_CHARACTERS = 160
"""Longest text of a Command."""

TEXT_WITH_SID = 128
"""Longest text of a Command that has its SID with it."""

BINARY_OCTETS = 140
"""Longest Command in binary mode."""

NARROWBAND_QUEUE = 100
"""Commands that may wait for one narrowband Sim."""

KEPT = 100_000
"""Commands that are kept; the oldest go first."""


class Commands:
    """The Commands of one account's Programmable Wireless Sims.

    Attributes:
        ledger: usage, Commands and data alike.
    """

    def __init__(self, account: Account, sims: WirelessSims, webhooks: Webhooks, messaging: Messaging,
                 retention: Retention, ledger: Ledger) -> None:
        self._account = account
        self._sims = sims
        self._webhooks = webhooks
        self._messaging = messaging
        self._retention = retention
        self.ledger = ledger
        self.commands: Collection[Command] = Collection(
            "Commands", indexed=("sim_sid", "status", "direction", "transport"), limit=KEPT, evict=True)
        age = timedelta(microseconds=to_ns(account.choices.command_retention) // 1_000)
        retention.rule("Commands", Rule(oldest=self._oldest, until=lambda date: date + age, forget=self._forget))

    def __repr__(self) -> str:
        return f"Commands({len(self.commands)})"

    def command(self, sid: str) -> Command:
        """Return a Command by its SID."""
        found = self.commands.get(sid)
        if found is None:
            raise not_found(f"/Commands/{sid}")
        return found

    def delete(self, sid: str) -> None:
        """Forget a Command; one that is under way reaches its device all the same."""
        command = self.command(sid)
        under_way = command.status is CommandStatus.QUEUED or (
            command.status is CommandStatus.SENT and command.delivery_receipt_requested)
        if under_way and self._account.choices.wireless_delete_command == "finished":
            raise Refused(CONFLICT, f"a Command that is '{command.status}' can't be deleted")
        self.commands.remove(command)

    def create(self, arguments: Arguments) -> Command:
        """Send a Command to a device."""
        mode = PayloadType(arguments.text("CommandMode") or PayloadType.TEXT)
        include = arguments.text("IncludeSid") or "none"
        text = arguments.required("Command")
        self._check(text, mode, include)
        if not arguments.text("Sim"):
            raise Refused(WIRELESS_MISSING, "Missing required parameter Sim")
        sim = self._recipient(arguments.required("Sim"))
        self._account.refuse_if_planned(WIRELESS_UNAVAILABLE, WIRELESS_FAILED)
        command = self._add(sim, text, mode, CommandStatus.QUEUED, Direction.TO_SIM, arguments.callback(),
                            receipt=arguments.flag("DeliveryReceiptRequested", True), include=include)
        self._hand_over(sim, command)
        self._sims.count(sim, commands=1)
        return command

    def _hand_over(self, sim: WirelessSim, command: Command, *, since: datetime | None = None) -> None:
        text = command.command
        sent: str | bytes = base64.b64decode(text) if command.command_mode is PayloadType.BINARY else {
            "none": text, "start": f"{command.sid} {text}", "end": f"{text} {command.sid}"}[command.include_sid]
        self._messaging.send_sms(sim.iccid, sent, SmsProgress(
            attempted=lambda: self._attempted(sim, command),
            delivered=lambda: self._ended(sim, command, CommandStatus.DELIVERED),
            failed=lambda cause: self._ended(sim, command, CommandStatus.FAILED), since=since))

    def restored(self) -> None:
        """Go on after the Commands were taken up again: the network gets those that are under way once more."""
        for command in under_way(self.commands, CommandStatus.QUEUED, CommandStatus.SENT):
            sim = self._sims.sims.get(command.sim_sid)
            final = command.status is CommandStatus.SENT and not command.delivery_receipt_requested
            if sim is not None and not final and command.direction is Direction.TO_SIM:
                self._hand_over(sim, command, since=command.date_created)

    def received(self, sim: WirelessSim, content: str | bytes) -> None:
        """Take in what a device sent to the short code."""
        plan = self._sims.plan_of(sim)
        if not sim.usable or plan is None or not plan.messaging_enabled:
            self._account.notify(WIRELESS_MESSAGING_NOT_ALLOWED, CATALOGUE[WIRELESS_MESSAGING_NOT_ALLOWED],
                                 resource_sid=sim.sid)
            return
        mode = PayloadType.TEXT if isinstance(content, str) else PayloadType.BINARY
        text = content if isinstance(content, str) else base64.b64encode(content).decode("ascii")
        truncated = mode is PayloadType.TEXT and len(text) > TEXT_CHARACTERS
        command = self._add(sim, text[:TEXT_CHARACTERS] if truncated else text, mode, CommandStatus.RECEIVED,
                            Direction.FROM_SIM, Callback(), receipt=False)
        code, message = (WIRELESS_TRUNCATED, CATALOGUE[WIRELESS_TRUNCATED]) if truncated else (0, "")
        if truncated:
            self._account.notify(code, message, resource_sid=command.sid)
        self._enter(sim, from_sim=1)
        self._sims.count(sim, commands=1)
        self._webhooks.command(sim, command, Callback(
            url=sim.commands_callback_url, method=sim.commands_callback_method), code=code, message=message)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _check(self, text: str, mode: PayloadType, include: str) -> None:
        if mode is PayloadType.BINARY:
            if include != "none":
                raise _invalid("IncludeSid", "is for text mode only")
            try:
                octets = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                raise _invalid("Command", "must be Base64 in binary mode") from None
            if not 1 <= len(octets) <= BINARY_OCTETS:
                raise _invalid("Command", f"must have 1 to {BINARY_OCTETS} bytes; it has {len(octets)}")
            return
        try:
            length = len(text) if self._account.choices.wireless_alphabet == "any" else septet_count(text)
        except PduError as error:
            raise _invalid("Command", str(error)) from None
        most = TEXT_CHARACTERS if include == "none" else TEXT_WITH_SID
        if length > most:
            raise _invalid("Command", f"must have at most {most} characters; it has {length}")

    def _recipient(self, key: str) -> WirelessSim:
        sim = self._sims.sims.find(key)
        if sim is None:
            raise Refused(WIRELESS_SIM_NOT_FOUND, f"there is no Sim {key!r}")
        plan = self._sims.plan_of(sim)
        if not sim.usable or plan is None:
            raise Refused(WIRELESS_INCOMPLETE, f"a Sim must be ready or active to get a Command; it is '{sim.status}'")
        if not plan.messaging_enabled:
            raise Refused(WIRELESS_UNAUTHORIZED, f"rate plan {plan.sid} does not allow Commands")
        if sim.narrowband:
            queued = self.commands.count({"sim_sid": sim.sid, "status": CommandStatus.QUEUED})
            if queued >= NARROWBAND_QUEUE:
                raise Refused(WIRELESS_TOO_MANY_COMMANDS, CATALOGUE[WIRELESS_TOO_MANY_COMMANDS])
        return sim

    def _add(self, sim: WirelessSim, text: str, mode: PayloadType, status: CommandStatus, direction: Direction,
             callback: Callback, *, receipt: bool, include: str = "none") -> Command:
        command = self.commands.add(Command(
            **self._account.stamp("DC"), sim_sid=sim.sid, command=text, command_mode=mode, transport="sms",
            delivery_receipt_requested=receipt, include_sid=include, status=status, direction=direction,
            callback=callback))
        self._retention.added("Commands")
        self._account.record(f"command_{'created' if direction is Direction.TO_SIM else 'received'}",
                             device=sim.sid, sid=command.sid, command=text, mode=mode.value)
        return command

    def _attempted(self, sim: WirelessSim, command: Command) -> None:
        if not sim.narrowband:  # a narrowband device sleeps most of the time: until it wakes, nothing is sent
            self._sent(sim, command)

    def _sent(self, sim: WirelessSim, command: Command) -> None:
        if command.status is not CommandStatus.QUEUED:
            return  # it was sent already before a restart
        self._enter(sim, to_sim=1)
        self._move(sim, command, CommandStatus.SENT, final=not command.delivery_receipt_requested)

    def _ended(self, sim: WirelessSim, command: Command, target: CommandStatus) -> None:
        if target is CommandStatus.DELIVERED:
            self._sent(sim, command)
        if command.status is CommandStatus.SENT and not command.delivery_receipt_requested:
            return  # 'sent' was final: nobody asked what became of it
        self._move(sim, command, target, final=True)

    def _move(self, sim: WirelessSim, command: Command, target: CommandStatus, *, final: bool) -> None:
        COMMAND.move(command.status, target, By.NETWORK)
        if self.commands.get(command.sid) is command:
            self.commands.change(command, self._account.now(), status=target)
        else:
            command.status = target  # it was deleted, or is too old, but its callback is still due
        self._account.record(f"command_{target.value}", device=sim.sid, sid=command.sid)
        if target.value in self._account.choices.wireless_command_callbacks or (
                final and target is CommandStatus.SENT):
            self._webhooks.command(sim, command, command.callback)

    def _enter(self, sim: WirelessSim, *, from_sim: int = 0, to_sim: int = 0) -> None:
        plmn = self._sims.cells.get(sim.sid, "")
        self.ledger.add(Used(moment=self._account.now(), sim_sid=sim.sid, owner_sid=sim.rate_plan_sid,
                             network_sid=None, iso_country=country_of(plmn).alpha2, plmn=plmn, from_sim=from_sim,
                             to_sim=to_sim))
        self._retention.added("wireless usage")

    def _oldest(self) -> datetime | None:
        return next((command.date_created for command in self.commands), None)

    def _forget(self, before: datetime) -> None:
        for command in tuple(self.commands):
            if command.date_created > before:
                return
            self.commands.remove(command)


def _invalid(name: str, rule: str) -> Refused:
    return Refused(WIRELESS_INVALID, f"Invalid parameter {name}: {rule}")
