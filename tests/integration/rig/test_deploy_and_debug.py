"""``mvh deploy`` and ``mvh debug`` beside a running ``mvh up``, and ``mvh keys``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from harness.formats.bundle import Bundle, public_point_from_pem
from tests.integration.rig.conftest import Stack

FIXTURES = Path(__file__).parents[3] / "firmware_fixtures"
HEARTBEAT = FIXTURES / "heartbeat" / "heartbeat.elf"


def test_an_elf_file_becomes_a_running_application(stack: Stack) -> None:
    process = stack.start("deploy", str(HEARTBEAT), "board-1", "--log", "--json")
    assert process.stdout is not None
    told = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert [line["step"] for line in told] == ["uploaded", "deploying", "running"]
    assert told[1]["device"] == stack.doors["boards"][0]["device_sid"]
    assert any("beat" in json.loads(process.stdout.readline())["text"] for _ in range(50))
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    process.stdout.close()


def test_what_cannot_be_deployed_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    broken = tmp_path / "broken.elf"
    broken.write_bytes(b"no image")
    for arguments, reason in (
            ((str(broken), "board-1"), "neither an ELF image"),
            ((str(HEARTBEAT), "nobody"), "was not found"),
            ((str(HEARTBEAT), "board-1", "--within", "soon"), "soon"),
            ((str(tmp_path / "none.elf"), "board-1"), "can't be read")):
        told = stack.mvh("deploy", *arguments)
        assert told.returncode == 2, told.stdout
        assert reason in told.stderr
        assert told.stdout == ""


@pytest.mark.skipif(shutil.which("gdb-multiarch") is None, reason="gdb-multiarch is not installed")
def test_gdb_attaches_as_it_did_to_the_tool_of_the_vendor(stack: Stack, tmp_path: Path) -> None:
    assert stack.mvh("deploy", str(HEARTBEAT), "board-1").returncode == 0
    # a key file was an argument of the vendor's tool: old launch files still name one
    process = stack.start("debug", stack.doors["boards"][0]["device_sid"], "debug_auth_priv_key.pem", "--port", "0")
    assert process.stdout is not None
    words = process.stdout.readline()
    assert words.startswith("GDB server listening on localhost:")
    port = words.split(":")[1].split()[0]
    script = ["set confirm off", f"target remote localhost:{port}", "tbreak main",
              "monitor reset halt", "continue", "backtrace", "next", "print $pc > 0x08000000", "detach"]
    done = subprocess.run(["gdb-multiarch", "-batch", "-nx", "-l", "10",
                           *(word for line in script for word in ("-ex", line)), str(HEARTBEAT)], check=False,
                          capture_output=True, text=True, timeout=90, env={**os.environ, "HOME": str(tmp_path)})
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    process.stdout.close()
    assert "#0  main" in done.stdout, done.stdout + done.stderr
    assert "$1 = 1" in done.stdout


def test_a_board_that_is_not_there(stack: Stack) -> None:
    told = stack.mvh("debug", "board-9")
    assert told.returncode == 2
    assert "no board 'board-9': there is board-1" in told.stderr
    told = stack.mvh("debug", "board-1", "--probe", "x")
    assert told.returncode == 2
    assert "not both" in told.stderr


def test_keys_are_made_and_not_overwritten(stack: Stack, tmp_path: Path) -> None:
    private, public, bundle = tmp_path / "key.pem", tmp_path / "pub.pem", tmp_path / "app.zip"
    arguments = ("keys", "generate", "--debug-auth-privkey", str(private), "--debug-auth-pubkey", str(public))
    assert stack.mvh(*arguments).returncode == 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = private.read_bytes()
    told = stack.mvh(*arguments)
    assert told.returncode == 2
    assert "would be overwritten" in told.stderr
    assert private.read_bytes() == before
    assert stack.mvh("bundle", "create", str(HEARTBEAT), "-o", str(bundle), "--debug-auth-pubkey", str(public),
                     "--signing-key", str(private)).returncode == 0
    point = public_point_from_pem(public.read_bytes())
    read = Bundle.read(bundle.read_bytes(), signers=[point])
    assert read.signer is not None
    assert read.manifest.app.debug is not None
    assert read.manifest.app.debug.auth_public_key == point
    assert stack.mvh(*arguments, "--force").returncode == 0
    assert private.read_bytes() != before
