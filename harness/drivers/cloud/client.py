"""The near end of the cloud: one object per account."""

from __future__ import annotations

from collections.abc import Callable

from harness.clock import Clock
from harness.drivers.cloud.credentials import CloudUrls, Credentials
from harness.drivers.cloud.log_stream import StreamWire
from harness.drivers.cloud.microvisor import Microvisor
from harness.drivers.cloud.supersim import SuperSim
from harness.drivers.cloud.transport import Transport
from harness.drivers.cloud.wireless import Wireless
from harness.journal import Journal


class CloudClient:
    """Super SIM, Programmable Wireless and Microvisor of one account, real or virtual: only the URLs differ.

    Args:
        urls: roots of the hosts; the real service by default.
        clock: what waits and pauses are taken from.
        trust_env: whether proxies and CA bundles of the environment count, for hosts beyond this machine.

    Example::

        cloud = CloudClient(urls, credentials, clock, journal)
        command = cloud.supersim.sim("tracker-1").send_sms("LED ON")
        command.wait_status("delivered", within="60s")
        cloud.close()
    """

    def __init__(self, urls: CloudUrls, credentials: Credentials, clock: Clock, journal: Journal, *,
                 trust_env: bool = True) -> None:
        self.urls = urls
        self._transport = Transport(credentials, clock, journal, trust_env=trust_env,
                                    token_url=urls.token)
        self.supersim = SuperSim(self._transport, urls.supersim.rstrip("/"))
        self.wireless = Wireless(self._transport, urls.wireless.rstrip("/"))
        self.microvisor = Microvisor(self._transport, urls.microvisor.rstrip("/"), urls.upload.rstrip("/"))

    def __repr__(self) -> str:
        return f"CloudClient({self.urls.supersim!r})"

    def __enter__(self) -> CloudClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def stream_wire(self, sent: Callable[[str], int | None]) -> StreamWire:
        """Return the wire that a virtual clock settles: ``sent`` is the far end's count of entries, by stream id."""
        return StreamWire(self.microvisor.log_streams, sent)

    def close(self) -> None:
        """Close log streams and connections. May be called twice."""
        for stream in self.microvisor.log_streams():
            stream.close()
        self._transport.close()
