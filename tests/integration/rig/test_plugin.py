"""The plug-in, seen by running pytest inside pytest."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.pytest_plugin.captures import file_stem

pytest_plugins = ["pytester"]

_SMS = """
    def test_sms(cloud, modem, webhooks, step, clock):
        sim = cloud.supersim.sim(modem.iccid)
        modem.registered(within="60s")
        with step("send"):
            command = sim.send_sms("LED ON")
        assert modem.expect_sms("LED ON", within="60s").sender == "000"
        modem.send_sms("000", "LED IS ON")
        webhooks.expect("sms_command", direction="from_sim", payload="LED IS ON", within="60s")
"""


@pytest.fixture(autouse=True)
def _quick(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error\n")


def test_a_users_test_runs_on_virtual_devices(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(_SMS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--junitxml=out.xml", "--steps")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*ok*send*"])
    properties = {item.get("name"): item.get("value") for item in ET.parse("out.xml").iter("property")}
    assert properties["step"] == "ok: send"
    assert str(properties["rig"]).startswith("rig virtual: virtual cloud")


def test_the_same_works_in_parallel(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.parametrize('n', range(4))\n"
                        "def test_id(modem, n):\n    assert modem.iccid.startswith('89')\n")
    pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider").assert_outcomes(passed=4)


def test_a_failure_carries_journal_transcript_and_seed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_fails(modem):\n    modem.expect_sms('never', within='5s')\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--seed=7")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*TimeoutExpired: waited 5 s for*never*", "*repeat it with --seed 7*",
                                 "*modem-1*powered_on*", "*transcript of modem-1*", "*AT*"])


def test_a_wrong_rig_file_is_a_usage_error(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig='[cloud]\nkind = "aws"\n')
    pytester.makepyfile("def test_x(): pass")
    result = pytester.runpytest_subprocess("--rig=rig.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*rig.toml: cloud.kind: input should be 'virtual', 'twilio' or 'kore', not 'aws'*"])


def test_real_devices_that_are_not_there_fall_back_and_it_is_said(pytester: pytest.Pytester,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWILIO_ACCOUNT_SID", raising=False)
    monkeypatch.delenv("TWILIO_API_KEY", raising=False)
    pytester.makefile(".toml", rig='name = "bench"\n[cloud]\nkind = "twilio"\n[[modem]]\nname = "m"\nkind = "serial"\n'
                                   'port = "/dev/none"\n')
    pytester.makepyfile("def test_x(modem):\n    assert modem.iccid\n")
    result = pytester.runpytest_subprocess("--rig=rig.toml", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["rig: bench, twilio cloud*devices: auto",
                                 "rig: virtual devices, because the real ones are not healthy: *TWILIO_ACCOUNT_SID*"])
    result = pytester.runpytest_subprocess("--rig=rig.toml", "--devices=real", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)


def test_asking_for_real_devices_of_a_virtual_rig_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_x(modem): pass")
    result = pytester.runpytest_subprocess("--devices=real", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*declares no real devices*"])


def test_a_run_without_harness_tests_imports_none_of_it(pytester: pytest.Pytester,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # plug-ins of others are not what is looked at
    pytester.makepyfile("""
        import sys

        def test_nothing_heavy():
            heavy = {"pyocd", "unicorn", "requests", "uvicorn", "starlette", "pydantic", "serial", "construct", "rich"}
            assert not heavy & set(sys.modules)
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "harness.pytest_plugin").assert_outcomes(passed=1)


