"""What stands around a board: devices, pins, voltages and consoles, from tests, rig files and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from harness.clock import RealClock, Stopwatch, VirtualClock
from harness.errors import PortTaken, TimeoutExpired, UsageError
from harness.firmware.settings import with_settings
from harness.formats.elf import ElfImage
from harness.rig import Mcp9808, Rig, RigOpener, SpiLoopback
from harness.rig.bench import bench_of, furnish, open_consoles
from harness.rig.bench_model import BenchTable
from harness.rig.bench_options import parse_bench, parse_typed
from harness.rig.console import MAX_BYTES, Console
from harness.rig.load import parse_rig
from harness.virtual.board.board import Board
from harness.virtual.board.devices.ht16k33 import Ht16k33
from harness.virtual.board.devices.lis3dh import Lis3dh
from harness.virtual.board.devices.registers import I2cRegisters, SpiRegisters
from harness.virtual.world import World

RIG = """
[[board]]
name = "board-1"
strict = true
pins = { PC13 = 1 }
adc = { PA0 = 1.65, 7 = 0.5, temperature = 40, battery = 3.0 }

[[board.i2c]]
bus = "I2C1"
device = "mcp9808"
temperature = 21.5

[[board.i2c]]
bus = "I2C2"
device = "registers"
address = 0x68
registers = { 0x75 = 0x68 }
read_only = [0x75]

