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

SIM_PARAMETER_MISSING = 83001
SIM_NOT_REGISTRABLE = 83002
SIM_ALREADY_YOURS = 83003
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

STATUS: Mapping[int, int] = MappingProxyType({
    UNKNOWN_PARAMETER: 400, AUTHENTICATION: 401, METHOD_NOT_ALLOWED: 405, PAGE_SIZE: 400, FORBIDDEN: 403,
    NOT_FOUND: 404, CONFLICT: 409, TOO_LARGE: 413, INVALID_PARAMETER: 400, INTERNAL: 500,
    SIM_PARAMETER_MISSING: 400, SIM_NOT_REGISTRABLE: 400, SIM_ALREADY_YOURS: 409, SIM_NOT_FOUND: 404,
    FLEET_NOT_FOUND: 404, SIM_NEEDS_FLEET: 400, SIM_KEEPS_FLEET: 400, SIM_FLEET_BUSY: 409, SIM_STATUS_MOVE: 400,
    SIM_NAME_TAKEN: 409,
})
"""HTTP status per error code. The catalogue gives codes only: 20xxx follow their names, the 83xxx are chosen."""


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
