"""Super SIM's networks and the profiles that say which of them a Fleet may use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.drivers.cloud.resource import CloudResource, form_of, segment
from harness.drivers.cloud.transport import Transport


class Network(CloudResource):
    """A cellular network that cards can use."""

    collection = "Networks"

    @property
    def friendly_name(self) -> str:
        """Its name."""
        return self._text("friendly_name")

    @property
    def iso_country(self) -> str:
        """Where it is: two letters."""
        return self._text("iso_country")

    @property
    def plmns(self) -> tuple[str, ...]:
        """Its PLMNs: MCC and MNC in digits."""
        identifiers = self.data.get("identifiers") or ()
        return tuple(f"{item['mcc']}{item['mnc']}" for item in identifiers)

    def _shown(self) -> str:
        return f", {self.data.get('friendly_name')!r}"


class Networks:
    """All networks there are."""

    def __init__(self, transport: Transport, root: str) -> None:
        self._transport = transport
        self._root = root

    def __repr__(self) -> str:
        return f"Networks({self._root!r})"

    def __iter__(self) -> Iterator[Network]:
        return self.find()

    def find(self, **filters: str) -> Iterator[Network]:
        """Give networks; filters: ``iso_country``, ``mcc``, ``mnc``."""
        for data in self._transport.pages(f"{self._root}/v1/Networks", "networks", form_of(filters)):
            yield Network(self._transport, self._root, data)

    def get(self, sid: str) -> Network:
        """Return a network.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return Network(self._transport, self._root, self._transport.get(f"{self._root}/v1/Networks/{segment(sid)}"))


class NetworkAccessProfile(CloudResource):
    """Networks that the Sims of a Fleet may use."""

    collection = "NetworkAccessProfiles"

    @property
    def unique_name(self) -> str | None:
        """Its name, if it has one."""
        return self._optional("unique_name")

    def rename(self, unique_name: str) -> NetworkAccessProfile:
        """Give it a name and return it.

        Raises:
            ApiError: the name is taken or malformed.
            CloudUnreachable: there was no answer; it may have changed nevertheless.
        """
        self.data = self._transport.post(self._url, {"UniqueName": unique_name})
        return self

    def networks(self) -> Iterator[Network]:
        """Give the networks in it."""
        for data in self._transport.pages(f"{self._url}/Networks", "networks"):
            yield Network(self._transport, self._root, data)

    def network(self, sid: str) -> Network:
        """Return a network in it.

        Raises:
            ApiError: it is not in it.
            CloudUnreachable: there was no answer.
        """
        return Network(self._transport, self._root, self._transport.get(f"{self._url}/Networks/{segment(sid)}"))

    def allow(self, network: Network | str) -> None:
        """Put a network in.

        Raises:
            ApiError: there is no such network, or it is in already.
            CloudUnreachable: there was no answer; it may have been put in nevertheless.
        """
        self._transport.post(f"{self._url}/Networks", {"Network": _sid(network)})

    def disallow(self, network: Network | str) -> None:
        """Take a network out.

        Raises:
            ApiError: it is not in it.
            CloudUnreachable: there was no answer.
        """
        self._transport.delete(f"{self._url}/Networks/{segment(_sid(network))}")


class NetworkAccessProfiles:
    """The network access profiles of the account."""

    def __init__(self, transport: Transport, root: str) -> None:
        self._transport = transport
        self._root = root

    def __repr__(self) -> str:
        return f"NetworkAccessProfiles({self._root!r})"

    def __iter__(self) -> Iterator[NetworkAccessProfile]:
        url = f"{self._root}/v1/NetworkAccessProfiles"
        for data in self._transport.pages(url, "network_access_profiles"):
            yield NetworkAccessProfile(self._transport, self._root, data)

    def get(self, key: str) -> NetworkAccessProfile:
        """Return a profile by SID or unique name.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return NetworkAccessProfile(self._transport, self._root, self._transport.get(
            f"{self._root}/v1/NetworkAccessProfiles/{segment(key)}"))

    def create(self, *, unique_name: str | None = None, networks: Sequence[Network | str] = ()) -> NetworkAccessProfile:
        """Make a profile with these networks in it.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer; it may have been made nevertheless.
        """
        form: dict[str, str | Sequence[str]] = {**form_of({"unique_name": unique_name})}
        if networks:
            form["Networks"] = [_sid(network) for network in networks]
        return NetworkAccessProfile(self._transport, self._root,
                                    self._transport.post(f"{self._root}/v1/NetworkAccessProfiles", form))


def _sid(network: Network | str) -> str:
    return network if isinstance(network, str) else network.sid
