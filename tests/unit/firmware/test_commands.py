"""`mvh firmware` and `mvh bundle`, as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner, Result

from harness.cli import bundle as bundle_commands
from harness.cli import firmware as firmware_commands
from harness.errors import BundleError, ElfError, HarnessError, UsageError
from harness.firmware import find_toolchain, fixture, fixture_names
from harness.formats.bundle import Bundle, BundleRejected, Rule, key_id, public_point_from_pem

ELF = fixture("heartbeat").elf


def firmware(*arguments: str | Path) -> Result:
    return CliRunner().invoke(firmware_commands.app, [str(argument) for argument in arguments])


def bundle(*arguments: str | Path) -> Result:
    return CliRunner().invoke(bundle_commands.app, [str(argument) for argument in arguments])


def error(result: Result) -> HarnessError:
    assert isinstance(result.exception, HarnessError), result.output
    return result.exception


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def test_list() -> None:
    lines = firmware("list").output.splitlines()
    assert [line.split()[0] for line in lines] == list(fixture_names())


def test_list_for_machines() -> None:
    entries = [json.loads(line) for line in firmware("list", "--json").output.splitlines()]
    assert [entry["name"] for entry in entries] == list(fixture_names())
    assert all(Path(entry["elf"]).is_file() and Path(entry["bundle"]).is_file() for entry in entries)


def test_build_and_check(tmp_path: Path) -> None:
    try:
        compiler = find_toolchain("zig")
    except UsageError as reason:
        pytest.skip(str(reason))
    built = firmware("build", "heartbeat", "--toolchain", "zig", "--out", tmp_path)
    assert built.exit_code == 0, built.output
    checked = firmware("build", "heartbeat", "--toolchain", "zig", "--check")
    assert checked.exit_code == 0, checked.output
    if compiler.is_reference:
        assert (tmp_path / "heartbeat" / "heartbeat.elf").read_bytes() == ELF.read_bytes()
        assert "ok heartbeat: same bytes" in checked.output


def test_another_compiler_does_not_replace_the_prebuilt_images() -> None:
    try:
        find_toolchain("gcc")
    except UsageError as reason:
        pytest.skip(str(reason))
    assert isinstance(error(firmware("build", "heartbeat", "--toolchain", "gcc")), UsageError)


def test_build_of_nothing_known() -> None:
    assert "there is no firmware fixture 'none-such'" in str(error(firmware("build", "none-such", "--check")))


def test_create_inspect_verify(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    private, public = keys
    out = tmp_path / "app.zip"
    created = bundle("create", ELF, "-o", out, "--debug-auth-pubkey", public, "--signing-key", private,
                     "--connection-grace-time", "5", "--minimum-check-in-time", "3600")
    assert created.exit_code == 0, created.output
    point = public_point_from_pem(public.read_bytes())

    facts = json.loads(bundle("inspect", out, "--json").output)
    assert facts["app_hash"] == Bundle.read(out.read_bytes()).app_hash
    assert facts["signer_id"] == f"0x{key_id(point):016x}"
    assert facts["debug"] == {"debuggable": False, "auth_public_key": point.hex()}
    assert facts["connectivity"] == {"grace_time_s": 5, "minimum_check_in_s": 3600}
    assert facts["layers"][0]["region"] == "internal flash 0x0 to 0x100000"
    assert "minimum check in s 3600" in bundle("inspect", out).output

    verified = bundle("verify", out, "--signer", public, "--require-signature", "--elf", ELF)
    assert verified.exit_code == 0, verified.output
    assert "holds" in verified.output
    assert "not checked without --signer" in bundle("verify", out).output


def test_crash_policy_goes_into_the_manifest(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    out = tmp_path / "app.zip"
    assert bundle("create", ELF, "-o", out, "--crash-minimum-restart", "500", "--crash-maximum-restart", "4000",
                  "--crash-stack-bytes", "256", "--crash-report-pubkey", keys[1]).exit_code == 0
    crash = json.loads(bundle("inspect", out, "--json").output)["crash"]
    assert crash.pop("report_public_key").startswith("04")
    assert crash == {"minimum_restart_ms": 500, "maximum_restart_ms": 4000, "stack_bytes": 256}
    assert bundle("create", ELF, "-o", out).exit_code == 0
    assert json.loads(bundle("inspect", out, "--json").output)["crash"] is None


def test_create_without_options_is_the_prebuilt_bundle(tmp_path: Path) -> None:
    out = tmp_path / "app.zip"
    assert bundle("create", ELF, "-o", out).exit_code == 0
    assert Bundle.read(out.read_bytes()) == Bundle.read(fixture("heartbeat").bundle.read_bytes())
    assert "unsigned" in bundle("verify", out).output


def test_create_from_a_raw_image(tmp_path: Path) -> None:
    raw, out = tmp_path / "app.bin", tmp_path / "app.zip"
    raw.write_bytes(b"raw image")
    assert bundle("create", raw, "-o", out).exit_code == 0
    assert Bundle.read(out.read_bytes()).rom() == b"raw image"


def test_verify_against_another_elf() -> None:
    refused = error(bundle("verify", fixture("heartbeat").bundle, "--elf", fixture("tasks").elf))
    assert isinstance(refused, BundleRejected)
    assert refused.rule is Rule.LAYER_HASH


def test_bad_files(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    junk, out = tmp_path / "junk", tmp_path / "out.zip"
    junk.write_bytes(b"junk")
    assert isinstance(error(bundle("create", junk, "-o", out)), ElfError)
    assert isinstance(error(bundle("verify", junk)), BundleError)
    assert isinstance(error(bundle("inspect", junk)), BundleError)
    assert "can't read" in str(error(bundle("inspect", tmp_path / "missing")))
    assert "can't write" in str(error(bundle("create", ELF, "-o", tmp_path / "no" / "such" / "folder.zip")))
    assert "junk is not a public key" in str(error(bundle("create", ELF, "-o", out, "--debug-auth-pubkey", junk)))
    assert "signing key is not" in str(error(bundle("create", ELF, "-o", out, "--signing-key", keys[1])))
    assert not out.exists()
