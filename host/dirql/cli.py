# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The command line: `dirql run`, `lspci`, `twin`, `shadow`, `check-bus`, `machines`, `doctor`, and those for boards."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dirql import __version__
from dirql.boards.options import BOARD_COMMANDS, add_board_commands
from dirql.dump.options import add_check_bus
from dirql.dump.values import DumpError
from dirql.files import obstacle
from dirql.hardware.description import MachineDescription
from dirql.hardware.identity import machine_number
from dirql.hardware.reading import load_machine, machine_names
from dirql.hardware.table import DescriptionError
from dirql.ke.limits import Limits
from dirql.link.usbip import DEFAULT_PORT as USBIP_PORT
from dirql.lspci.selection import Selection
from dirql.target import TARGETS, check_target, machine_of

__all__ = ["main"]

MODES = ("polled", "timer", "interrupt", "dma")
INTERRUPTS = ("level", "latched", "message")
FAILED = 1
"""The exit status after a mistake of a driver, the same as after wrong data or a leak."""
INTERRUPTED = 130
"""The exit status after Ctrl-C, the same as in shells."""
PIPE_CLOSED = 141
"""The exit status after nobody reads the output any more, the same as in shells."""


def _at_least(low: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text, 0)
        if value < low:
            raise argparse.ArgumentTypeError(f"must be {low} or more; it was {value}")
        return value

    parse.__name__ = "integer"
    return parse


def _list_of(allowed: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(allowed) if text == "all" else tuple(text.split(","))
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"must be of {', '.join(allowed)} or all; it was {name!r}")
        return names

    return parse


def _file(text: str) -> Path:
    """The path of a file to be written. A file that cannot be written is refused before the run, not after it."""
    path = Path(text)
    reason = obstacle(path)
    if reason:
        raise argparse.ArgumentTypeError(f"must be a file that can be written; it was {text!r}, but {reason}")
    return path


def _driver(text: str) -> Path:
    """The path of a driver's file, or of the folder of a driver in C."""
    from dirql.driver_files import is_in_c  # with the kernel, which other commands do without

    path = Path(text)
    if not path.exists() or not (path.suffix == ".py" or is_in_c(path)):
        raise argparse.ArgumentTypeError(
            f"must be a file that exists, of Python or of C, or a folder with files of C; it was {text!r}"
        )
    return path


LEVELS = ("byte", "pin", "bitstream")
_TRANSFERS = 184
"""The 2 x 184 requests of a row are the 368 samples that a 99th percentile needs.

The machine is deterministic, so that more of them take longer and show the same.
"""
_LEVEL_HELP = (
    "how a twin carries bytes: as they are, as the bits of a UART, or as these into the board's bitstream"
)
_MACHINE_HELP = (
    "a machine that `dirql machines` lists, or a machine file (default: that of the twin, or default)"
)


_TARGET_HELP = (
    f"where the machine is: {', '.join(TARGETS)}, the address of a board, as tcp://host:port, or replay:FILE"
)


