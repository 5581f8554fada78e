"""Programmable Wireless at the near end: Sims, Commands, rate plans, data sessions, usage."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence

from harness.drivers.cloud.resource import CloudResource, StatusResource, form_of, segment
from harness.drivers.cloud.transport import Transport
from harness.drivers.cloud.wireless_usage import DataSession, WirelessUsage, data_sessions, wireless_usage
from harness.errors import NotFound

_ICCID = re.compile(r"89[0-9]{16,20}F?")

Setting = str | int | bool | None


class Command(StatusResource):
    """A text or octets to or from a device. Status: queued, sent, delivered, failed; received if it came from one."""

    collection = "Commands"
    final = frozenset({"delivered", "failed", "received"})

    @property
    def command(self) -> str | bytes:
        """The text, or the octets of one in binary mode."""
        text = self._text("command")
        return base64.b64decode(text) if self.data.get("command_mode") == "binary" else text

    @property
    def direction(self) -> str:
        """``to_sim`` or ``from_sim``."""
        return self._text("direction")

    @property
    def sim_sid(self) -> str:
        """The Sim it went to or came from."""
        return self._text("sim_sid")

    def delete(self) -> None:
        """Delete it.

        Raises:
            ApiError: it is gone.
            CloudUnreachable: there was no answer.
        """
        self._transport.delete(self._url)


class WirelessSim(StatusResource):
    """A Programmable Wireless SIM."""

    collection = "Sims"

    @property
    def iccid(self) -> str:
        """The number of the card."""
        return self._text("iccid")

    @property
    def unique_name(self) -> str | None:
        """Its name, if it has one."""
        return self._optional("unique_name")

    @property
    def friendly_name(self) -> str | None:
        """What people call it, if anything."""
        return self._optional("friendly_name")

    @property
    def rate_plan_sid(self) -> str | None:
        """Its rate plan."""
        return self._optional("rate_plan_sid")

    @property
    def is_resetting(self) -> bool:
        """Whether a reset of its connectivity was under way when it was last fetched."""
        return self._optional("reset_status") == "resetting"

    @property
    def commands_callback_url(self) -> str | None:
        """Where Commands from the device are told."""
        return self._optional("commands_callback_url")

    def send_command(self, command: str | bytes, *, include_sid: str | None = None,
                     delivery_receipt_requested: bool | None = None, callback_url: str | None = None,
                     callback_method: str | None = None) -> Command:
        """Send a text, or octets in binary mode, to the device and return the Command.

        Args:
            include_sid: where the Command's SID goes in the text: ``none``, ``start`` or ``end``.

        Raises:
            ApiError: the API refused: too long, SIM not active, ...
            CloudUnreachable: there was no answer; it may have been sent nevertheless.
        """
        binary = isinstance(command, bytes)
        text = base64.b64encode(command).decode() if isinstance(command, bytes) else command
        form = form_of({"sim": self.sid, "command": text, "command_mode": "binary" if binary else "text",
                        "include_sid": include_sid,
                        "delivery_receipt_requested": delivery_receipt_requested, "callback_url": callback_url,
                        "callback_method": callback_method})
        return Command(self._transport, self._root, self._transport.post(f"{self._root}/v1/Commands", form))

    def update(self, **changes: Setting) -> WirelessSim:
        """Change the SIM and return it: ``status``, ``unique_name``, ``friendly_name``, ``rate_plan``,
        ``commands_callback_url``, ``commands_callback_method``, ``callback_url``, ``callback_method``,
        ``reset_status``, ``account_sid`` and the ``sms_`` and ``voice_`` URLs. A status takes its time:
        :meth:`wait_status`.

        Raises:
            ApiError: the API refused, and nothing changed.
            CloudUnreachable: there was no answer; it may have changed nevertheless.
        """
        self.data = self._transport.post(self._url, form_of(changes))
        return self

    def delete(self) -> None:
        """Delete it, once it is canceled.

        Raises:
            ApiError: it is not canceled, or is gone.
            CloudUnreachable: there was no answer.
        """
        self._transport.delete(self._url)

    def commands(self, **filters: str) -> Iterator[Command]:
        """Give the Commands of this SIM; filters: ``status``, ``direction``, ``transport``."""
        return _commands(self._transport, self._root, {"sim": self.sid, **filters})

    def data_sessions(self) -> Iterator[DataSession]:
        """Give the data sessions, newest first."""
        return data_sessions(self._transport, self._url)

    def usage_records(self, **filters: str) -> Iterator[WirelessUsage]:
        """Give usage; filters: ``start``, ``end``, ``granularity`` (hourly, daily, all)."""
        return wireless_usage(self._transport, self._url, filters)


class RatePlan(CloudResource):
    """What SIMs may do, and for which price."""

    collection = "RatePlans"

    @property
    def unique_name(self) -> str | None:
        """Its name, if it has one."""
        return self._optional("unique_name")

    @property
    def friendly_name(self) -> str | None:
        """What people call it, if anything."""
        return self._optional("friendly_name")

    @property
    def data_limit(self) -> int:
        """Megabytes a month on the home network."""
        return int(self.data["data_limit"])

    @property
    def data_metering(self) -> str:
        """``payg``, or a quota, which is deprecated."""
        return self._text("data_metering")

    @property
    def messaging_enabled(self) -> bool:
        """Whether Commands are allowed."""
        return bool(self.data["messaging_enabled"])

    @property
    def international_roaming(self) -> tuple[str, ...]:
        """What is allowed abroad: ``data``, ``messaging``."""
        return tuple(self.data.get("international_roaming") or ())

    def update(self, *, unique_name: str | None = None, friendly_name: str | None = None) -> RatePlan:
        """Give it other names and return it.

        Raises:
            ApiError: the API refused, and nothing changed.
            CloudUnreachable: there was no answer; it may have changed nevertheless.
        """
        form = form_of({"unique_name": unique_name, "friendly_name": friendly_name})
        self.data = self._transport.post(self._url, form)
        return self

    def delete(self) -> None:
        """Delete it, once no SIM has it.

        Raises:
            ApiError: a SIM has it, or it is gone.
            CloudUnreachable: there was no answer.
        """
        self._transport.delete(self._url)


class RatePlans:
    """The rate plans of the account."""

    def __init__(self, transport: Transport, root: str) -> None:
        self._transport = transport
        self._root = root

    def __repr__(self) -> str:
        return f"RatePlans({self._root!r})"

    def __iter__(self) -> Iterator[RatePlan]:
        for data in self._transport.pages(f"{self._root}/v1/RatePlans", "rate_plans"):
            yield RatePlan(self._transport, self._root, data)

    def get(self, key: str) -> RatePlan:
        """Return a rate plan by SID or unique name.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return RatePlan(self._transport, self._root, self._transport.get(f"{self._root}/v1/RatePlans/{segment(key)}"))

    def create(self, *, international_roaming: Sequence[str] = (), **settings: Setting) -> RatePlan:
        """Make a rate plan: settings are the API's parameters in lower case, such as ``unique_name``, ``data_limit``.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer; it may have been made nevertheless.
        """
        form: dict[str, str | Sequence[str]] = {**form_of(settings)}
        if international_roaming:
            form["InternationalRoaming"] = list(international_roaming)
        return RatePlan(self._transport, self._root, self._transport.post(f"{self._root}/v1/RatePlans", form))


