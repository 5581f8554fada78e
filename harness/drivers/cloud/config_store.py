"""Microvisor's Configs and Secrets, of the account or of a Device, as mappings from key to value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.drivers.cloud.resource import segment
from harness.drivers.cloud.transport import Json, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigItem:
    """One item.

    Attributes:
        value: None for a secret, which the API never tells.
        changed: when it got this value: UTC, ISO 8601.
    """

    key: str
    value: str | None
    changed: str


class ConfigStore:
    """The items of one store.

    Args:
        url: of the collection.
        key: how the API calls its list: ``configs`` or ``secrets``.
    """

    def __init__(self, transport: Transport, url: str, key: str) -> None:
        self._transport = transport
        self._url = url
        self._key = key

    def __repr__(self) -> str:
        return f"ConfigStore({self._url!r})"

    def __iter__(self) -> Iterator[ConfigItem]:
        for data in self._transport.pages(self._url, self._key):
            yield _item(data)

    def get(self, key: str) -> ConfigItem:
        """Return an item.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return _item(self._transport.get(f"{self._url}/{segment(key)}"))

    def create(self, key: str, value: str) -> ConfigItem:
        """Make an item.

        Raises:
            ApiError: there is one of this key, or key or value is too long.
            CloudUnreachable: there was no answer; it may have been made nevertheless.
        """
        self._hide(value)
        return _item(self._transport.post(self._url, {"Key": key, "Value": value}))

    def update(self, key: str, value: str) -> ConfigItem:
        """Give an item another value.

        Raises:
            ApiError: there is none of this key, or the value is too long.
            CloudUnreachable: there was no answer; it may have changed nevertheless.
        """
        self._hide(value)
        return _item(self._transport.post(f"{self._url}/{segment(key)}", {"Value": value}))

    def delete(self, key: str) -> None:
        """Delete an item.

        Raises:
            ApiError: there is none of this key.
            CloudUnreachable: there was no answer.
        """
        self._transport.delete(f"{self._url}/{segment(key)}")

    def _hide(self, value: str) -> None:
        if self._key == "secrets" and len(value) >= 8:  # shorter ones would blot out half of every journal
            self._transport.journal.redact(value)


def _item(data: Json) -> ConfigItem:
    return ConfigItem(key=data["key"], value=data.get("value"),
                      changed=data.get("date_updated") or data.get("date_rotated") or "")
