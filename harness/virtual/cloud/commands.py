"""SMS Commands and IP Commands, to devices and from them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from harness.errors import PduError
from harness.formats.sms.gsm7 import septet_count
from harness.formats.sms.segments import is_short
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.machines import IP_COMMAND, SMS_COMMAND, By, CommandStatus
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import NOBODY, Callback, Command, Direction, IpCommand, PayloadType, Sim, SmsCommand
from harness.virtual.cloud.refusals import (
    CATALOGUE,
    IP_COMMAND_FAILED,
    IP_COMMAND_NOT_ATTACHED,
    Refused,
    invalid,
    not_found,
)
from harness.virtual.cloud.sims import Sims
from harness.virtual.cloud.store import Collection
from harness.virtual.cloud.webhooks import Webhooks
from harness.virtual.network.seams import Messaging

SMS_CHARACTERS = 160
"""Longest text of an SMS Command, in characters of the GSM 7-bit alphabet (those of its extension count twice)."""

IP_BYTES = 1_300
"""Largest payload of an IP Command, in bytes."""

KEPT = 100_000
"""Commands of each kind that are kept; the oldest go first."""


@dataclass(slots=True, eq=False)
class _Delivery:
    """Hears from the network what becomes of one Command: an :class:`SmsWatcher`."""

    commands: SmsCommands
    sim: Sim
    command: SmsCommand
    since: datetime | None

    def attempted(self) -> None:
        if self.command.status is CommandStatus.QUEUED:  # it was sent already before a restart
            self.commands.move(self.sim, self.command, CommandStatus.SENT)

    def delivered(self) -> None:
        self.commands.move(self.sim, self.command, CommandStatus.DELIVERED)

    def failed(self, cause: int) -> None:
        self.commands.move(self.sim, self.command, CommandStatus.FAILED, cause=cause)


class SmsCommands:
    """The SMS Commands of one account."""

    def __init__(self, account: Account, sims: Sims, webhooks: Webhooks, messaging: Messaging) -> None:
        self._account = account
        self._sims = sims
        self._webhooks = webhooks
        self._messaging = messaging
        self.commands: Collection[SmsCommand] = Collection(
            "SmsCommands", indexed=("sim_sid", "status", "direction"), limit=KEPT, evict=True)

    def __repr__(self) -> str:
        return f"SmsCommands({len(self.commands)})"

    def command(self, sid: str) -> SmsCommand:
        """Return a Command by its SID."""
        found = self.commands.get(sid)
        if found is None:
            raise not_found(f"/SmsCommands/{sid}")
        return found

    def create(self, arguments: Arguments) -> SmsCommand:
        """Send a text to a device."""
        payload = arguments.required("Payload")
        _check_text(payload, any_alphabet=self._account.choices.sms_payload_alphabet == "any")
        sim = self._sims.referenced(arguments.required("Sim"))
        fleet = self._sims.fleet_of(sim)
        _check_usable(self._account, sim, fleet is not None and fleet.sms_commands_enabled, "SMS Commands")
        command = self._add(sim, payload, CommandStatus.QUEUED, Direction.TO_SIM, arguments.callback())
        self._hand_over(sim, command)
        self._sims.count_command(sim)
        return command

    def _hand_over(self, sim: Sim, command: SmsCommand, *, since: datetime | None = None) -> None:
        self._messaging.send_sms(sim.iccid, command.payload, _Delivery(self, sim, command, since))

    def restored(self) -> None:
        """Go on after the Commands were taken up again: the network gets those that are under way once more."""
        for command in under_way(self.commands, CommandStatus.QUEUED, CommandStatus.SENT):
            sim = self._sims.sims.get(command.sim_sid)
            if sim is not None and command.direction is Direction.TO_SIM:
                self._hand_over(sim, command, since=command.date_created)

    def received(self, iccid: str, text: str) -> None:
        """Take in a text that a device sent; nothing happens if no account owns the card."""
        sim = self._sims.sims.by("iccid", iccid)
        if sim is None:
            return
        command = self._add(sim, text, CommandStatus.RECEIVED, Direction.FROM_SIM, NOBODY)
        self._sims.count_command(sim)
        self._webhooks.sms_command(sim, command, self._webhooks.sms_callback(self._sims.fleet_of(sim)))

    def _add(self, sim: Sim, payload: str, status: CommandStatus, direction: Direction,
             callback: Callback) -> SmsCommand:
        command = self.commands.add(SmsCommand(
            **self._account.stamp("HC"), sim_sid=sim.sid, payload=payload,
            status=status, direction=direction, callback=callback))
        self._account.record(f"sms_command_{'created' if direction is Direction.TO_SIM else 'received'}",
                             device=sim.sid, sid=command.sid, payload=payload)
        return command

    def move(self, sim: Sim, command: SmsCommand, target: CommandStatus, cause: int = 0) -> None:
        """Take note of what became of a Command."""
        SMS_COMMAND.move(command.status, target, By.NETWORK)
        if self.commands.get(command.sid) is command:
            self.commands.change(command, self._account.now(), status=target)
        else:
            command.status = target  # it is too old to be kept, but its callback is still due
        facts = {"cause": cause} if cause else {}
        self._account.record(f"sms_command_{target.value}", device=sim.sid, sid=command.sid, **facts)
        if target.value in self._account.choices.sms_callback_statuses:
            self._webhooks.sms_command(sim, command, command.callback)


class IpCommands:
    """The IP Commands of one account."""

    def __init__(self, account: Account, sims: Sims, webhooks: Webhooks, messaging: Messaging) -> None:
        self._account = account
        self._sims = sims
        self._webhooks = webhooks
        self._messaging = messaging
        self.commands: Collection[IpCommand] = Collection(
            "IpCommands", indexed=("sim_sid", "sim_iccid", "status", "direction"), limit=KEPT, evict=True)
        self._round = 0  # counts how often the Commands were taken up anew

    def __repr__(self) -> str:
        return f"IpCommands({len(self.commands)})"

    def command(self, sid: str) -> IpCommand:
        """Return a Command by its SID."""
        found = self.commands.get(sid)
        if found is None:
            raise not_found(f"/IpCommands/{sid}")
        return found

    def create(self, arguments: Arguments) -> IpCommand:
        """Send a datagram to a device."""
        payload_type = PayloadType(arguments.text("PayloadType") or PayloadType.TEXT)
        payload = arguments.required("Payload")
        data = _payload_bytes(payload, payload_type)
        port = arguments.number("DevicePort", 0)
        sim = self._sims.referenced(arguments.required("Sim"))
        fleet = self._sims.fleet_of(sim)
        _check_usable(self._account, sim, fleet is not None and fleet.data_enabled, "data")
        command = self._add(sim, payload, payload_type, CommandStatus.QUEUED, Direction.TO_SIM, None, port,
                            arguments.callback())
        if self._account.fails(IP_COMMAND_FAILED):  # what failed in the service never reaches the network
            self._account.world.call_later(0, partial(self._sent(sim, command, failed=True), None),
                                           name="cloud.ip_command_failed")
        else:
            self._messaging.send_ip(sim.iccid, port, data, self._sent(sim, command))
        return command

    def received(self, iccid: str, source: tuple[str, int], payload: bytes) -> None:
        """Take in a datagram that a device sent; nothing happens if no account owns the card."""
        sim = self._sims.sims.by("iccid", iccid)
        if sim is None:
            return
        command = self._add(sim, base64.b64encode(payload).decode("ascii"), PayloadType.BINARY, CommandStatus.RECEIVED,
                            Direction.FROM_SIM, source[0], source[1], NOBODY)
        self._webhooks.ip_command(sim, command, self._webhooks.ip_callback(self._sims.fleet_of(sim)))

    def restored(self) -> None:
        """Go on after the Commands were taken up again: the network gets those that wait once more."""
        self._round += 1
        for command in under_way(self.commands, CommandStatus.QUEUED):
            sim = self._sims.sims.get(command.sim_sid)
            if sim is not None and command.direction is Direction.TO_SIM:
                self._messaging.send_ip(sim.iccid, command.device_port,
                                        _payload_bytes(command.payload, command.payload_type),
                                        self._sent(sim, command))

    def _sent(self, sim: Sim, command: IpCommand, *, failed: bool = False) -> Callable[[str | None], None]:
        round_ = self._round

        def done(device_ip: str | None) -> None:
            if round_ != self._round:
                return  # the cloud was set back meanwhile
            code, reason = 0, ""
            if failed:
                code, reason = IP_COMMAND_FAILED, CATALOGUE[IP_COMMAND_FAILED]
            elif device_ip is None:
                code, reason = IP_COMMAND_NOT_ATTACHED, "the device has no data session"
            target = CommandStatus.FAILED if code else CommandStatus.SENT
            IP_COMMAND.move(command.status, target, By.NETWORK)
            if self.commands.get(command.sid) is command:
                self.commands.change(command, self._account.now(), status=target, device_ip=device_ip)
            else:
                command.status, command.device_ip = target, device_ip
            self._account.record(f"ip_command_{target.value}", device=sim.sid, sid=command.sid)
            if code:
                self._account.notify(code, reason, resource_sid=command.sid)
            self._webhooks.ip_command(sim, command, command.callback, code=code, message=reason)

        return done

    def _add(self, sim: Sim, payload: str, payload_type: PayloadType, status: CommandStatus, direction: Direction,
             device_ip: str | None, device_port: int, callback: Callback) -> IpCommand:
        command = self.commands.add(IpCommand(
            **self._account.stamp("HG"), sim_sid=sim.sid, sim_iccid=sim.iccid,
            payload=payload, payload_type=payload_type, status=status, direction=direction, device_ip=device_ip,
            device_port=device_port, callback=callback))
        self._account.record(f"ip_command_{'created' if direction is Direction.TO_SIM else 'received'}",
                             device=sim.sid, sid=command.sid, payload=payload, port=device_port)
        return command


C = TypeVar("C", SmsCommand, IpCommand, Command)


def under_way(commands: Collection[C], *statuses: CommandStatus) -> list[C]:
    """Return the Commands with one of these statuses, the oldest first."""
    found = [command for status in statuses
             for command in commands.page({"status": status}, size=len(commands) or 1).records]
    return sorted(found, key=lambda command: command.seq)


def _check_usable(account: Account, sim: Sim, enabled: bool, what: str) -> None:
    if not sim.usable:
        raise Refused(account.choices.command_not_possible,
                      f"the Sim must be ready or active to get a Command; it is '{sim.status}'")
    if not enabled:
        raise Refused(account.choices.command_not_possible, f"the Fleet of the Sim does not allow {what}")


def _check_text(text: str, *, any_alphabet: bool) -> None:
    if is_short(text):
        return
    try:
        length = len(text) if any_alphabet else septet_count(text)
    except PduError as error:
        raise invalid("Payload", str(error)) from None
    if length > SMS_CHARACTERS:
        raise invalid("Payload", f"must have at most {SMS_CHARACTERS} single-byte characters; it has {length}")


def _payload_bytes(payload: str, payload_type: PayloadType) -> bytes:
    if payload_type is PayloadType.BINARY:
        try:
            data = base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            raise invalid("Payload", "must be Base64 where PayloadType is binary") from None
    else:
        data = payload.encode()
    if not 1 <= len(data) <= IP_BYTES:
        raise invalid("Payload", f"must have 1 to {IP_BYTES} bytes; it has {len(data)}")
    return data