class Wireless:
    """The Programmable Wireless API."""

    def __init__(self, transport: Transport, root: str) -> None:
        self._transport = transport
        self._root = root
        self.rate_plans = RatePlans(transport, root)

    def __repr__(self) -> str:
        return f"Wireless({self._root!r})"

    def sim(self, key: str) -> WirelessSim:
        """Return a SIM by SID, unique name or ICCID.

        Raises:
            ApiError: the account has none of this key.
            CloudUnreachable: there was no answer.
        """
        if not _ICCID.fullmatch(key):
            url = f"{self._root}/v1/Sims/{segment(key)}"
            return WirelessSim(self._transport, self._root, self._transport.get(url))
        found = next(self.sims(iccid=key), None)
        if found is None:
            raise NotFound(f"the account has no SIM with ICCID {key}", status=404, code=20404)
        return found

    def sims(self, **filters: str) -> Iterator[WirelessSim]:
        """Give the SIMs; filters: ``status``, ``iccid``, ``rate_plan``, ``e_id``, ``sim_registration_code``."""
        for data in self._transport.pages(f"{self._root}/v1/Sims", "sims", form_of(filters)):
            yield WirelessSim(self._transport, self._root, data)

    def command(self, sid: str) -> Command:
        """Return a Command.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return Command(self._transport, self._root, self._transport.get(f"{self._root}/v1/Commands/{segment(sid)}"))

    def commands(self, **filters: str) -> Iterator[Command]:
        """Give Commands, newest first; filters: ``sim``, ``status``, ``direction``, ``transport``."""
        return _commands(self._transport, self._root, filters)

    def usage_records(self, **filters: str) -> Iterator[WirelessUsage]:
        """Give the account's usage; filters: ``start``, ``end``, ``granularity``."""
        return wireless_usage(self._transport, f"{self._root}/v1", filters)


def _commands(transport: Transport, root: str, filters: Mapping[str, str]) -> Iterator[Command]:
    for data in transport.pages(f"{root}/v1/Commands", "commands", form_of(filters)):
        yield Command(transport, root, data)
