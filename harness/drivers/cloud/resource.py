"""What the resources of all APIs have in common at the near end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar
from urllib.parse import quote

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.cloud.transport import Json, Transport
from harness.errors import CloudError, TimeoutExpired

Self = TypeVar("Self", bound="CloudResource")
T = TypeVar("T")

SHORTEST_INTERVAL_NS = 100_000_000
LONGEST_INTERVAL_NS = 600 * NANOSECONDS


def form_of(values: Mapping[str, str | int | bool | None]) -> dict[str, str]:
    """Return parameters as they are written on the wire: names in CamelCase, booleans in lower case, None left out."""
    return {"".join(word.capitalize() for word in name.split("_")):
            str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in values.items() if value is not None}


def segment(key: str) -> str:
    """Return a key as one segment of a path."""
    return quote(key, safe="")


def poll(clock: Clock, ask: Callable[[], T | None], *, within: Duration, what: str, saw: Callable[[], str]) -> T:
    """Return the first true answer; ask at once and then at intervals that grow with the time that has passed.

    The API has no way to call us, so time passes in steps here, on a virtual clock too: a twentieth of the time waited
    so far, between 0.1 s and 10 min. A day costs some 300 questions.

    Raises:
        TimeoutExpired: there was none within the duration.
    """
    span = to_ns(within)
    start = clock.now()
    deadline = start + span
    while True:
        answer = ask()
        if answer:
            return answer
        left = deadline - clock.now()
        if left <= 0:
            raise TimeoutExpired(what, within=span / NANOSECONDS, saw=saw())
        interval = min(max((clock.now() - start) // 20, SHORTEST_INTERVAL_NS), LONGEST_INTERVAL_NS)
        clock.sleep(min(interval, left) / NANOSECONDS)


class CloudResource:
    """A resource as it was when last fetched; :meth:`refresh` fetches it again.

    Attributes:
        data: the JSON object as the API gave it.
    """

    collection: ClassVar[str] = ""

    def __init__(self, transport: Transport, root: str, data: Json) -> None:
        self._transport = transport
        self._root = root
        self.data = data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.sid!r}{self._shown()})"

    def _shown(self) -> str:
        """Return further facts for the representation."""
        return ""

    @property
    def sid(self) -> str:
        """The resource's SID."""
        return self._text("sid")

    @property
    def date_created(self) -> str:
        """When it was made: UTC, ISO 8601."""
        return self._text("date_created")

    @property
    def date_updated(self) -> str:
        """When it last changed: UTC, ISO 8601."""
        return self._text("date_updated")

    def refresh(self: Self) -> Self:
        """Fetch it again and return it.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer.
        """
        self.data = self._transport.get(self._url)
        return self

    @property
    def _url(self) -> str:
        return f"{self._root}/v1/{self.collection}/{segment(self.sid)}"

    def _text(self, name: str) -> str:
        value = self.data.get(name)
        if not isinstance(value, str):
            raise CloudError(f"the API gave no {name} for a {type(self).__name__}: {value!r}")
        return value

    def _optional(self, name: str) -> str | None:
        value = self.data.get(name)
        return value if isinstance(value, str) else None


class StatusResource(CloudResource):
    """A resource with a status that moves by itself."""

    final: ClassVar[frozenset[str]] = frozenset()

    @property
    def status(self) -> str:
        """The status when it was last fetched."""
        return self._text("status")

    def wait_status(self: StatusSelf, *wanted: str, within: Duration = "60s") -> StatusSelf:
        """Wait until the status is one of ``wanted`` and return the resource.

        Raises:
            TimeoutExpired: it was none of them in time.
            CloudError: it is another one now, for good.
            ApiError, CloudUnreachable: as :meth:`refresh`.
        """

        def ask() -> bool:
            if self.refresh().status in wanted:
                return True
            if self.status in self.final:
                raise CloudError(f"{self!r} ended as '{self.status}', not as {' or '.join(map(repr, wanted))}")
            return False

        poll(self._transport.clock, ask, within=within, what=f"status {' or '.join(map(repr, wanted))} of {self.sid}",
             saw=lambda: f"status {self.status!r}")
        return self

    def _shown(self) -> str:
        return f", {self.status!r}"


StatusSelf = TypeVar("StatusSelf", bound=StatusResource)
