"""The near end of modems: AT over any serial port that pyserial opens."""

from harness.drivers.modem.at_port import AtPort
from harness.drivers.modem.channel import SerialChannel, Traffic
from harness.drivers.modem.connections import TcpConnection
from harness.drivers.modem.dialect import Dialect
from harness.drivers.modem.dialects import DIALECTS, find_dialect, recognise
from harness.drivers.modem.dialects.quectel import QUECTEL
from harness.drivers.modem.facts import Identity, RegistrationState, RegistrationStatus, Signal
from harness.drivers.modem.lines import Line, LineKind, Response
from harness.drivers.modem.messages import ReceivedSms, SentSms
from harness.drivers.modem.modem import Modem
from harness.drivers.modem.sockets import ReceivedDatagram, UdpSocket

__all__ = [
    "DIALECTS",
    "QUECTEL",
    "AtPort",
    "Dialect",
    "Identity",
    "Line",
    "LineKind",
    "Modem",
    "ReceivedDatagram",
    "ReceivedSms",
    "RegistrationState",
    "RegistrationStatus",
    "Response",
    "SentSms",
    "SerialChannel",
    "Signal",
    "TcpConnection",
    "Traffic",
    "UdpSocket",
    "find_dialect",
    "recognise",
]
