"""What the cloud says when it refuses: an error code with a sentence, and the HTTP status that belongs to the code.

Resource models raise :class:`Refused` and know nothing of HTTP; only the front asks for the status.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.errors import CloudError

MORE_INFO = "https://www.twilio.com/docs/errors/"
"""Where the public error catalogue has a page for each code."""

UNKNOWN_PARAMETER = 20001
AUTHENTICATION = 20003
METHOD_NOT_ALLOWED = 20004
PAGE_SIZE = 20007
FORBIDDEN = 20403
NOT_FOUND = 20404
CONFLICT = 20409
TOO_LARGE = 20413
INVALID_PARAMETER = 20422
INTERNAL = 20500

SIM_REGISTRATION_FAILED = 83000
SIM_PARAMETER_MISSING = 83001
SIM_NOT_REGISTRABLE = 83002
SIM_ALREADY_YOURS = 83003
SIM_UPDATE_FAILED = 83004
SIM_NOT_FOUND = 83005
FLEET_NOT_FOUND = 83006
SIM_NEEDS_FLEET = 83007
SIM_KEEPS_FLEET = 83008
SIM_FLEET_BUSY = 83009
SIM_STATUS_MOVE = 83010
SIM_NAME_TAKEN = 83011
IP_COMMAND_FAILED = 83400
IP_COMMAND_NOT_ATTACHED = 83401
IP_COMMAND_CALLBACK = 83402
ESIM_OUT_OF_STOCK = 83500
USAGE_INVALID = 83600
USAGE_NOT_ON_DAY = 83601
USAGE_NOT_ON_HOUR = 83602
USAGE_GROUP_RANGE = 83603
USAGE_RANGE = 83604
USAGE_TOO_OLD = 83605
ATTACHMENT_FAILED = 83700
SESSION_FAILED = 83701
NETWORK_BLOCKED = 83702
REATTACH_LOOP = 83703
SIM_IS_NEW = 83704
SIM_IS_INACTIVE = 83705

WIRELESS_FAILED = 33000
WIRELESS_UNAVAILABLE = 33004
WIRELESS_BUSY = 33010
WIRELESS_INVALID = 33101
WIRELESS_MISSING = 33102
WIRELESS_PAGING = 33103
WIRELESS_INCOMPLETE = 33104
WIRELESS_MOVE = 33105
WIRELESS_SIM_NOT_FOUND = 33107
WIRELESS_PLAN_NOT_FOUND = 33108
WIRELESS_TRUNCATED = 33111
WIRELESS_TOO_MANY_COMMANDS = 33118
WIRELESS_RESET_NOT_ALLOWED = 33119
WIRELESS_RESET_RUNNING = 33120
WIRELESS_COMBINATION = 33121
WIRELESS_DEPRECATED_METERING = 33122
WIRELESS_UNAUTHORIZED = 33201
WIRELESS_MESSAGING_NOT_ALLOWED = 33203

CATALOGUE: Mapping[int, str] = MappingProxyType({
    SIM_REGISTRATION_FAILED: "a Super SIM could not be registered for a reason of the service's own",
    SIM_PARAMETER_MISSING: "ICCID or registration code missing",
    SIM_NOT_REGISTRABLE: "the Super SIM can't be registered to this account",
    SIM_ALREADY_YOURS: "the Super SIM is in this account already",
    SIM_UPDATE_FAILED: "a Super SIM could not be updated for a reason of the service's own",
    SIM_NOT_FOUND: "no such Super SIM",
    FLEET_NOT_FOUND: "no such Fleet",
    SIM_NEEDS_FLEET: "a Super SIM needs a Fleet to be ready or active",
    SIM_KEEPS_FLEET: "a ready or active Super SIM can't leave its Fleet for none",
    SIM_FLEET_BUSY: "the Fleet can't change while an update is under way",
    SIM_STATUS_MOVE: "the status can't change like this",
    SIM_NAME_TAKEN: "another Super SIM has this unique name",
    IP_COMMAND_FAILED: "an IP Command failed for a reason of the service's own",
    IP_COMMAND_NOT_ATTACHED: "the device was not attached",
    IP_COMMAND_CALLBACK: "the IP Commands webhook did not answer with 2xx",
    ESIM_OUT_OF_STOCK: "no eSIM profile is left to reserve",
    USAGE_INVALID: "a parameter of a usage request is invalid",
    USAGE_NOT_ON_DAY: "StartTime or EndTime is not at midnight UTC",
    USAGE_NOT_ON_HOUR: "StartTime or EndTime is not on the hour",
    USAGE_GROUP_RANGE: "usage by Sim spans more than 31 days",
    USAGE_RANGE: "the time range is too long for this granularity",
    USAGE_TOO_OLD: "StartTime is more than 18 months ago",
    ATTACHMENT_FAILED: "a core network failure ended an attachment",
    SESSION_FAILED: "a core network failure ended the set-up of a data session",
    NETWORK_BLOCKED: "the network is not in the Network Access Profile",
    REATTACH_LOOP: "the device attaches too often in a short time",
    SIM_IS_NEW: "the Sim is still new",
    SIM_IS_INACTIVE: "the Sim is inactive",
    WIRELESS_FAILED: "something failed for a reason of the service's own",
    WIRELESS_UNAVAILABLE: "the service or something below it is unavailable",
    WIRELESS_BUSY: "another update of the Sim is under way",
    WIRELESS_INVALID: "a parameter has an invalid value",
    WIRELESS_MISSING: "a required parameter is missing",
    WIRELESS_PAGING: "Page, PageSize or PageToken is invalid",
    WIRELESS_INCOMPLETE: "the Sim has no rate plan, or is neither ready nor active",
    WIRELESS_MOVE: "the status can't change like this, or Sim and rate plan don't fit",
    WIRELESS_SIM_NOT_FOUND: "no such Sim",
    WIRELESS_PLAN_NOT_FOUND: "no such rate plan",
    WIRELESS_TRUNCATED: "a Command from a Sim was longer than 160 characters and was cut",
    WIRELESS_TOO_MANY_COMMANDS: "more than 100 Commands wait for a narrowband Sim",
    WIRELESS_RESET_NOT_ALLOWED: "this Sim's connectivity can't be reset now",
    WIRELESS_RESET_RUNNING: "a connectivity reset is under way already",
    WIRELESS_COMBINATION: "parameters contradict each other",
    WIRELESS_DEPRECATED_METERING: "the rate plan's data metering is deprecated",
    WIRELESS_UNAUTHORIZED: "the account or the rate plan does not permit it",
    WIRELESS_MESSAGING_NOT_ALLOWED: "a Command from a Sim that may not send any",
})
"""Every code of Super SIM (83xxx) and Programmable Wireless (33xxx) in the public catalogue, and what it means."""

STATUS: Mapping[int, int] = MappingProxyType({
    UNKNOWN_PARAMETER: 400, AUTHENTICATION: 401, METHOD_NOT_ALLOWED: 405, PAGE_SIZE: 400, FORBIDDEN: 403,
    NOT_FOUND: 404, CONFLICT: 409, TOO_LARGE: 413, INVALID_PARAMETER: 400, INTERNAL: 500,
    SIM_REGISTRATION_FAILED: 500, SIM_PARAMETER_MISSING: 400, SIM_NOT_REGISTRABLE: 400, SIM_ALREADY_YOURS: 409,
    SIM_UPDATE_FAILED: 500, SIM_NOT_FOUND: 404, FLEET_NOT_FOUND: 404, SIM_NEEDS_FLEET: 400, SIM_KEEPS_FLEET: 400,
    SIM_FLEET_BUSY: 409, SIM_STATUS_MOVE: 400, SIM_NAME_TAKEN: 409, IP_COMMAND_FAILED: 500, ESIM_OUT_OF_STOCK: 409,
    USAGE_INVALID: 400, USAGE_NOT_ON_DAY: 400, USAGE_NOT_ON_HOUR: 400, USAGE_GROUP_RANGE: 400, USAGE_RANGE: 400,
    USAGE_TOO_OLD: 400,
    WIRELESS_FAILED: 500, WIRELESS_UNAVAILABLE: 503, WIRELESS_BUSY: 409, WIRELESS_INVALID: 400, WIRELESS_MISSING: 400,
    WIRELESS_PAGING: 400, WIRELESS_INCOMPLETE: 400, WIRELESS_MOVE: 400, WIRELESS_SIM_NOT_FOUND: 404,
    WIRELESS_PLAN_NOT_FOUND: 404, WIRELESS_TOO_MANY_COMMANDS: 429, WIRELESS_RESET_NOT_ALLOWED: 400,
    WIRELESS_RESET_RUNNING: 409, WIRELESS_COMBINATION: 400, WIRELESS_DEPRECATED_METERING: 400,
    WIRELESS_UNAUTHORIZED: 403,
})
"""HTTP status per error code. The catalogue gives codes only: 20xxx follow their names, the others are chosen.

Codes that no response carries are not here: they are seen in webhooks, connection events and the debugger.
"""


class Refused(CloudError):
    """The cloud does not do what it was asked, and nothing has changed.

    Attributes:
        code: number in the public error catalogue.
        message: the rule that was broken.
        status: HTTP status where it differs from the one in the table, else None.
    """

    def __init__(self, code: int, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def not_found(path: str) -> Refused:
    """Return the refusal for a resource that this account does not have."""
    return Refused(NOT_FOUND, f"The requested resource {path} was not found")


def invalid(name: str, rule: str) -> Refused:
    """Return the refusal for a parameter with a wrong value."""
    return Refused(INVALID_PARAMETER, f"Invalid parameter {name}: {rule}")
