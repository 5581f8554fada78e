"""An IP Command travels from the API to a UDP socket of the modem, and the answer back to a webhook."""

from harness.pytest_plugin.steps import Step
from harness.rig import CloudClient, Modem, WebhookSink

GATEWAY = ("100.64.0.1", 6969)
PORT = 6969


def test_an_ip_command_reaches_the_device_and_is_answered(
        cloud: CloudClient, modem: Modem, webhooks: WebhookSink, step: Step) -> None:
    sim = cloud.supersim.sim(modem.iccid)
    with step("wait for the modem to register"):
        modem.registered(within="120s")
    with step(f"open UDP port {PORT} on the modem"):
        socket = modem.udp_open(PORT)
    with step("send the IP Command 'temperature?'"):
        command = sim.send_ip("temperature?", port=PORT)
    with step("receive it on the socket"):
        socket.expect(b"temperature?", within="60s")
    with step("see the API say sent"):
        command.wait_status("sent", within="30s")
    with step("answer 21.5 from the device"):
        socket.send(b"21.5", to=GATEWAY)
    with step("receive the answer at the Fleet's webhook, signed"):
        webhooks.expect("ip_command", direction="from_sim", payload=b"21.5", within="60s")
    socket.close()
