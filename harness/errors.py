"""Every error this project raises, in one tree that is split by who is to blame.

::

    HarnessError
    ├── CloudError                    the service refused or failed
    │   ├── ApiError                  it answered, and the answer was an error body
    │   │   ├── AccessDenied          who asks, or may not ask for this     (HTTP 401, 403)
    │   │   ├── NotFound              there is no such resource             (HTTP 404)
    │   │   ├── Conflict              something else is in the way          (HTTP 409)
    │   │   ├── TooManyRequests       not now                               (HTTP 429)
    │   │   └── ServiceFailed         it broke, or is not available         (HTTP 5xx)
    │   └── CloudUnreachable          it did not answer            (also ConnectionError)
    ├── DeviceError                   a modem or a board broke its contract
    │   ├── ModemError
    │   │   ├── CommandFailed         a final result other than OK
    │   │   └── PortLost              the serial port went away    (also ConnectionError)
    │   └── BoardError
    │       ├── ProbeError            no debug probe, or it refused
    │       └── BoardFault            the application faulted or locked up
    │           └── ApplicationHung   it executes and gets nowhere   (also TimeoutExpired)
    ├── TimeoutExpired                something awaited did not happen  (also TimeoutError)
    ├── UsageError                    the caller's code or files broke a rule  (also ValueError)
    │   ├── RigFileError              a rig description is wrong
    │   ├── PortTaken                 an address or port is in use already
    │   ├── StoreError                a state folder can't be used
    │   │   ├── StoreLocked           another process has it open
    │   │   ├── StoreTooNew           a later release wrote it
    │   │   └── StoreCorrupted        it is damaged, or no store at all
    │   └── FormatError               bytes or text that are not what they claim to be
    │       ├── AtSyntaxError         a command line outside the AT grammar
    │       ├── PduError              an SMS TPDU or one of its fields
    │       ├── CardFileError         what a file of a SIM card holds, or should hold
    │       ├── BundleError           an application bundle
    │       ├── ElfError              an ELF image
    │       └── SidError              a resource identifier
    └── InternalError                 we broke our own rules: please report it  (also RuntimeError)

Catch at the height you need. Messages state the rule that was broken; facts are attributes too.
"""

from __future__ import annotations


class HarnessError(Exception):
    """Anything this project raises on purpose."""


class CloudError(HarnessError):
    """The cloud service refused or failed."""


class ApiError(CloudError):
    """An error body from one of the REST APIs.

    Attributes:
        status: HTTP status of the response.
        code: the API's own error code, 0 where the body carried none.
        more_info: address of the documentation page, or an empty string.
    """

    def __init__(self, message: str, *, status: int, code: int = 0, more_info: str = "") -> None:
        super().__init__(f"{message} (HTTP {status}, code {code})" if code else f"{message} (HTTP {status})")
        self.message = message
        self.status = status
        self.code = code
        self.more_info = more_info

    @staticmethod
    def of(message: str, *, status: int, code: int = 0, more_info: str = "") -> ApiError:
        """Return the error of the class that goes with an HTTP status."""
        kind = ServiceFailed if status >= 500 else _BY_STATUS.get(status, ApiError)
        return kind(message, status=status, code=code, more_info=more_info)


class AccessDenied(ApiError):
    """The credentials are wrong, or don't permit this."""


class NotFound(ApiError):
    """The account has no such resource."""


class Conflict(ApiError):
    """It does not go together with something that is there, or under way."""


class TooManyRequests(ApiError):
    """Too much was asked for in too short a time."""


class ServiceFailed(ApiError):
    """The service has a fault of its own."""


_BY_STATUS: dict[int, type[ApiError]] = {401: AccessDenied, 403: AccessDenied, 404: NotFound, 409: Conflict,
                                         429: TooManyRequests}


class CloudUnreachable(CloudError, ConnectionError):
    """No answer from the service: name not resolved, connection refused or lost."""


class DeviceError(HarnessError):
    """A modem or a board broke its contract."""


class ModemError(DeviceError):
    """A modem did something the AT contract does not allow, or refused."""


class CommandFailed(ModemError):
    """An AT command ended in a final result other than OK.

    Attributes:
        command: the command line as it was sent, without the carriage return.
        result: the final result line, e.g. ``ERROR`` or ``+CME ERROR: 30``.
        code: the CME or CMS number, None where the result has none.
    """

    def __init__(self, command: str, result: str, *, code: int | None = None) -> None:
        super().__init__(f"{command!r} was answered with {result!r}")
        self.command = command
        self.result = result
        self.code = code


class PortLost(ModemError, ConnectionError):
    """The serial port hung up or disappeared while it was open."""


class BoardError(DeviceError):
    """A board, or the way to it, does not do what it must."""


class ProbeError(BoardError):
    """There is no such debug probe, it is busy, or it refused an operation."""


class BoardFault(BoardError):
    """The application on the board faulted, locked up or hangs."""


class TimeoutExpired(HarnessError, TimeoutError):
    """Something that was awaited did not happen before the deadline.

    Attributes:
        what: what was awaited.
        within: how long, in seconds of the clock that was waited on.
        saw: what was there instead, in words; empty if nothing.
    """

    def __init__(self, what: str, *, within: float, saw: str = "") -> None:
        super().__init__(f"waited {within:g} s for {what}" + (f"; saw instead: {saw}" if saw else "; saw nothing"))
        self.what = what
        self.within = within
        self.saw = saw


class ApplicationHung(BoardFault, TimeoutExpired):
    """A wait ended in vain because the application hangs: it executes, with interrupts masked, in one place.

    Attributes:
        where: the place and the masks, in words.
    """

    def __init__(self, where: str, expired: TimeoutExpired) -> None:
        TimeoutExpired.__init__(self, expired.what, within=expired.within, saw=f"{where}; {expired.saw}".strip("; "))
        self.where = where


class UsageError(HarnessError, ValueError):
    """The caller's code or files broke a rule; the message states the rule."""


class RigFileError(UsageError):
    """A rig description is wrong: the message names file, key and allowed values."""


class PortTaken(UsageError):
    """An address, port or link name is in use by somebody else."""


class StoreError(UsageError):
    """A folder that is to hold the state of a virtual cloud can't be used; nothing in it was changed."""


class StoreLocked(StoreError):
    """Another process has the store open."""


class StoreTooNew(StoreError):
    """A later release wrote the store."""


class StoreCorrupted(StoreError):
    """The store is damaged, or no store of ours at all."""


class FormatError(UsageError):
    """Bytes or text that are not what they claim to be."""


class AtSyntaxError(FormatError):
    """A line outside the AT command grammar (ITU-T V.250 clause 5)."""


class PduError(FormatError):
    """An SMS TPDU, or one of its fields, is malformed (3GPP TS 23.040 clause 9)."""


class CardFileError(FormatError):
    """A record or body of a SIM card's file is malformed, or can't hold what it should (3GPP TS 31.102 clause 4)."""


class BundleError(FormatError):
    """An application bundle is malformed or does not hold what its manifest says."""


class ElfError(FormatError):
    """An ELF file is malformed or not for this board."""


class SidError(FormatError):
    """A string is not a resource identifier of the expected kind."""


class InternalError(HarnessError, RuntimeError):
    """One of our own invariants does not hold. This is a bug of ours: please report it."""
