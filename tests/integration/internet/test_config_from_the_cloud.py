"""An application fetches what a test put into the cloud's stores: machine code, kernel, uplink and REST API in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.rig import BoardUnderTest, CloudClient, FirmwareShelf


def test_configs_and_secrets_reach_the_application(cloud: CloudClient, board: BoardUnderTest,
                                                   firmware: FirmwareShelf) -> None:
    microvisor = cloud.microvisor
    device = microvisor.device(board.device_sid)
    device.configs.create("greeting", "hello")
    device.secrets.create("device-token", "d-1234567")
    microvisor.configs.create("region", "eu")
    microvisor.secrets.create("account-token", "a-1234567")
    board.deploy(microvisor.upload(firmware.bundle("config-secret"))).expect("up-to-date", within="120s")
    for said in ("greeting: result 0 hello", "device-token: result 0 ", "region: result 0 eu",
                 "account-token: result 0 ", "absent: result "):
        board.log.expect(said, within="60s")
    device.configs.update("greeting", "goodbye")
    board.log.expect("greeting: result 0 goodbye", within="60s")
