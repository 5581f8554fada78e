"""The virtual cloud: the resources of one account, joined to the network and to the boards' uplink.

It knows nothing of HTTP; :class:`harness.virtual.cloud.CloudServer` is the front.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from harness.errors import UsageError
from harness.formats.sid import check_sid, make_sid
from harness.virtual.cloud.account import Account, Notification, draw_hex
from harness.virtual.cloud.choices import Choices
from harness.virtual.cloud.commands import IpCommands, SmsCommands
from harness.virtual.cloud.config_stores import ConfigStores
from harness.virtual.cloud.connection_events import ConnectionEvents
from harness.virtual.cloud.esim import EsimProfiles
from harness.virtual.cloud.faults import CloudFaults
from harness.virtual.cloud.fleets import Fleets
from harness.virtual.cloud.logbook import LogBook
from harness.virtual.cloud.machines import SimStatus, WirelessStatus
from harness.virtual.cloud.microvisor import Apps, Devices
from harness.virtual.cloud.persistence import Keeper, Snapshots
from harness.virtual.cloud.rate_plans import RatePlans
from harness.virtual.cloud.refusals import ATTACHMENT_FAILED, SESSION_FAILED
from harness.virtual.cloud.retention import Retention, usage_rule
from harness.virtual.cloud.rig import Rig
from harness.virtual.cloud.settings_updates import SettingsUpdates
from harness.virtual.cloud.sims import Sims
from harness.virtual.cloud.supersim_meter import SuperSimMeter
from harness.virtual.cloud.usage import Ledger
from harness.virtual.cloud.webhooks import Webhooks
from harness.virtual.cloud.wireless_commands import Commands
from harness.virtual.cloud.wireless_meter import WirelessMeter
from harness.virtual.cloud.wireless_sims import WirelessSims
from harness.virtual.network.seams import Address, Attachment, DataUsage, Messaging, Subscription
from harness.virtual.uplink import ToCloud, Uplink
from harness.virtual.world import World

EMM_NETWORK_FAILURE, ESM_NETWORK_FAILURE = 17, 38
"""What a device is told of a failure in the core network (3GPP TS 24.301 clauses 9.9.3.9 and 9.9.4.4)."""

AdminRoute: TypeAlias = Callable[[Mapping[str, str], bytes], object]
"""Answers a request to the admin side: gets the query and the body, returns JSON values; raises HarnessError."""


class Cloud:
    """One account of the virtual cloud. Everything here is called inside a turn of the world.

    Implements :class:`~harness.virtual.network.seams.Subscriptions` and
    :class:`~harness.virtual.network.seams.Metering` for the network and :class:`~harness.virtual.uplink.CloudEnd` for
    boards. What no API does is in :attr:`rig`.

    Attributes:
        snapshots: what it can be set back to.
        keeper: writes every change down, if a state folder was given; None in memory.
        places: SIDs of devices by the names that a rig file has for them; kept, for the time after a restart.

    Args:
        messaging: the network, which carries Commands to devices.
        uplink: the way to boards; the cloud connects itself to it.
        account_sid, auth_token: the account; drawn from the world's seed if not given.
        api_keys: secrets of further credentials, by their SK SIDs.
        choices: decisions that the documentation leaves open.
        allowed_hosts: hosts beside this machine that webhooks may go to.
        webhook_secret: what KORE's signature of webhooks is made with; it is empty without.

    Example::

        cloud = Cloud(world, messaging=network, uplink=uplink)
        sid = cloud.add_sim("8988307000000000001")
    """

    def __init__(self, world: World, *, messaging: Messaging, uplink: Uplink, account_sid: str | None = None,
                 auth_token: str | None = None, api_keys: dict[str, str] | None = None, choices: Choices | None = None,
                 allowed_hosts: tuple[str, ...] = (), webhook_secret: str = "") -> None:
        self.world = world
        self._messaging = messaging
        self.choices = choices or Choices()
        credentials = world.random("cloud.credentials")
        drawn_sid, drawn_token = make_sid("AC", draw_hex(credentials)), draw_hex(credentials)
        self.account_sid = drawn_sid if account_sid is None else check_sid(account_sid, "AC")
        self.auth_token = drawn_token if auth_token is None else auth_token
        self.api_keys = {check_sid(sid, "SK"): secret for sid, secret in (api_keys or {}).items()}
        for secret in (self.auth_token, *self.api_keys.values()):
            world.journal.redact(secret)
        for user, secret in self.credentials().items():
            world.journal.redact(base64.b64encode(f"{user}:{secret}".encode()).decode("ascii"))
        self.account = Account(world, self.choices, sid=self.account_sid, auth_token=self.auth_token)
        self.account.webhook_secret = webhook_secret
        if webhook_secret:
            world.journal.redact(webhook_secret)
        self.webhooks = Webhooks(self.account, allowed_hosts=allowed_hosts)
        self.fleets = Fleets(self.account)
        self.sims = Sims(self.account, self.fleets, self.webhooks, messaging)
        self.esim_profiles = EsimProfiles(self.account, self.sims, self.webhooks)
        self.settings_updates = SettingsUpdates(self.account)
        self.connection_events = ConnectionEvents(self.account, self.webhooks)
        self.supersim_meter = SuperSimMeter(self.account, self.sims, self.fleets, self.connection_events,
                                            self.settings_updates, messaging)
        self.sms_commands = SmsCommands(self.account, self.sims, self.webhooks, messaging)
        self.ip_commands = IpCommands(self.account, self.sims, self.webhooks, messaging)
        self.rate_plans = RatePlans(self.account)
        self.wireless_sims = WirelessSims(self.account, self.rate_plans, self.fleets, self.webhooks, messaging)
        self.retention = Retention(self.account)
        wireless_ledger = Ledger()
        self.commands = Commands(self.account, self.wireless_sims, self.webhooks, messaging, self.retention,
                                 wireless_ledger)
        self.wireless_meter = WirelessMeter(self.account, self.wireless_sims, self.rate_plans, messaging,
                                            self.retention, wireless_ledger)
        for name, ledger in (("usage", self.supersim_meter.ledger), ("wireless usage", wireless_ledger)):
            self.retention.rule(name, usage_rule(ledger, self.choices.usage_retention_months))
        self.rig = Rig(self)
        self.apps = Apps(self.account)
        self.faults = CloudFaults()
        self.admin_routes: dict[tuple[str, str], AdminRoute] = {}  # what the admin side answers for others
        self.places: dict[str, str] = {}
        self.admin_token = draw_hex(world.random("cloud.admin"))
        world.journal.redact(self.admin_token)
        self.configs = ConfigStores(self.account, "Configs")
        self.secrets = ConfigStores(self.account, "Secrets")
        self.devices = Devices(self.account, self.apps, uplink, self.configs, self.secrets)
        self.snapshots = Snapshots(self)
        self.keeper: Keeper | None = None
        uplink.connect_cloud(self)

    def __repr__(self) -> str:
        return f"Cloud({self.account_sid!r}, {len(self.sims.sims)} sims, {len(self.devices.devices)} devices)"

    def credentials(self) -> dict[str, str]:
        """Return user names and passwords that HTTP Basic takes."""
        return {self.account_sid: self.auth_token, **self.api_keys}

    @property
    def debugger_events(self) -> tuple[Notification, ...]:
        """What went wrong and no response could tell, as the Debugger lists it: oldest first."""
        return tuple(self.account.notifications)

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """Debugger events, oldest first."""
        return tuple(self.account.notifications)

    # -- for rigs: what no API makes ------------------------------------------------------------------------------

    def add_card(self, iccid: str, registration_code: str) -> None:
        """Let a SIM card be registered through the API with this code.

        Raises:
            UsageError: the card is known already.
        """
        with self.world.turn():
            self._check_new(iccid)
            self.sims.add_card(iccid, registration_code)

    def add_sim(self, iccid: str, *, status: str | SimStatus = SimStatus.ACTIVE, fleet: str | None = None,
                unique_name: str | None = None) -> str:
        """Put a registered Sim into the account and return its SID.

        Args:
            status: ``new``, ``ready``, ``active`` or ``inactive``.
            fleet: SID or unique name; by default a Fleet named ``default``, except for a new Sim, which has none.

        Raises:
            UsageError: ICCID or name are taken, there is no such Fleet, or the status is none of these.
        """
        with self.world.turn():
            self._check_new(iccid)
            return self.sims.add(iccid, status=_status(status), fleet=fleet, unique_name=unique_name).sid

    def add_wireless_sim(self, iccid: str, *, status: str | WirelessStatus = WirelessStatus.ACTIVE,
                         rate_plan: str | None = None, unique_name: str | None = None,
                         registration_code: str | None = None, e_id: str | None = None,
                         narrowband: bool = False) -> str:
        """Put a Programmable Wireless Sim into the account and return its SID.

        Args:
            rate_plan: SID or unique name; by default one that allows everything, if the status needs one.
            narrowband: whether it is an NB-IoT card.

        Raises:
            UsageError: ICCID, name or code are taken, there is no such rate plan, or the status is no possible one.
        """
        with self.world.turn():
            self._check_new(iccid)
            try:
                wanted = WirelessStatus(status)
            except ValueError:
                raise UsageError(f"{status!r} is no status of a Sim: one of {', '.join(WirelessStatus)}") from None
            return self.wireless_sims.add(iccid, status=wanted, plan=rate_plan, unique_name=unique_name,
                                          registration_code=registration_code, e_id=e_id, narrowband=narrowband).sid

    def _check_new(self, iccid: str) -> None:
        """Check that no product has this card: it can belong to one only."""
        if self.sims.known(iccid) or self.wireless_sims.sims.by("iccid", iccid) is not None:
            raise UsageError(f"there is a SIM card with ICCID {iccid} already")

    def add_device(self, sid: str | None = None, unique_name: str | None = None, *, logging: bool = False) -> str:
        """Put a board into the account and return its SID.

        Args:
            sid: drawn from the world's seed if not given.
            logging: whether application logging is enabled from the start.

        Raises:
            UsageError: the SID is malformed, or SID or name are taken.
        """
        with self.world.turn():
            return self.devices.add(sid, unique_name, logging=logging).sid

    def log(self, device_sid: str) -> LogBook:
        """Return the log of a device.

        Raises:
            Refused: there is no such device.
        """
        return self.devices.logs[self.devices.device(device_sid).sid]

    # -- after a restart, or when it was set back ---------------------------------------------------------------------

    def sim_sid(self, iccid: str) -> str | None:
        """Return the SID of the Sim with this ICCID, of either product; None if the account has none."""
        sim = self.sims.sims.by("iccid", iccid) or self.wireless_sims.sims.by("iccid", iccid)
        return None if sim is None else sim.sid

    def withdraw(self) -> None:
        """Let nothing arrive any more that is under way to devices: the cloud is about to be set back."""
        self._messaging.withdraw_sms()

    def card_gone(self, iccid: str) -> None:
        """Let the network look at a card that no account has any more."""
        self._messaging.subscription_changed(iccid)

    def restored(self) -> None:
        """Go on after all that is kept was taken up again, in a turn of the world.

        The network looks at every card anew and gets the Commands that are under way once more; boards are told what
        they should run; webhooks that have no outcome are sent.
        """
        self.fleets.restored()
        self.supersim_meter.restored()
        self.wireless_meter.restored()
        for sim in (*self.sims.sims, *self.wireless_sims.sims):
            self._messaging.subscription_changed(sim.iccid)
        self.sms_commands.restored()
        self.ip_commands.restored()
        self.commands.restored()
        self.devices.restored()
        self.webhooks.restored()

    def now(self) -> datetime:
        """Return the calendar time of this instant."""
        return self.account.now()

    # -- Subscriptions: what the network asks -------------------------------------------------------------------------

    def subscription(self, iccid: str) -> Subscription | None:
        """Return what the owner lets a SIM card do, None if no account has it."""
        return self.sims.subscription(iccid) or self.wireless_sims.subscription(iccid)

    def core_failure(self, iccid: str, *, session: bool) -> int:
        """Return the cause for which a Super SIM's attachment (83700) or data session (83701) was planned to fail."""
        code, cause = (SESSION_FAILED, ESM_NETWORK_FAILURE) if session else (ATTACHMENT_FAILED, EMM_NETWORK_FAILURE)
        return cause if self.sims.sims.by("iccid", iccid) is not None and self.account.fails(code) else 0

    def sms_received(self, iccid: str, text: str | bytes) -> None:
        """Take a text, or 8-bit data, that a device sent to its command number."""
        wireless = self.wireless_sims.sims.by("iccid", iccid)
        if wireless is not None:
            self.commands.received(wireless, text)
        else:
            self.sms_commands.received(iccid, text if isinstance(text, str) else text.decode("latin-1"))

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None:
        """Take a datagram that a device sent to the IP gateway."""
        ports = self.choices.ip_command_ports
        if ports and destination[1] not in ports:
            self.account.record("ip_command_ignored", device=iccid, port=destination[1])
            return
        self.ip_commands.received(iccid, source, payload)

    # -- Metering: what the network counted ---------------------------------------------------------------------------

    def attachment(self, attachment: Attachment) -> None:
        """Take note of a registration, a refusal or a departure; nothing happens if no account owns the card."""
        sim = self.sims.sims.by("iccid", attachment.iccid)
        wireless = self.wireless_sims.sims.by("iccid", attachment.iccid)
        if sim is not None:
            self.supersim_meter.attachment(sim, attachment)
        elif wireless is not None:
            self.wireless_meter.attachment(wireless, attachment)

    def data_usage(self, usage: DataUsage) -> None:
        """Take note of a data session; nothing happens if no account owns the card."""
        sim = self.sims.sims.by("iccid", usage.iccid)
        wireless = self.wireless_sims.sims.by("iccid", usage.iccid)
        if sim is not None:
            self.supersim_meter.data_usage(sim, usage)
            self.retention.added("usage")
        elif wireless is not None:
            self.wireless_meter.data_usage(wireless, usage)

    # -- CloudEnd: what boards say ------------------------------------------------------------------------------------

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        """Take a message of a board."""
        self.devices.from_device(device_sid, message)


def _status(status: str | SimStatus) -> SimStatus:
    try:
        return SimStatus(status)
    except ValueError:
        raise UsageError(f"{status!r} is no status of a Sim: one of {', '.join(SimStatus)}") from None