def _target(text: str) -> str:
    """The name of a target; an address that cannot be is refused before anything is opened."""
    try:
        return check_target(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _machine(text: str) -> MachineDescription:
    """The description of a machine. A machine that cannot be is refused before anything is compiled."""
    try:
        return load_machine(text)
    except DescriptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _limits(text: str) -> Limits:
    """The limits of the watch over hangs."""
    try:
        return Limits.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _switch(text: str) -> bool:
    """Whether something is on."""
    if text not in ("on", "off"):
        raise argparse.ArgumentTypeError(f"it must be on or off; it was {text!r}")
    return text == "on"


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="move data through the simulated machine and print the latencies",
        description="Moves verified data through the store device in every mode and with every kind of interrupt, "
        "then prints the latency of each stage in bus clocks.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = run.add_argument
    add("--target", type=_target, default="verilated", metavar="NAME", help=_TARGET_HELP)
    add(
        "--level",
        choices=LEVELS,
        default=argparse.SUPPRESS,
        help=f"{_LEVEL_HELP}; the same as the option `level` of a twin's address",
    )
    add("--machine", type=_machine, default=argparse.SUPPRESS, metavar="NAME", help=_MACHINE_HELP)
    add("--mode", type=_list_of(MODES), default="all", metavar="LIST", help=f"{', '.join(MODES)} or all")
    add(
        "--interrupt",
        type=_list_of(INTERRUPTS),
        default="all",
        metavar="LIST",
        help=f"{', '.join(INTERRUPTS)} or all",
    )
    add(
        "--transfers",
        type=_at_least(1),
        default=_TRANSFERS,
        metavar="N",
        help="writes, each read back, for each row; the default has the samples that p99 needs",
    )
    add("--size", type=_at_least(1), default=4096, metavar="BYTES", help="bytes of each transfer")
    add(
        "--seed",
        type=_at_least(0),
        default=0,
        metavar="N",
        help="of the data; at 0 threads take turns",
    )
    add("--processors", type=_at_least(1), default=1, metavar="N", help="processors of the kernel")
    _add_checks(run)
    add(
        "--rate",
        type=_at_least(1),
        metavar="N",
        help="let N requests arrive in each second of the machine, whatever the driver does (an open load)",
    )
    add(
        "--driver",
        type=_driver,
        metavar="FILE",
        help="measure this driver, with the requests of its routine `scenario`, for each kind of interrupt",
    )
    add("--full-trace", action="store_true", help="show dirql's own frames too when a driver fails")
    add("--waves", type=_file, metavar="FILE", help="dump all signals, as FST or VCD (verilated only)")
    add("--record", type=_file, metavar="FILE", help="record the traffic with the machine, for a replay")
    add("--json", type=_file, metavar="FILE", help="write every figure, with exact histograms")
    add("--trace", type=_file, metavar="FILE", help="write a trace for Perfetto")


def _add_checks(run: argparse.ArgumentParser) -> None:
    """The options of the checks that can be adjusted."""
    add = run.add_argument
    add(
        "--limits",
        type=_limits,
        default=Limits(),
        metavar="LIST",
        help="what counts as a hang, as request=1000000,poll=off; docs/checks.md has the names",
    )
    add(
        "--pool-checks",
        type=_switch,
        default="on",
        metavar="on|off",
        help="poison, guards and quarantine of pool, which docs/checks.md explains",
    )
    add(
        "--buffer-checks",
        type=_switch,
        default="on",
        metavar="on|off",
        help="poison in the buffers of programs, and the look for bytes that nobody wrote",
    )
    add(
        "--race-checks",
        type=_switch,
        default="on",
        metavar="on|off",
        help="with a seed, the look for data that an ISR and other code of a driver both change",
    )


def _selection(text: str) -> Selection:
    """The places that -s selects."""
    try:
        return Selection.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add_lspci(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lspci = commands.add_parser(
        "lspci",
        help="list the PCI functions of a machine, as lspci does on Linux",
        description="Opens a machine and lists the functions on its buses, as configuration space shows them just "
        "after reset. Options and forms are those of lspci on Linux.",
    )
    add = lspci.add_argument
    add(
        "--target",
        type=_target,
        default="verilated",
        metavar="NAME",
        help=f"{_TARGET_HELP} (default: %(default)s)",
    )
    add(
        "--machine",
        type=_machine,
        default=argparse.SUPPRESS,
        metavar="NAME",
        help=_MACHINE_HELP,
    )
    add(
        "-v",
        dest="verbose",
        action="count",
        default=0,
        help="decode headers and capabilities; -vv: every bit",
    )
    add(
        "-x",
        dest="dump",
        action="count",
        default=0,
        help="dump 64 bytes of configuration space; -xxx: 256 bytes",
    )
    add("-t", dest="tree", action="store_true", help="draw the tree of buses and functions; -tv: with names")
    add("-n", dest="numeric", action="count", default=0, help="show numbers for names; -nn: both")
    add(
        "-s",
        dest="selection",
        type=_selection,
        default=Selection(),
        metavar="[[DOMAIN:]BUS:][DEVICE][.FUNCTION]",
        help="show only the functions at these places",
    )


def _add_twin(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    twin = commands.add_parser(
        "twin",
        help="start a twin: a process that answers as a board with this machine does",
        description="Starts a twin, prints its address, and runs until it is stopped, for instance with Ctrl-C. "
        "docs/twins.md has more.",
    )
    add = twin.add_argument
    add(
        "name",
        metavar="BOARD|MACHINE",
        help="a board that `dirql boards` lists, a machine that `dirql machines` lists, or a machine file",
    )
    add("--level", choices=LEVELS, default=LEVELS[0], help=f"{_LEVEL_HELP} (default: %(default)s)")
    add(
        "--baud",
        type=_at_least(300),
        metavar="N",
        help="the rate of the line (default: 3000000 on pins, that of the board for a bitstream, no limit for bytes)",
    )
    place = twin.add_mutually_exclusive_group()
    place.add_argument(
        "--tcp",
        type=_place,
        default=("127.0.0.1", 0),
        metavar="[HOST:]PORT",
        help="the TCP port, and the address of this computer that clients use (default: any port of 127.0.0.1)",
    )
    place.add_argument("--pty", action="store_true", help="make a serial port instead")
    place.add_argument(
        "--usbip",
        type=_place,
        nargs="?",
        const=("127.0.0.1", USBIP_PORT),
        metavar="[HOST:]PORT",
        help=f"be a USB device instead, which `usbip attach` and pyusb reach at this port (default: {USBIP_PORT})",
    )


def _add_shadow(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    shadow = commands.add_parser(
        "shadow",
        help="carry out a recording of a board on the RTL, and show the first difference",
        description="Carries out the calls of a recording, which --record has made, on the RTL in this process. Prints "
        "the first answer that is another one, and saves it as a test. docs/recording.md says what is compared.",
    )
    add = shadow.add_argument
    add("recording", type=Path, metavar="FILE", help="the recording")
    add(
        "--machine",
        type=_machine,
        metavar="NAME",
        help="its machine, for one that dirql does not know by name",
    )
    add(
        "--save",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where a difference becomes a test (default: this folder)",
    )


def _shadow(arguments: argparse.Namespace) -> int:
    from dirql.shadow import describe, save, shadow

    report = shadow(arguments.recording, arguments.machine)
    print(describe(report))
    if not report.difference:
        return 2 if report.ended else 0
    print(f"wrote {save(arguments.recording, report, arguments.save)}, which fails until that is mended")
    return FAILED


def _place(text: str) -> tuple[str, int]:
    """A TCP port, and the address of this computer that it is at."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not int(port) < 1 << 16:
        raise argparse.ArgumentTypeError(f"must be a port from 0 to 65535, as 5555; it was {text!r}")
    return host or "127.0.0.1", int(port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dirql", description="A hardware-in-the-loop testbed for device drivers."
    )
    parser.add_argument("--version", action="version", version=f"dirql {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_lspci(commands)
    _add_twin(commands)
    _add_shadow(commands)
    add_check_bus(commands)
    add_board_commands(commands)
    commands.add_parser("machines", help="list the machines that come with dirql")
    commands.add_parser("doctor", help="check the installation, and say how to mend each problem")
    return parser


def _needs_simulator(arguments: argparse.Namespace) -> bool:
    """Whether the command is for a target inside a simulator, and this process is not one."""
    from dirql.target import inside_simulator

    return arguments.target == "cocotb" and not inside_simulator()


def _start_in_simulator(arguments: argparse.Namespace, argv: list[str]) -> int:
    """Run the whole command inside a simulator; returns the exit status."""
    from dirql.target import run_in_simulator

    return run_in_simulator("dirql.cli:main", argv, machine=arguments.machine)


def _run(arguments: argparse.Namespace, argv: list[str]) -> int:
    if _needs_simulator(arguments):
        return _start_in_simulator(arguments, argv)
    from dirql.job import Options, run
    from dirql.tracebacks import describe_stop, explain_to_program, passed_through, raised_in, shows_driver

    names = vars(arguments).keys() - {"command", "full_trace"}
    options = Options(**{name: getattr(arguments, name) for name in names})
    try:
        return run(options)
    except BaseException as error:
        explain_to_program(error)
        is_usage = isinstance(error, OSError | ValueError) and not (
            arguments.driver and passed_through(error, arguments.driver)
        )
        is_of_driver = (
            arguments.driver and isinstance(error, Exception) and raised_in(error, arguments.driver)
        )
        if arguments.full_trace or is_usage or not (shows_driver(error) or is_of_driver):
            raise
        print(f"dirql: {describe_stop(error)}", file=sys.stderr)
        return FAILED


def _lspci(arguments: argparse.Namespace, argv: list[str]) -> int:
    if _needs_simulator(arguments):
        return _start_in_simulator(arguments, argv)
    from dirql.lspci.command import Options, run
    from dirql.lspci.names import Numbers

    options = Options(
        verbose=arguments.verbose,
        dump=arguments.dump,
        tree=arguments.tree,
        numbers=Numbers(min(arguments.numeric, Numbers.BOTH)),
        selection=arguments.selection,
    )
    print(run(arguments.target, arguments.machine, options), end="")
    return 0


def _twin(arguments: argparse.Namespace) -> int:
    """Build the twin if need be, and become it; the server for USB stays in this process."""
    from dirql.link.pipe import listen
    from dirql.target.simulation.twin import Level
    from dirql.target.twins import serve_usb, twin_plan

    level = Level(arguments.level)
    if arguments.usbip is not None:
        plan = twin_plan(arguments.name, level, arguments.baud)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with contextlib.suppress(KeyboardInterrupt):
            serve_usb(plan, arguments.usbip, lambda address: print(address, flush=True))
        return 0
    host, port = arguments.tcp
    if not arguments.pty:
        listen(host, port, "a twin").close()
    place = (host, None if arguments.pty else port)
    command = twin_plan(arguments.name, level, arguments.baud, *place).command()
    return os.execv(command[0], command)


def _machines() -> int:
    for name in machine_names():
        machine = load_machine(name)
        print(f"{name:10} {machine_number(machine).hex()}  {machine.description}")
    return 0


def _boards(arguments: argparse.Namespace) -> int:
    from dirql.boards.command import run

    return run(arguments)


def _check_bus(arguments: argparse.Namespace) -> int:
    try:
        from dirql.dump.command import check, lines
    except ModuleNotFoundError as error:
        words = "a wave dump needs the package pyvcd, which is not installed: pip install 'dirql[dump]'"
        raise DumpError(words) from error
    report = check(arguments)
    for line in lines(report, transactions=arguments.transactions):
        print(line)
    return FAILED if report.breaches else 0


def _doctor() -> int:
    from dirql.doctor import main as doctor

    return doctor()


_COMMANDS: dict[str, Callable[[argparse.Namespace, list[str]], int]] = {
    "run": _run,
    "lspci": _lspci,
    "twin": lambda arguments, _argv: _twin(arguments),
    "shadow": lambda arguments, _argv: _shadow(arguments),
    "check-bus": lambda arguments, _argv: _check_bus(arguments),
    "machines": lambda _arguments, _argv: _machines(),
    "doctor": lambda _arguments, _argv: _doctor(),
    **dict.fromkeys(BOARD_COMMANDS, lambda arguments, _argv: _boards(arguments)),
}


def _refuse_one_file_for_two(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse a file that two options name, one of which would write over the other's, or over the driver."""
    seen = {} if arguments.driver is None else {arguments.driver.resolve(): "driver"}
    for option in ("waves", "json", "trace", "record"):
        path: Path | None = getattr(arguments, option)
        if path is None or not (path.is_file() or not path.exists()):
            continue
        if path.resolve() in seen:
            parser.error(f"--{option} must name another file than --{seen[path.resolve()]}; both were {path}")
        seen[path.resolve()] = option


def _take_level(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Put the level of `dirql run` into the address of its target, which must be a twin without one."""
    level = vars(arguments).pop("level")
    kind, _, options = arguments.target.partition("?")
    if kind.partition(":")[0] != "twin" or "level=" in options:
        parser.error(
            f"--level needs a twin whose address has no level, as --target twin:hx8k; the target was {arguments.target}"
        )
    arguments.target += f"{'&' if options else '?'}level={level}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command == "run" and "level" in arguments:
        _take_level(parser, arguments)
    from dirql.target.contract import TargetError
    from dirql.target.simulation.toolchain import SetupError

    if "target" in arguments and "machine" not in arguments:
        try:
            arguments.machine = _machine(machine_of(arguments.target))
        except (argparse.ArgumentTypeError, TargetError) as error:
            parser.error(f"--target {arguments.target}: {error}")
    if arguments.command == "run" and arguments.waves and arguments.target != "verilated":
        parser.error(
            f"--waves needs --target verilated; the target was {arguments.target}. The clocks are the same on both"
        )
    if arguments.command == "run":
        _refuse_one_file_for_two(parser, arguments)
    try:
        return _COMMANDS[arguments.command](arguments, argv)
    except KeyboardInterrupt as interrupt:
        print("\ninterrupted", *getattr(interrupt, "__notes__", ()), sep=": ", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (SetupError, TargetError, OSError, ValueError) as error:
        print(f"dirql: {error}", file=sys.stderr)
        return 2
