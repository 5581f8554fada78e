"""Unchanged clients that know only the services' own host names, by what ``mvh env`` prints and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environment import MVH, Stack, clean_environment, install


def test_the_shell_form_says_the_same(stack: Stack) -> None:
    shell = f'eval "$({sys.executable} -m harness.cli env)"; env'
    clean = clean_environment(stack.runtime)
    printed = subprocess.run(["sh", "-c", shell], env=clean, capture_output=True, text=True, check=True).stdout
    exported = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "HTTPS_PROXY", "REQUESTS_CA_BUNDLE"):
        assert exported[name] == stack.environment[name]


def test_files_are_for_nobody_elses_eyes(stack: Stack) -> None:
    folder = Path(stack.doors["tls"]["ca_file"]).parent
    assert folder.stat().st_mode & 0o077 == 0
    for name in ("server.key", "doors.json"):
        assert (folder / name).stat().st_mode & 0o077 == 0


_TWILIO = """
import json, os, sys
if len(sys.argv) > 1: sys.path.insert(0, sys.argv[1])
import twilio
from twilio.rest import Client
client = Client()  # credentials from the environment, hosts as they are
for api, url in json.loads(os.environ.get("BASE_URLS", "{}")).items():
    if hasattr(client, api): getattr(client, api).base_url = url
sims = client.supersim.v1.sims.list()
command = client.supersim.v1.sms_commands.create(sim=sims[0].sid, payload="hello")
print(json.dumps({"version": twilio.__version__, "sid": sims[0].sid, "url": sims[0].url, "command": command.sid,
                  "wireless": len(client.wireless.v1.rate_plans.list()),
                  "devices": [device.unique_name for device in client.microvisor.v1.devices.list()]
                  if hasattr(client, "microvisor") else None}))
"""


def _by_base_url(stack: Stack) -> dict[str, str]:
    return {"BASE_URLS": json.dumps(stack.doors["urls"]), "HTTPS_PROXY": "", "HTTP_PROXY": "", "https_proxy": ""}


def test_twilio_python_with_all_three_apis(stack: Stack) -> None:
    pytest.importorskip("twilio", reason="the PyPI package twilio is not installed")
    local = stack.doors["urls"]["supersim"]
    for variables, root in (({}, "https://supersim.twilio.com"), (_by_base_url(stack), local)):
        done = stack.run(sys.executable, "-c", _TWILIO, **variables)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["sid"] == stack.doors["modems"][0]["sim_sid"]
        assert told["url"] == f"{root}/v1/Sims/{told['sid']}"
        assert told["devices"] == [stack.doors["boards"][0]["name"]]


def test_the_newest_twilio_python(stack: Stack, tmp_path: Path) -> None:
    install("the newest twilio", sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path),
             "twilio>=9.13")
    for variables in ({}, _by_base_url(stack)):
        done = stack.run(sys.executable, "-c", _TWILIO, str(tmp_path), **variables)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert tuple(map(int, told["version"].split(".")[:2])) >= (9, 13)
        assert told["sid"] == stack.doors["modems"][0]["sim_sid"]
        assert told["devices"] is None  # that version has no Microvisor any more


def test_curl(stack: Stack) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    user = f"{stack.doors['account_sid']}:{stack.doors['auth_token']}"
    done = stack.run(curl, "-sS", "-u", user, "https://supersim.twilio.com/v1/Sims?PageSize=1")
    assert done.returncode == 0, done.stderr
    meta = json.loads(done.stdout)["meta"]
    assert meta["url"].startswith("https://supersim.twilio.com/v1/Sims?")
    elsewhere = stack.run(curl, "-sS", "https://example.com/")
    assert elsewhere.returncode != 0
    assert "403" in elsewhere.stderr
    port = stack.doors["tls"]["https"].rpartition(":")[2]
    direct = stack.run(curl, "-sS", "-u", user, "--noproxy", "*", "--connect-to",
                       f"wireless.twilio.com:443:127.0.0.1:{port}", "https://wireless.twilio.com/v1/RatePlans")
    assert json.loads(direct.stdout)["meta"]["key"] == "rate_plans"


def test_kore_by_bearer_token(stack: Stack) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    form = ("-d", "grant_type=client_credentials", "-d", f"client_id={stack.doors['account_sid']}", "-d")
    url = "https://api.korewireless.com/api-services/v1/auth/token"
    wrong = json.loads(stack.run(curl, "-sS", *form, "client_secret=wrong", url).stdout)
    assert wrong["error"] == "invalid_client"
    told = json.loads(stack.run(curl, "-sS", *form, f"client_secret={stack.doors['auth_token']}", url).stdout)
    assert told["token_type"] == "Bearer"
    for host, path in (("supersim.api.korewireless.com", "Sims"),
                       ("programmable-wireless.api.korewireless.com", "RatePlans")):
        done = stack.run(curl, "-sS", "-H", f"Authorization: Bearer {told['access_token']}",
                         f"https://{host}/v1/{path}")
        assert json.loads(done.stdout)["meta"]["url"].startswith(f"https://{host}/v1/{path}")
    forged = stack.run(curl, "-sS", "-H", f"Authorization: Bearer {told['access_token'][:-1]}x",
                       "https://supersim.api.korewireless.com/v1/Sims")
    assert json.loads(forged.stdout)["code"] == 20003


def test_no_stack_is_a_clear_error(tmp_path: Path) -> None:
    done = subprocess.run([*MVH, "env"], env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "start one with 'mvh up'" in done.stderr


def test_twilio_cli(stack: Stack, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not installed")
    install("twilio-cli", npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tmp_path),
             "twilio-cli@6.2.4")
    twilio = tmp_path / "node_modules" / ".bin" / "twilio"

    def run(*arguments: str) -> Any:
        done = stack.run(str(twilio), *arguments, "-o", "json", HOME=str(tmp_path))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    sim = stack.doors["modems"][0]["sim_sid"]
    assert [found["sid"] for found in run("api:supersim:v1:sims:list")] == [sim]
    command = run("api:supersim:v1:sms-commands:create", "--sim", sim, "--payload", "NUM=1234")[0]
    assert (command["simSid"], command["payload"]) == (sim, "NUM=1234")
    assert run("api:microvisor:v1:devices:list")[0]["uniqueName"] == stack.doors["boards"][0]["name"]
    plan = run("api:wireless:v1:rate-plans:create", "--unique-name", "test-plan")[0]
    assert plan["uniqueName"] == "test-plan"
