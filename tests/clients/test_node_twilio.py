"""twilio for Node.js, unchanged: the last one with all three APIs and the newest, by environment and by base URL."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environment import Stack, install

_SCRIPT = """
const twilio = require("twilio");
async function main() {
  const client = twilio();  // credentials from the environment
  for (const [api, url] of Object.entries(JSON.parse(process.env.BASE_URLS || "{}")))
    if (client[api]) client[api].baseUrl = url;
  const [sim] = await client.supersim.v1.sims.list();
  const command = await client.supersim.v1.smsCommands.create({sim: sim.sid, payload: "hello"});
  for (let number = 0; number < 3; number++)
    await client.supersim.v1.ipCommands.create({sim: sim.sid, payload: "x" + number, devicePort: 7});
  const pages = await client.supersim.v1.ipCommands.list({pageSize: 2, sim: sim.sid});
  const plan = await client.wireless.v1.ratePlans.create({internationalRoaming: ["data", "messaging"]});
  const removed = await client.wireless.v1.ratePlans(plan.sid).remove();
  let failure = {};
  try { await client.supersim.v1.sims("HS" + "0".repeat(32)).fetch(); } catch (error) { failure = error; }
  const usage = await client.supersim.v1.usageRecords.list({granularity: "day"});
  console.log(JSON.stringify({
    sid: sim.sid, url: sim.url, created: command.dateCreated, payload: command.payload, pages: pages.length,
    roaming: plan.internationalRoaming, removed, status: failure.status, code: failure.code, usage: usage.length,
    devices: client.microvisor ? (await client.microvisor.v1.devices.list()).map(device => device.uniqueName) : null}));
}
main().catch(error => { console.error(error.message); process.exit(1); });
"""


@pytest.mark.parametrize(("version", "microvisor"), [("5.7.1", True), ("latest", False)])
def test_twilio_for_node(stack: Stack, tmp_path: Path, version: str, microvisor: bool) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed")
    install(f"twilio@{version}", npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tmp_path),
            f"twilio@{version}")
    script = tmp_path / "client.js"
    script.write_text(_SCRIPT)
    urls = stack.doors["urls"]
    direct = {"BASE_URLS": json.dumps(urls), "HTTPS_PROXY": "", "HTTP_PROXY": "", "https_proxy": ""}
    sims: list[Any] = []
    variants: tuple[tuple[dict[str, str], str], ...] = (({}, "https://supersim.twilio.com"), (direct, urls["supersim"]))
    for number, (variables, root) in enumerate(variants, start=1):
        done = stack.run(node, str(script), **variables)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        sims.append(told["sid"])
        assert told["url"] == f"{root}/v1/Sims/{told['sid']}"
        assert (told["payload"], told["roaming"]) == ("hello", ["data", "messaging"])
        assert told["pages"] >= 3 * number
        assert (told["status"], told["code"], told["removed"]) == (404, 20404, True)
        assert told["devices"] == ([stack.doors["boards"][0]["name"]] if microvisor else None)
    assert set(sims) == {stack.doors["modems"][0]["sim_sid"]}
