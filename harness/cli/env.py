"""``mvh env``: what programs of other people need in their environment to talk to a running stack."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer

from harness.cli.output import print_json


def env(
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Which stack, where several run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object of names and values.")] = False,
) -> None:
    """Print the variables by which unchanged clients find the cloud of a running `mvh up`.

    In a shell: eval "$(mvh env)". twilio-python, twilio-cli and curl then work as they are.
    """
    from harness.rig.doors import read_doors

    variables = client_variables(read_doors(stack))
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def client_variables(doors: dict[str, Any]) -> dict[str, str]:
    """Return names and values: credentials, the proxy, and the certificate under each name that clients look for."""
    proxy, ca_file = doors["tls"]["proxy"], doors["tls"]["ca_file"]
    return {
        "TWILIO_ACCOUNT_SID": doors["account_sid"],
        "TWILIO_AUTH_TOKEN": doors["auth_token"],
        # twilio-cli reads HTTP_PROXY; curl reads the first only in lower case
        "HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "https_proxy": proxy,
        "NO_PROXY": "localhost,127.0.0.1,::1", "no_proxy": "localhost,127.0.0.1,::1",
        "REQUESTS_CA_BUNDLE": ca_file, "CURL_CA_BUNDLE": ca_file, "SSL_CERT_FILE": ca_file,
        "NODE_EXTRA_CA_CERTS": ca_file,
    }
