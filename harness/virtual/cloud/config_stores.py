"""Microvisor's Configs and Secrets: what applications fetch by key, from the account's store or their Device's.

A key is 1 to 100 printable characters and stands once in a store; a value has up to 4,096 characters. The value of a
secret goes to boards and nowhere else: no response, journal entry or message holds it.
"""

from __future__ import annotations

from harness.virtual.cloud.account import Account
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import ConfigItem
from harness.virtual.cloud.refusals import Refused, invalid, not_found
from harness.virtual.cloud.store import Collection
from harness.virtual.uplink import ConfigKey

KEY_LENGTH = 100
VALUE_LENGTH = 4_096


class ConfigStores:
    """The Configs, or the Secrets, of one account and all its Devices.

    Args:
        name: ``Configs`` or ``Secrets``.
    """

    def __init__(self, account: Account, name: str) -> None:
        self._account = account
        self._name = name
        self.items: Collection[ConfigItem] = Collection(name, unique=("place",), indexed=("owner",), limit=100_000)

    def __repr__(self) -> str:
        return f"ConfigStores({self._name!r}, {len(self.items)})"

    def item(self, owner: str, key: str) -> ConfigItem:
        """Return an item of the store of an account or Device, given by its SID."""
        found = self.items.by("place", _place(owner, key))
        if found is None:
            raise not_found(f"/{self._name}/{key}")
        return found

    def create(self, owner: str, arguments: Arguments) -> ConfigItem:
        """Make an item."""
        key = arguments.required("Key")
        if not key.isprintable():
            raise invalid("Key", "must be printable")
        if self.items.by("place", _place(owner, key)) is not None:
            raise Refused(self._account.choices.duplicate, f"there is an item {key!r} in this store already")
        item = self.items.add(ConfigItem(**self._account.stamp("CV"), owner=owner, key=key, place=_place(owner, key),
                                         value=arguments.required("Value")))
        self._account.record(self._event("created"), device=owner, key=key)
        return item

    def update(self, owner: str, key: str, arguments: Arguments) -> ConfigItem:
        """Give an item another value."""
        item = self.items.change(self.item(owner, key), self._account.now(), value=arguments.required("Value"))
        self._account.record(self._event("updated"), device=owner, key=key)
        return item

    def delete(self, owner: str, key: str) -> None:
        """Forget an item."""
        self.items.remove(self.item(owner, key))
        self._account.record(self._event("deleted"), device=owner, key=key)

    def _event(self, what: str) -> str:
        return f"{self._name.lower().removesuffix('s')}_{what}"


def look_up(configs: ConfigStores, secrets: ConfigStores, account_sid: str, device_sid: str,
            key: ConfigKey) -> bytes | None:
    """Return the value that a board asks for, None if there is none."""
    store = secrets if key.secret else configs
    found = store.items.by("place", _place(device_sid if key.device_scope else account_sid, key.key))
    return None if found is None else found.value.encode()


def _place(owner: str, key: str) -> str:
    return f"{owner}/{key}"
