"""``mvh keys``: key pairs for bundles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.cli.output import console
from harness.errors import UsageError

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Key pairs for bundles."""


@app.command()
def generate(
    private: Annotated[Path, typer.Option("--private", "--debug-auth-privkey", metavar="FILE",
                                          help="Gets the private key (PEM), for your eyes only.")],
    public: Annotated[Path, typer.Option("--public", "--debug-auth-pubkey", metavar="FILE",
                                         help="Gets the public key (PEM).")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Make a P-256 key pair, for `mvh bundle create --debug-auth-pubkey` or `--signing-key`."""
    from harness.formats.bundle import SigningKey

    there = [str(path) for path in (private, public) if path.exists()]
    if there and not force:
        raise UsageError(f"{' and '.join(there)} would be overwritten: choose other names, or --force")
    key = SigningKey.generate()
    _write(private, key.private_pem(), 0o600)
    _write(public, key.public_pem(), 0o644)
    console().print(f"private key {escape(str(private))}, public key {escape(str(public))}, "
                    f"id 0x{key.key_id:016x}")


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file in one step, with its mode from the first byte on."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror or error}") from None
