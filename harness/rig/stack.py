"""The far ends of a virtual rig: one world with its network, cloud, modems and boards, as a rig file describes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.clock import RealClock, VirtualClock
from harness.errors import UsageError
from harness.formats.elf import ElfImage
from harness.rig import broadcast_door, fault_door
from harness.rig.bench import furnish, open_consoles
from harness.rig.internet import build_internet
from harness.rig.model import BoardTable, CellTable, CloudTable, ModemTable, RigFile
from harness.rig.state import StateFolder
from harness.virtual.board.board import Board
from harness.virtual.board.debug import registry
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.cloud import Choices, Cloud
from harness.virtual.cloud.choices import choices_of
from harness.virtual.faults import FaultPlan
from harness.virtual.modem import SimCard, VirtualModem
from harness.virtual.network import Network, NetworkSettings, SignalCurve
from harness.virtual.network.seams import AccessTechnology, Cell
from harness.virtual.uplink import Uplink
from harness.virtual.world import World

_ISSUER = "8988307"  # what the ICCIDs of Super SIM cards begin with
_HOME_PLMN = "732123"  # what their IMSIs begin with: every network is a visited one


class VirtualStack:
    """World, network, cloud, modems and boards, switched on.

    Args:
        file: what there is; everything in it is made virtual.
        clock: virtual for tests, real for programs of other people (then call :meth:`start`).
        folder: where the links to the modems' ports go.
        seed: instead of the rig file's.
        symbols_of: finds the ELF image of a bundle by its hash, for crash reports.
        state: where the cloud's state is kept; in memory without. A world that is taken up again has its old seed.

    Attributes:
        modems, boards: by name, in the order of the rig file.
        sims: SID of the Sim in the modem of that name.
        internet: the hosts that boards and modems reach.
        faults: what goes wrong with modems and the network.
        probes: unique id of the debug probe of the board of that name.
        consoles: paths of the pseudo-terminals of the board of that name, by serial interface.
    """

    def __init__(self, file: RigFile, *, clock: VirtualClock | RealClock, folder: Path,
                 seed: int | None = None, symbols_of: Callable[[str], ElfImage | None] | None = None,
                 state: StateFolder | None = None) -> None:
        self.file = file
        origin = None if state is None else state.origin
        if origin is not None:
            seed = origin.seed
        self.world = World(seed=file.world.seed if seed is None else seed, clock=clock,
                           epoch=None if origin is None else origin.epoch)
        self.network = Network(self.world, settings=_network_settings(file))
        for cell in file.network.cell:
            if not isinstance(cell.signal, int):
                self.network.set_signal(cell.ci, SignalCurve(cell.signal))
        self.faults = FaultPlan(self.world)
        self.network.connect_faults(self.faults)
        self.uplink = Uplink(self.world, latency=f"{file.network.uplink_latency}ns")
        self.cloud = Cloud(self.world, messaging=self.network, uplink=self.uplink,
                           account_sid=origin.account_sid if origin else file.cloud.account_sid,
                           auth_token=file.cloud.auth_token or (origin.auth_token if origin else None),
                           api_keys=file.cloud.api_keys, choices=_choices(file.cloud),
                           allowed_hosts=file.cloud.allowed_hosts, webhook_secret=file.cloud.webhook_secret)
        self.cloud.admin_routes.update(fault_door.routes(self.faults))
        self.cloud.admin_routes.update(broadcast_door.routes(self.network))
        self.network.connect_cloud(self.cloud)
        self.network.connect_metering(self.cloud)
        self.internet = build_internet(self.world, file)
        self.network.connect_internet(self.internet)
        self.internet.connect_devices(self.network)
        self.modems: dict[str, VirtualModem] = {}
        self.boards: dict[str, Board] = {}
        self.sims: dict[str, str] = {}
        self.probes: dict[str, str] = {}
        self.consoles: dict[str, dict[str, str]] = {}
        self._ports: list[DebugPort] = []
        self._symbols_of = symbols_of
        self._undo: list[Callable[[], None]] = [self.world.close, self.internet.close]
        try:
            if state is not None:
                state.keep(self.cloud)
            with self.world.turn():
                for cell in file.network.cell:  # an operator on the air is one that access profiles can name
                    self.cloud.fleets.network_of(cell.plmn, cell.operator)
                for index, modem in enumerate(file.modem, start=1):
                    self._add_modem(index, modem, folder)
                for fault in file.faults:
                    self.faults.add(fault.spec)
                for started in self.modems.values():
                    started.power_on()
                for board in file.board:
                    self._add_board(board, folder)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"VirtualStack({self.file.name!r}, {[*self.modems, *self.boards]}, {self.world!r})"

    def debug_port(self, board: str) -> DebugPort:
        """Return the debug port of the board of this name."""
        return next(port for port in self._ports if port.name == board)

    def start(self) -> None:
        """Let a stack with a real clock live on a thread of its own."""
        self.world.start()

    def close(self) -> None:
        """Switch everything off: no thread, link or probe stays. May be called twice."""
        while self._undo:
            self._undo.pop()()

    def _add_modem(self, index: int, table: ModemTable, folder: Path) -> None:
        iccid = table.iccid or default_iccid(index)
        card = SimCard(iccid=iccid, imsi=table.imsi or f"{_HOME_PLMN}{index:09d}", imsis=table.imsis,
                       msisdn=table.number or "")
        places = self.cloud.places  # a card that was moved to a subaccount is not the account's any more
        add: Callable[..., str] = self.cloud.add_sim if table.product == "supersim" else partial(
            self.cloud.add_wireless_sim, narrowband=table.narrowband)
        self.sims[table.name] = places[iccid] = self.cloud.sim_sid(iccid) or places.get(iccid) or add(
            iccid, status=table.sim_status, unique_name=table.unique_name or table.name)
        link = Path(table.port) if table.kind == "virtual" and table.port else folder / table.name
        modem = VirtualModem(self.world, self.network, name=table.name, profile=table.profile, sim=card,
                             imei=table.imei, link=link,
                             ports=table.ports, bits_per_second=table.baud if table.pace else 0, garble=table.garble,
                             pace=table.timings)
        self._undo.append(modem.close)
        self.modems[table.name] = modem
        modem.connect_faults(self.faults)

    def _add_board(self, table: BoardTable, folder: Path) -> None:
        sid = table.device_sid or self.cloud.places.get(table.name)
        if sid is None or self.cloud.devices.devices.get(sid) is None:
            sid = self.cloud.add_device(sid, table.name, logging=True)
        self.cloud.places[table.name] = sid
        board = Board(self.world, self.uplink, name=table.name, device_sid=sid, hclk_hz=table.hclk_hz,
                      core=table.core, skip_idle=table.skip_idle, internet=self.internet, symbols_of=self._symbols_of,
                      strict=table.strict)
        self._undo.append(board.close)
        port = DebugPort(board, self.world)
        board.debug = port
        self._ports.append(port)
        self.probes[table.name] = registry.register(port)
        self._undo.append(lambda: registry.unregister(port))
        self.boards[table.name] = board
        furnish(board, table)
        for name, endpoint in open_consoles(board, table, folder).items():
            self._undo.append(endpoint.close)
            self.consoles.setdefault(table.name, {})[name] = str(endpoint.path)
        board.power_on()


def default_iccid(index: int) -> str:
    """Return the ICCID of the n-th virtual SIM card, from 1, with its check digit (ITU-T E.118)."""
    if not 1 <= index <= 99_999_999_999:
        raise UsageError(f"there is no virtual SIM card number {index}")
    body = f"{_ISSUER}{index:011d}"
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{body}{-total % 10}"


_TECHNOLOGIES = {"gsm": AccessTechnology.GSM, "utran": AccessTechnology.UTRAN, "lte": AccessTechnology.E_UTRAN,
                 "lte-m": AccessTechnology.EMTC, "nb-iot": AccessTechnology.NB_IOT}


def _choices(table: CloudTable) -> Choices:
    of_kore = {"webhook_signature": "kore", "event_vendor": "kore"} if table.flavour == "kore" else {}
    return choices_of({**of_kore, **table.choices})


def _network_settings(file: RigFile) -> NetworkSettings:
    table = file.network
    settings = NetworkSettings(
        registration_delay=f"{table.registration}ns", sms_latency=f"{table.sms_latency}ns",
        sms_validity=f"{table.sms_validity}ns", ip_latency=f"{table.ip_latency}ns",
        nat_timeout=f"{table.nat_timeout}ns", nat_tcp_timeout=f"{table.nat_tcp_timeout}ns", apn=table.apn,
        home_plmns=frozenset(table.home), sms_rate=table.sms_rate, sms_loss=table.sms_loss,
        sms_duplication=table.sms_duplication, sms_reorder=table.sms_reorder, ip_loss=table.ip_loss,
        ip_duplication=table.ip_duplication, ip_reorder=table.ip_reorder,
        numbers=tuple((modem.number, modem.iccid or default_iccid(index))
                      for index, modem in enumerate(file.modem, start=1) if modem.number is not None))
    return replace(settings, cells=tuple(map(_cell, table.cell))) if table.cell else settings


def _cell(table: CellTable) -> Cell:
    dbm = table.signal if isinstance(table.signal, int) else table.signal[0][1] if table.signal else -73
    return Cell(plmn=table.plmn, operator=table.operator, operator_short=table.operator_short or table.operator[:10],
                act=_TECHNOLOGIES[table.technology], tac=table.tac, ci=table.ci, rssi_dbm=dbm)
