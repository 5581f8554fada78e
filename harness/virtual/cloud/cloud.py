"""The virtual cloud: the resources of one account, joined to the network and to the boards' uplink.

It knows nothing of HTTP; :class:`harness.virtual.cloud.CloudServer` is the front.
"""

from __future__ import annotations

import base64
from datetime import datetime

from harness.errors import UsageError
from harness.formats.sid import check_sid, make_sid
from harness.virtual.cloud.account import Account, Notification, draw_hex
from harness.virtual.cloud.choices import Choices
from harness.virtual.cloud.commands import IpCommands, SmsCommands
from harness.virtual.cloud.fleets import Fleets
from harness.virtual.cloud.logbook import LogBook
from harness.virtual.cloud.machines import SimStatus
from harness.virtual.cloud.microvisor import Apps, Devices
from harness.virtual.cloud.sims import Sims
from harness.virtual.cloud.webhooks import Webhooks
from harness.virtual.network.seams import Address, Messaging, Subscription
from harness.virtual.uplink import ToCloud, Uplink
from harness.virtual.world import World


class Cloud:
    """One account of the virtual cloud. Everything here is called inside a turn of the world.

    Implements :class:`~harness.virtual.network.seams.Subscriptions` for the network and
    :class:`~harness.virtual.uplink.CloudEnd` for boards.

    Args:
        messaging: the network, which carries Commands to devices.
        uplink: the way to boards; the cloud connects itself to it.
        account_sid, auth_token: the account; drawn from the world's seed if not given.
        api_keys: secrets of further credentials, by their SK SIDs.
        choices: decisions that the documentation leaves open.
        allowed_hosts: hosts beside this machine that webhooks may go to.

    Example::

        cloud = Cloud(world, messaging=network, uplink=uplink)
        sid = cloud.add_sim("8988307000000000001")
    """

    def __init__(self, world: World, *, messaging: Messaging, uplink: Uplink, account_sid: str | None = None,
                 auth_token: str | None = None, api_keys: dict[str, str] | None = None, choices: Choices | None = None,
                 allowed_hosts: tuple[str, ...] = ()) -> None:
        self.world = world
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
        self.webhooks = Webhooks(self.account, allowed_hosts=allowed_hosts)
        self.fleets = Fleets(self.account)
        self.sims = Sims(self.account, self.fleets, self.webhooks, messaging)
        self.sms_commands = SmsCommands(self.account, self.sims, self.webhooks, messaging)
        self.ip_commands = IpCommands(self.account, self.sims, self.webhooks, messaging)
        self.apps = Apps(self.account)
        self.devices = Devices(self.account, self.apps, uplink)
        uplink.connect_cloud(self)

    def __repr__(self) -> str:
        return f"Cloud({self.account_sid!r}, {len(self.sims.sims)} sims, {len(self.devices.devices)} devices)"

    def credentials(self) -> dict[str, str]:
        """Return user names and passwords that HTTP Basic takes."""
        return {self.account_sid: self.auth_token, **self.api_keys}

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
            return self.sims.add(iccid, status=_status(status), fleet=fleet, unique_name=unique_name).sid

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

    def now(self) -> datetime:
        """Return the calendar time of this instant."""
        return self.account.now()

    # -- Subscriptions: what the network asks -------------------------------------------------------------------------

    def subscription(self, iccid: str) -> Subscription | None:
        """Return what the owner lets a SIM card do, None if no account has it."""
        return self.sims.subscription(iccid)

    def sms_received(self, iccid: str, text: str | bytes) -> None:
        """Take a text, or 8-bit data, that a device sent to its command number."""
        self.sms_commands.received(iccid, text if isinstance(text, str) else text.decode("latin-1"))

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None:
        """Take a datagram that a device sent to the IP gateway; any destination port is taken."""
        self.ip_commands.received(iccid, source, payload)

    # -- CloudEnd: what boards say ------------------------------------------------------------------------------------

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        """Take a message of a board."""
        self.devices.from_device(device_sid, message)


def _status(status: str | SimStatus) -> SimStatus:
    try:
        return SimStatus(status)
    except ValueError:
        raise UsageError(f"{status!r} is no status of a Sim: one of {', '.join(SimStatus)}") from None
