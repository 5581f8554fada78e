"""An SMS Command travels from the API to the modem, and the answer back to a webhook."""

from harness.pytest_plugin.steps import Step
from harness.rig import CloudClient, Modem, WebhookSink


def test_an_sms_command_reaches_the_device_and_is_answered(
        cloud: CloudClient, modem: Modem, webhooks: WebhookSink, step: Step) -> None:
    sim = cloud.supersim.sim(modem.iccid)
    with step("wait for the modem to register"):
        modem.registered(within="120s")
    with step("send the SMS Command 'LED ON'"):
        command = sim.send_sms("LED ON")
    with step("receive it on the modem, from 000"):
        received = modem.expect_sms("LED ON", within="60s")
        assert received.sender == "000"
    with step("see the API say delivered"):
        command.wait_status("delivered", within="30s")
    with step("answer 'LED IS ON' from the device"):
        modem.send_sms("000", "LED IS ON")
    with step("receive the answer at the Fleet's webhook, signed"):
        webhooks.expect("sms_command", direction="from_sim", payload="LED IS ON", within="60s")
    with step("find the answer in the API"):
        assert [one.payload for one in sim.sms_commands(direction="from_sim")][:1] == ["LED IS ON"]