[[board.spi]]
bus = "SPI1"
device = "registers"
select = "PA4"
registers = { 0x0F = 0x33 }
"""


@pytest.fixture
def rig() -> Iterator[Rig]:
    opener = RigOpener(parse_rig(RIG, name="rig.toml"))
    opened = opener.open()
    yield opened
    opened.close()
    opener.close()


def deploy(rig: Rig, source: str | Path) -> None:
    rig.board().deploy(rig.cloud.microvisor.upload(rig.firmware.bundle(source))).expect("up-to-date", within="2min")


def test_a_sensor_of_a_rig_file_and_one_of_a_test(rig: Rig) -> None:
    board = rig.board()
    deploy(rig, "i2c-sensor")
    board.log.expect("temperature 21.5000", within="10s")
    sensor, = board.i2c("I2C1").devices
    assert isinstance(sensor, Mcp9808)
    board.i2c("I2C1").detach(sensor)
    board.log.expect("sensor lost", within="10s")
    board.i2c("I2C1").attach(Mcp9808(temperature=-1.0))
    board.log.expect("temperature -1.0000", within="10s")


def test_what_a_rig_file_says_is_there(rig: Rig) -> None:
    board = rig.board()
    chip, = board.i2c("I2C2").devices
    assert isinstance(chip, I2cRegisters)
    assert chip.registers[0x75] == 0x68
    device, = board.spi("SPI1").devices
    assert isinstance(device, SpiRegisters)
    assert board.spi("SPI2").attach(SpiLoopback()) in board.spi("SPI2").devices
    board.swd.write32(0x4202_0800, 0xF3FF_FFFF)  # PC13 is an input
    assert board.pin("PC13").level
    board.pin("PC13").drive(0)
    assert not board.pin("PC13").level
    board.adc.set("PA1", 2.0)


def test_a_console_is_read_and_typed_on(rig: Rig, tmp_path: Path) -> None:
    image = tmp_path / "console.elf"
    image.write_bytes(with_settings("uart-console", console_mode=2).elf)
    board = rig.board()
    console = board.uart("USART2")
    deploy(rig, image)
    console.expect("ready\r\n", within="5s")
    console.send_line("hello")
    assert console.expect("echo 1: hello", within="1s").endswith("echo 1: hello")
    here = console.mark()
    console.send(b"again\n")
    console.expect("echo 2: again\r\n", within="1s", since=here)
    assert console.lines[-2:] == ["echo 1: hello", "echo 2: again"]
    assert 115_000 < console.baud < 115_500
    with pytest.raises(TimeoutExpired, match=r"never.*echo 2: again"):
        console.expect("never", within="1s")
    assert board.uart("USART2") is console


def test_a_pwm_is_expected_and_watched(rig: Rig) -> None:
    deploy(rig, "pwm")
    pin = rig.board().pin("PA5")
    pin.expect_pwm(frequency_hz=1000, duty=0.25, within="5s")
    pin.expect_pwm(frequency_hz=1000, duty=0.5, within="5s")
    levels: list[int] = []
    stop = pin.watch(levels.append)
    rig.clock.sleep("10ms")
    stop()
    assert 18 <= len(levels) <= 22
    with pytest.raises(TimeoutExpired, match=r"to show 5 Hz at 50\.0%"):
        pin.expect_pwm(frequency_hz=5, duty=0.5, within="100ms")


def test_real_boards_have_what_is_soldered_to_them() -> None:
    with pytest.raises(UsageError, match="board-1 is a real board: I2C1 is reached with wires"):
        bench_of(None, "board-1", "I2C1")


# -- in memory --------------------------------------------------------------------------------------------------------


@pytest.fixture
def make_board() -> Iterator[Callable[..., Board]]:
    made: list[Board] = []

    def make(clock: VirtualClock | RealClock | None = None) -> Board:
        made.append(Board(World(seed=1, clock=clock), None, name="b", device_sid="UV" + "0" * 32))
        return made[-1]

    yield make
    for board in made:
        board.close()
        board.world.close()


def test_a_console_keeps_so_much_and_takes_so_much(make_board: Callable[..., Board]) -> None:
    board = make_board()
    console = Console(board, "USART1", board.world.clock)
    uart = board.uart("USART1")
    for _ in range(MAX_BYTES + 10):
        uart.line.sent(0x61)
    assert len(console.data) <= MAX_BYTES
    assert console.mark() == MAX_BYTES + 10
    with pytest.raises(UsageError, match="does not read; 10 of 65546 bytes have no room"):
        console.send(bytes(65_546))
    console.close()
    uart.line.sent(0x61)
    assert console.mark() == MAX_BYTES + 10


def test_a_pseudo_terminal_is_a_console(make_board: Callable[..., Board], tmp_path: Path) -> None:
    board = make_board(RealClock())
    board.install(ElfImage.read(with_settings("uart-console", console_mode=1).elf))
    link = tmp_path / "console"
    opened = open_consoles(board, BenchTable(consoles={"USART2": str(link)}), tmp_path)
    try:
        with pytest.raises(PortTaken):
            open_consoles(board, BenchTable(consoles={"USART3": "", "USART2": str(link)}), tmp_path)
        assert not (tmp_path / "b.usart3").exists()
        board.world.start()
        with board.world.turn():
            board.power_on()
        with serial.Serial(str(link), 115200, timeout=0.2) as port:
            port.write(b"hello\n")
            watch, seen = Stopwatch(), b""
            while b"echo 1: hello\r\n" not in seen and watch.seconds < 60:
                seen += port.read(200)
        assert b"echo 1: hello\r\n" in seen
    finally:
        with board.world.turn():
            opened["USART2"].close()
    assert not link.exists()


# -- the command line -------------------------------------------------------------------------------------------------


def test_options_describe_a_bench(make_board: Callable[..., Board]) -> None:
    bench = parse_bench(
        i2c=["I2C1:mcp9808@0x19,temperature=-3.5", "I2C1:lis3dh@0x18,acceleration=0/0.5/1", "I2C3:ht16k33",
             "I2C4:registers@104,0x75=0x68,16=1"],
        spi=["SPI1:loopback", "SPI2:registers,select=PB12,read_bit=0x40,0x0F=0x33"], pins=["PC13=1"],
        adc=["PA0=1.65", "3=0.5", "temperature=40"], strict=True)
    board = make_board()
    furnish(board, bench)
    sensor, motion = board.i2c("I2C1").devices
    assert isinstance(sensor, Mcp9808)
    assert isinstance(motion, Lis3dh)
    assert (sensor.address, sensor.temperature, motion.acceleration) == (0x19, -3.5, (0.0, 0.5, 1.0))
    display, = board.i2c("I2C3").devices
    assert isinstance(display, Ht16k33)
    chip, = board.i2c("I2C4").devices
    assert isinstance(chip, I2cRegisters)
    assert (chip.address, chip.registers.values) == (0x68, {0x75: 0x68, 16: 1})
    assert board.pin("PC13").external == 1
    assert bench.strict


@pytest.mark.parametrize(("options", "complaint"), [
    ({"i2c": ["I2C1"]}, "not a device: 'I2C1'"),
    ({"i2c": ["I2C1:bmp280"]}, "i2c.0.device: input should be 'mcp9808', 'lis3dh', 'ht16k33' or 'registers'"),
    ({"i2c": ["I2C1:ht16k33,temperature=2"]}, "has no temperature; it has no settings"),
    ({"i2c": ["I2C1:registers"]}, "needs an 'address'"),
    ({"i2c": ["I2C1:registers@300"]}, "a number from 0 to 255"),
    ({"spi": ["SPI1:loopback,select=PZ1"]}, "string should match pattern"),
    ({"pins": ["PC13"]}, "not a name and a value: 'PC13'"),
    ({"adc": ["PA0=high"]}, "adc.PA0: input should be a valid number"),
])
def test_what_is_wrong_with_an_option_is_told(options: dict[str, list[str]], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_bench(**options)  # type: ignore[arg-type]
    assert complaint in str(caught.value)


def test_typing() -> None:
    typed = parse_typed("USART2@1.5s:a:b\\n\\x00")
    assert (typed.uart, typed.at, typed.data) == ("USART2", 1_500_000_000, b"a:b\n\x00")
    with pytest.raises(UsageError, match="not something to type"):
        parse_typed("USART2")
    with pytest.raises(UsageError, match="not something to type"):
        parse_typed("USART2:\\xzz")