def test_firmware_of_the_users_own(pytester: pytest.Pytester) -> None:
    elf = Path(__file__).parents[3] / "firmware_fixtures" / "heartbeat" / "heartbeat.elf"
    pytester.makepyfile(f"""
        def test_mine(cloud, board, firmware):
            app = cloud.microvisor.upload(firmware.bundle({str(elf)!r}))
            board.deploy(app).expect("up-to-date", within="120s")
            board.symbol("beat_count").wait(lambda beats: beats >= 2, within="10s")
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_suite_runs_from_a_folder_with_a_checkout_in_it(tmp_path: Path) -> None:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise ImportError('not the harness that was installed')\n")
    done = subprocess.run([sys.executable, "-P", "-m", "harness.cli", "run", "-k", "sms"], cwd=tmp_path, check=False,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_runs_the_suite(tmp_path: Path, pytester: pytest.Pytester) -> None:
    result = pytester.run(sys.executable, "-m", "harness.cli", "run", "--report", str(tmp_path / "junit.xml"))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*ok*upload the heartbeat bundle*", "*ok*receive the answer at the Fleet's webhook*",
                                 "*3 passed*", f"report: {tmp_path}/junit.xml"])
    assert len(list(ET.parse(tmp_path / "junit.xml").iter("testcase"))) == 3
    failing = pytester.makepyfile("def test_no(): assert False")
    result = pytester.run(sys.executable, "-m", "harness.cli", "run", str(failing), "-q")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_test_for_a_device_that_the_rig_has_not_is_skipped_with_the_reason(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig='name = "bare"\nmodem = []\nboard = []\n')
    pytester.makepyfile("def test_m(modem): pass\ndef test_b(board): pass\ndef test_c(cloud): pass")
    result = pytester.runpytest_subprocess("--rig=rig.toml", "-p", "no:cacheprovider", "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*rig 'bare' has no modem*", "*rig 'bare' has no board*"])


def test_what_crossed_the_network_is_kept_of_tests_that_failed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_good(modem):
            modem.registered(within="60s")
        def test_bad(modem):
            modem.registered(within="60s")
            modem.send_sms("000", "evidence")
            assert False
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--pcap=failed", "--junitxml=out.xml")
    result.assert_outcomes(passed=1, failed=1)
    (capture,) = Path("mvh-results").iterdir()
    assert capture.name.endswith("test_bad.pcapng")
    assert capture.read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
    result.stdout.fnmatch_lines([f"*{capture}: no packets left out*"])
    assert [item.get("value") for item in ET.parse("out.xml").iter("property") if item.get("name") == "pcap"] == [
        str(capture)]
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--pcap=all", "--pcap-dir=kept")
    assert len(list(Path("kept").iterdir())) == 2


def test_a_capture_of_what_failed_before_the_test_began(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        @pytest.fixture
        def ready(modem):
            modem.registered(within="60s")
            modem.send_sms("000", "evidence")
            raise LookupError
        @pytest.mark.parametrize("name", ["a/b", "a:b"])
        def test_never(ready, name): ...
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--pcap=failed", "--pcap-dir=new/kept")
    result.assert_outcomes(errors=2)
    assert len(list(Path("new/kept").iterdir())) == 2
    Path("file").touch()
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--pcap=failed", "--pcap-dir=file/kept")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--pcap-dir: can't make the folder file?kept: Not a directory*"])


@pytest.mark.parametrize(("nodeid", "stem"), [
    ("tests/test_a.py::test_b", "tests-test_a.py-test_b"),
    ("test_a.py::TestC::test_b[one-2]", "test_a.py-TestC-test_b-one-2"),
    ("test_a.py::test_b[a/b]", "test_a.py-test_b-a-b-956224fc"),
    ("test_a.py::test_b[a b]", "test_a.py-test_b-a-b-9e3e63c1"),
    ("test_a.py::test_b[../../x]", "test_a.py-test_b-..-..-x-dfa0a9ee"),
])
def test_names_of_captures(nodeid: str, stem: str) -> None:
    assert file_stem(nodeid) == stem


def test_names_of_captures_are_short_and_differ() -> None:
    stems = {file_stem(f"test_a.py::test_b[{text}]") for text in ("x" * 300, "x" * 301, "y" * 300)}
    assert len(stems) == 3
    assert all(len(stem) < 140 for stem in stems)


def test_registers_that_are_not_modelled_fault_if_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_x(board):\n    assert board.swd.read32(0x40009400) == 0\n")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-registers")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*BoardError: board-1: nothing answers at 0x40009400*"])
