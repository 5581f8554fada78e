"""``mvh bundle``: make application bundles, look into them, check them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from harness.cli.output import console, print_json
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.formats.bundle import Bundle

app = typer.Typer(no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_Signer = Annotated[list[Path] | None, typer.Option(
    "--signer", metavar="FILE", help="Public key (PEM) of a known signer; may be given several times.")]
_MAX_INPUT = 64 << 20


@app.command()
def create(
    image: Annotated[Path, typer.Argument(help="ELF file, or a raw flash image if it ends in .bin.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write.")],
    debug_auth_pubkey: Annotated[Path | None, typer.Option(help="Public key (PEM, P-256) of who may debug.")] = None,
    signing_key: Annotated[Path | None, typer.Option(help="Private key (PEM, P-256) that signs.")] = None,
    connection_grace_time: Annotated[int, typer.Option(metavar="SECONDS", min=0, max=0xFFFFFFFF)] = 0,
    minimum_check_in_time: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, max=0xFFFFFFFF, help="0: stay connected.")] = 0,
    minimum_kernel_version: Annotated[int, typer.Option(metavar="NUMBER", min=0, max=0xFFFFFFFF)] = 0,
    maximum_politeness_time: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, max=0xFFFFFFFF, help="How long updates may be put off.")] = 0,
    crash_minimum_restart: Annotated[
        int, typer.Option(metavar="MS", min=0, max=0xFFFFFFFF, help="Delay before the first restart.")] = 0,
    crash_maximum_restart: Annotated[
        int, typer.Option(metavar="MS", min=0, max=0xFFFFFFFF, help="Delay that restarts double up to.")] = 0,
    crash_stack_bytes: Annotated[
        int, typer.Option(metavar="BYTES", min=0, max=0xFFFFFFFF, help="Stack in crash reports.")] = 0,
    crash_report_pubkey: Annotated[
        Path | None, typer.Option(help="Public key (PEM, P-256) that crash reports are encrypted for.")] = None,
) -> None:
    """Make a bundle of an application."""
    from harness.formats.bundle import (
        Bundle,
        BundleOptions,
        CrashPolicy,
        SigningKey,
        create_bundle,
        public_point_from_pem,
    )
    from harness.formats.elf import ElfImage

    data = _read(image)
    rom = data if image.suffix == ".bin" else ElfImage.read(data).rom()
    report_key = crash_report_pubkey
    crash = CrashPolicy(
        minimum_restart_ms=crash_minimum_restart, maximum_restart_ms=crash_maximum_restart,
        stack_bytes=crash_stack_bytes,
        report_public_key=public_point_from_pem(_read(report_key), f"{report_key}") if report_key else b"")
    options = BundleOptions(
        crash=crash if crash != CrashPolicy() else None,  # the vendor's bundler writes no policy that says nothing
        debug_auth_public_key=(public_point_from_pem(_read(debug_auth_pubkey), f"{debug_auth_pubkey}")
                               if debug_auth_pubkey else None),
        signing_key=SigningKey.from_pem(_read(signing_key)) if signing_key else None,
        connection_grace_time_s=connection_grace_time, minimum_check_in_time_s=minimum_check_in_time,
        minimum_kernel_version=minimum_kernel_version, maximum_politeness_time_s=maximum_politeness_time)
    bundle = create_bundle(rom, options=options)
    try:
        output.write_bytes(bundle)
    except OSError as error:
        raise UsageError(f"can't write {output}: {error.strerror}") from error
    console().print(f"{escape(str(output))}: {len(rom)} bytes of flash, app hash {Bundle.read(bundle).app_hash}")


@app.command()
def inspect(file: Path, as_json: _Json = False) -> None:
    """Show what a bundle holds, after checking it."""
    from harness.formats.bundle import Bundle

    facts = _facts(Bundle.read(_read(file)))
    if as_json:
        print_json(facts)
        return
    out = console()
    for name, value in facts.items():
        if name != "layers":
            out.print(f"{name.replace('_', ' '):<14} {_words(value)}")
    for number, layer in enumerate(facts["layers"]):
        out.print(f"[bold]layer {number}[/bold]")
        for name, value in layer.items():
            out.print(f"  {name.replace('_', ' '):<14} {value}")


@app.command()
def verify(
    file: Path,
    signer: _Signer = None,
    require_signature: Annotated[bool, typer.Option("--require-signature", help="Refuse an unsigned bundle.")] = False,
    elf: Annotated[Path | None, typer.Option(help="ELF file the bundle must have been made of.")] = None,
) -> None:
    """Check every rule of the format; exit code 2 and the broken rule if one is."""
    from harness.formats.bundle import Bundle, BundleRejected, Rule, public_point_from_pem
    from harness.formats.elf import ElfImage

    signers = [public_point_from_pem(_read(path), str(path)) for path in signer or ()]
    bundle = Bundle.read(_read(file), signers=signers, require_signature=require_signature)
    if elf is not None and bundle.rom() != ElfImage.read(_read(elf)).rom():
        raise BundleRejected(Rule.LAYER_HASH, f"{file} was not made of {elf}: the flash images differ")
    signature = "unsigned"
    if bundle.manifest.signature:
        by = f"by key 0x{bundle.manifest.signer_id:016x}"
        signature = f"signed {by}, not checked without --signer"
        if bundle.signer is not None:
            signature = f"signature {by} holds"
    console().print(f"[green]ok[/green] {escape(str(file))}: {signature}, app hash {bundle.app_hash}")


def _facts(bundle: Bundle) -> dict[str, Any]:
    app_body = bundle.manifest.app
    return {
        "app_hash": bundle.app_hash,
        "signer_id": f"0x{bundle.manifest.signer_id:016x}" if bundle.manifest.signature else None,
        "debug": app_body.debug and {"debuggable": app_body.debug.debuggable,
                                     "auth_public_key": app_body.debug.auth_public_key.hex()},
        "crash": app_body.crash and {"minimum_restart_ms": app_body.crash.minimum_restart_ms,
                                     "maximum_restart_ms": app_body.crash.maximum_restart_ms,
                                     "report_public_key": app_body.crash.report_public_key.hex(),
                                     "stack_bytes": app_body.crash.stack_bytes},
        "update": app_body.update and {"maximum_politeness_s": app_body.update.maximum_politeness_s,
                                       "minimum_kernel_version": app_body.update.minimum_kernel_version},
        "connectivity": app_body.connectivity and {
            "grace_time_s": app_body.connectivity.grace_time_s,
            "minimum_check_in_s": app_body.connectivity.minimum_check_in_s},
        "layers": [{"region": str(layer.region), "size": len(layer.content), "sha256": layer.digest,
                    "measurement": layer.reference.measurement_hash.hex()} for layer in bundle.layers],
    }


def _words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {item}" for name, item in value.items() if item != "")
    return str(value)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_INPUT + 1)
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from error
    if len(data) > _MAX_INPUT:
        raise UsageError(f"{path} has more than {_MAX_INPUT} bytes")
    return data
