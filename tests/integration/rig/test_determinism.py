"""Same seed, same journal: event for event and time stamp for time stamp, through all three wires."""

from collections.abc import Iterator

import pytest

from harness.errors import TimeoutExpired
from harness.rig import Rig, RigOpener
from harness.rig.model import NetworkTable, RigFile


def _everything(rig: Rig) -> str:
    """Use all three wires and return the digest of what happened."""
    modem, board, webhooks = rig.modem(), rig.board(), rig.webhooks
    sim = rig.cloud.supersim.sim(modem.iccid)
    app = rig.cloud.microvisor.upload(rig.firmware.bundle("heartbeat"))
    deployment = board.deploy(app)
    modem.registered(within="60s")
    socket = modem.udp_open(6969)
    command = sim.send_sms("LED ON")
    sim.send_ip(b"\x00\xff", port=6969)
    socket.expect(b"\x00\xff", within="60s")
    modem.expect_sms("LED ON", within="60s")
    modem.send_sms("000", "LED IS ON €")
    socket.send(b"21.5", to=("100.64.0.1", 6969))
    webhooks.expect("sms_command", direction="from_sim", payload="LED IS ON €", within="60s")
    webhooks.expect("ip_command", direction="from_sim", payload=b"21.5", within="60s")
    command.wait_status("delivered", within="60s")
    deployment.expect("up-to-date", within="120s")
    board.log.expect("beat 3", within="30s")
    board.symbol("beat_count").wait(lambda value: value >= 5, within="10s")
    board.pin("PA5").toggles(within="3s")
    return rig.journal.digest()


def _run(opener: RigOpener) -> tuple[str, list[str]]:
    rig = opener.open()
    try:
        return _everything(rig), [entry.to_json() for entry in rig.journal]
    finally:
        rig.close()


def test_two_runs_with_one_seed_have_one_journal(opener: RigOpener) -> None:
    first, told = _run(opener)
    second, again = _run(opener)
    assert again == told
    assert second == first


def test_another_seed_is_another_run(opener: RigOpener) -> None:
    other = RigOpener(RigFile(), seed=2)
    try:
        assert _run(opener)[0] != _run(other)[0]
    finally:
        other.close()


def test_a_text_waits_a_day_for_its_device_in_no_time(opener: RigOpener) -> None:
    rig = opener.open()
    try:
        modem = rig.modem()
        sim = rig.cloud.supersim.sim(modem.iccid)
        modem.registered(within="60s")
        modem.command("AT+CFUN=0")
        late, lost = sim.send_sms("late"), None
        rig.clock.sleep("23h")
        assert late.refresh().status == "sent"
        modem.command("AT+CFUN=1")
        modem.expect_sms("late", within="5min")
        late.wait_status("delivered", within="1min")
        modem.command("AT+CFUN=0")
        lost = sim.send_sms("lost")
        lost.wait_status("failed", within="25h")
        modem.command("AT+CFUN=1")
        with pytest.raises(TimeoutExpired):
            modem.expect_sms("lost", within="1h")
    finally:
        rig.close()


@pytest.fixture
def slow_air() -> Iterator[RigOpener]:
    opener = RigOpener(RigFile(network=NetworkTable.model_validate({"sms_latency": "7s", "registration": "40s"})))
    yield opener
    opener.close()


def test_latencies_of_the_rig_file_are_what_happens(slow_air: RigOpener) -> None:
    rig = slow_air.open()
    try:
        modem = rig.modem()
        began = rig.clock.now()
        modem.registered(within="2min")
        assert 38 < (rig.clock.now() - began) / 1e9 < 45
        rig.cloud.supersim.sim(modem.iccid).send_sms("x")
        began = rig.clock.now()
        modem.expect_sms("x", within="2min")
        assert 7 <= (rig.clock.now() - began) / 1e9 < 30
    finally:
        rig.close()
