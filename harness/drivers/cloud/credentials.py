"""Who we are to the cloud, and where it is."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import UsageError
from harness.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """User name and password for HTTP Basic: an account SID with its auth token, or an API key SID with its secret.

    >>> Credentials(user="AC" + 32 * "0", password="hidden")
    Credentials(user='AC00000000000000000000000000000000')
    """

    user: str
    password: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Credentials:
        """Return the API key of ``TWILIO_API_KEY`` and ``TWILIO_API_SECRET``, or else the account.

        An account is named by ``TWILIO_ACCOUNT_SID`` and ``TWILIO_AUTH_TOKEN``.

        Raises:
            UsageError: neither pair is set.
        """
        variables = os.environ if environment is None else environment
        for user, password in (("TWILIO_API_KEY", "TWILIO_API_SECRET"), ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")):
            if variables.get(user) and variables.get(password):
                return cls(user=variables[user], password=variables[password])
        raise UsageError("set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET")

    @classmethod
    def from_keyring(cls, service: str, user: str) -> Credentials:
        """Return the credentials that the keyring of this desktop has for a user of a service.

        Raises:
            UsageError: the package ``keyring`` is not installed, or it has none.
        """
        try:
            keyring = importlib.import_module("keyring")
        except ImportError:
            raise UsageError("install the package 'keyring' to take credentials from the desktop's keyring") from None
        password = keyring.get_password(service, user)
        if not password:
            raise UsageError(f"the keyring has no password of {user} for {service!r}: keyring set {service} {user}")
        return cls(user=user, password=password)

    def hide_in(self, journal: Journal) -> None:
        """Keep the password out of everything a journal is told from now on."""
        journal.redact(self.password)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudUrls:
    """Roots of the four hosts, without ``/v1``. By default the real service."""

    supersim: str = "https://supersim.twilio.com"
    wireless: str = "https://wireless.twilio.com"
    microvisor: str = "https://microvisor.twilio.com"
    upload: str = "https://microvisor-upload.twilio.com"
    token: str | None = None
    """Where client id and secret are exchanged for a bearer token; None: HTTP Basic serves for everything."""


KORE_URLS = CloudUrls(supersim="https://supersim.api.korewireless.com",
                      wireless="https://programmable-wireless.api.korewireless.com",
                      token="https://api.korewireless.com/api-services/v1/auth/token")
"""The same services at KORE. Microvisor has no host there."""
