"""Names and addresses of the virtual internet: stable from run to run, never those of real hosts."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Container

from harness.errors import UsageError

NETWORK = ipaddress.IPv4Network("198.18.0.0/15")
"""Where hosts get their addresses from: set aside for tests of networks (RFC 2544), so nobody real has one."""

MAX_NAME = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def normal_name(name: str) -> str:
    """Return a host name, or dotted IPv4 address, in the form in which names are compared (RFC 1035, 2.3.3).

    Raises:
        UsageError: neither.
    """
    text = name.lower().removesuffix(".")
    if is_address(text):
        return text
    labels = text.split(".")
    if not text or len(text) > MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels) or (
            labels[-1].isdigit()):
        raise UsageError(f"not a host name: {name!r} (letters, digits and hyphens between dots, at most 253)")
    return text


def is_address(text: str) -> bool:
    """Return whether this is an IPv4 address in dotted form."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def address_for(name: str, taken: Container[str]) -> str:
    """Return an address for a name: always the same, unless another host has it."""
    if is_address(name):
        return name
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    size = NETWORK.num_addresses - 2
    for offset in range(size):
        address = str(NETWORK[1 + (number + offset) % size])
        if address not in taken:
            return address
    raise UsageError("the virtual internet is full")


def parse_endpoint(text: str) -> tuple[str, int | None]:
    """Return host and port of ``127.0.0.1:8080`` or ``localhost``; the port is None if there is none.

    Raises:
        UsageError: malformed.
    """
    host, colon, port = text.partition(":")
    if not colon:
        return normal_name(host), None
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UsageError(f"not an address: {text!r} (write '127.0.0.1:8080', or '127.0.0.1' for the same port)")
    return normal_name(host), int(port)
