"""What a dialect wants to hear of, beside its sockets, to tell the client in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem


class Watcher:
    """Hears what happens to one modem; a dialect overrides what its maker has a word for."""

    def __init__(self, modem: VirtualModem) -> None:
        self.modem = modem

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.modem.name!r})"

    def sim_changed(self, inserted: bool) -> None:
        """A card was put in or pulled out while the module is on."""

    def sim_ready(self) -> None:
        """The card asks for nothing any more."""

    def service_changed(self, served: bool) -> None:
        """Service began or ended."""

    def cell_changed(self) -> None:
        """The module camps on another cell, or on none."""

    def messages_changed(self) -> None:
        """What the message stores hold is not what it was, or a message found no room."""

    def sleeping(self) -> None:
        """The module is about to enter power saving mode."""
