"""A bundle is uploaded, deployed and seen to run: in the API, in the log stream, on a pin and in RAM."""

from harness.pytest_plugin.steps import Step
from harness.rig import BoardUnderTest, CloudClient, FirmwareShelf


def test_a_bundle_is_deployed_and_runs(
        cloud: CloudClient, board: BoardUnderTest, firmware: FirmwareShelf, step: Step) -> None:
    with step("upload the heartbeat bundle"):
        app = cloud.microvisor.upload(firmware.bundle("heartbeat"))
    with step("deploy it, and see the device report it"):
        board.deploy(app).expect("up-to-date", within="120s")
    with step("read 'beat 3' in the device's log stream"):
        board.log.expect("beat 3", within="30s")
    with step("see PA5 toggle"):
        board.pin("PA5").toggles(within="5s")
    with step("read beat_count over SWD, and see it count"):
        beats = board.symbol("beat_count").read()
        assert beats >= 3
        board.symbol("beat_count").wait(lambda value: value > beats, within="5s")
