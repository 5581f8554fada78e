"""``mvh doctor`` tells what is there, for people and for machines."""

import json
import subprocess
import sys


def test_it_tells_what_is_installed() -> None:
    done = subprocess.run([sys.executable, "-m", "harness.cli", "doctor", "--json"], text=True, capture_output=True,
                          check=False, timeout=60)
    findings = {finding["what"]: finding for finding in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stderr
    assert findings["python"]["ok"] is True
    assert findings["unicorn"]["ok"] is True
    assert findings["cpu core"]["found"].startswith(("CCore: ", "PythonCore: "))
