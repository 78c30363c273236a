# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The main job: what it prints and writes, and what makes it fail."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dirql import cli, wdm
from dirql.drivers import store
from dirql.drivers.store import interrupt, plugplay
from dirql.hardware.reading import load_machine
from dirql.io.handle import Handle
from dirql.job import Options, warn_of_size
from dirql.machine import open_machine
from dirql.registers import store as registers
from dirql.target import open_target
from dirql.trace.latency import Stage
from dirql.trace.recorder import Recorder

ALL_ROWS = [
    ("polled", None),
    ("timer", None),
    *((mode, kind) for kind in ("level", "latched", "message") for mode in ("interrupt", "dma")),
]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def test_all_rows_move_right_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run, trace = tmp_path / "run.json", tmp_path / "run.pftrace"
    arguments = ["run", "--transfers", "3", "--size", "300", "--json", str(run), "--trace", str(trace)]
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "All data was right and nothing leaked." in shown
    document = json.loads(run.read_text(encoding="utf-8"))
    assert document["verdict"] == "pass"
    assert [(mode["mode"], mode["interrupt"]) for mode in document["modes"]] == ALL_ROWS
    assert all(mode["irps"] == 6 and mode["bytes"] == 1800 for mode in document["modes"])
    assert trace.stat().st_size > 10_000


def test_interrupts_that_a_machine_lacks_get_no_row_and_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = tmp_path / "run.json"
    arguments = ["run", "--machine", "tiny", "--transfers", "2", "--size", "300"]
    assert cli.main([*arguments, "--json", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "There is no row for message: the stores of tiny have no such interrupts." in shown
    document = json.loads(run.read_text(encoding="utf-8"))
    kinds = [(mode["mode"], mode["interrupt"]) for mode in document["modes"]]
    assert kinds == [row for row in ALL_ROWS if row[1] != "message"]
    assert cli.main([*arguments, "--mode", "dma", "--interrupt", "message"]) == 2
    assert "--interrupt must name a kind that the stores of tiny have" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    documents = []
    for name in ("first.json", "second.json"):
        path = tmp_path / name
        assert (
            cli.main(["run", "--transfers", "2", "--seed", "7", "--processors", "2", "--json", str(path)])
            == 0
        )
        document = json.loads(path.read_text(encoding="utf-8"))
        for mode in document["modes"]:
            del mode["wall_seconds"]
        documents.append(document)
    assert documents[0] == documents[1]


def test_wrong_data_fails_the_job_and_says_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(handle: Handle, length: int, offset: int = 0) -> bytes:
        data = bytearray(handle.read_overlapped(length, offset).result())
        data[5] ^= 0x40
        return bytes(data)

    monkeypatch.setattr(Handle, "read", read)
    assert cli.main(["run", "--transfers", "1", "--mode", "dma", "--interrupt", "level"]) == 1
    shown = capsys.readouterr().out
    assert "WRONG" in shown
    assert "must be 0x" in shown


def test_a_leak_fails_the_job_and_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugplay, "ExFreePoolWithTag", lambda *_: None)
    assert cli.main(["run", "--transfers", "1", "--mode", "polled"]) == 1
    assert "'Stor'" in capsys.readouterr().out


def test_a_size_that_does_not_fit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--size", "65537"]) == 2
    shown = capsys.readouterr()
    assert "--size must be at most 65536 bytes, the size of the device; it was 65537" in shown.err
    assert not shown.out


def test_waves_are_written(tmp_path: Path) -> None:
    path = tmp_path / "run.vcd"
    arguments = ["run", "--transfers", "1", "--size", "4", "--mode", "dma", "--interrupt", "level"]
    assert cli.main([*arguments, "--waves", str(path)]) == 0
    written = [file for file in tmp_path.iterdir() if file.stem == "run"]
    assert [file.suffix in {".vcd", ".fst"} for file in written] == [True]
    assert written[0].stat().st_size > 10_000


def test_a_file_that_cannot_be_written_costs_no_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["run", "--transfers", "1", "--mode", "dma", "--interrupt", "level"]
    assert cli.main([*arguments, "--json", "/dev/full", "--trace", str(tmp_path / "trace")]) == 2
    shown = capsys.readouterr().out
    assert "All data was right and nothing leaked." in shown
    assert "/dev/full could not be written: no space left on device" in shown
    assert (tmp_path / "trace").stat().st_size > 1000


LIMITED = """
import resource, sys
from dirql import cli, job
open_machine = job.open_machine
def open_limited(*arguments, **options):
    machine = open_machine(*arguments, **options)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
    return machine
job.open_machine = open_limited
"""


def test_waves_for_which_the_disk_has_no_room_cost_no_table(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk's."""
    arguments = ["run", "--transfers", "1", "--size", "4", "--mode", "dma", "--interrupt", "level"]
    call = f"sys.exit(cli.main({[*arguments, '--waves', str(tmp_path / 'run.vcd')]!r}))"
    open_target("verilated", waves=tmp_path / "compiled.vcd", announce=lambda _line: None).close()
    done = subprocess.run([sys.executable, "-c", LIMITED + call], capture_output=True, text=True, check=False)
    assert "All data was right and nothing leaked." in done.stdout, done.stderr
    if (tmp_path / "run.vcd").exists():  # the writer of FST does not tell
        assert done.returncode == 2
        assert f"the waves in {tmp_path / 'run.vcd'} are not complete: file too large" in done.stdout


def test_large_waves_are_announced(capsys: pytest.CaptureFixture[str]) -> None:
    parsed = cli._parser().parse_args(["run", "--waves", "x.vcd"])
    names = {each.name for each in dataclasses.fields(Options)}
    given = {name: value for name, value in vars(parsed).items() if name in names}
    options = Options(**{"machine": load_machine("default"), **given})
    warn_of_size(options)
    assert "about 19 million clocks of waves, which are 43 GB as VCD" in capsys.readouterr().err
    warn_of_size(dataclasses.replace(options, mode=("dma",), transfers=20))
    assert capsys.readouterr().err == ""


def measured(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """The only mode in the JSON document of a run."""
    path = tmp_path / "run.json"
    cli.main(["run", "--mode", "dma", "--interrupt", "level", "--json", str(path), *arguments])
    (mode,) = json.loads(path.read_text(encoding="utf-8"))["modes"]
    return dict(mode)


def test_a_closed_load_says_that_it_is_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mode = measured(tmp_path, "--transfers", "3")
    assert (mode["load"], mode["rate"]) == ("closed", None)
    assert mode["response"] == mode["stages"]["request"]
    assert mode["response"]["samples"] == 6
    assert "Closed load" in capsys.readouterr().out


def test_in_an_open_load_requests_that_wait_are_timed_from_their_arrival(tmp_path: Path) -> None:
    """A request of 4 KiB takes about 36 µs, so that 40,000 in a second are more than the driver can serve."""
    slow = measured(tmp_path, "--transfers", "20", "--rate", "1000")
    fast = measured(tmp_path, "--transfers", "20", "--rate", "40000")
    assert [(mode["load"], mode["rate"], mode["verified"], mode["irps"]) for mode in (slow, fast)] == [
        ("open", 1000, True, 40),
        ("open", 40_000, True, 40),
    ]
    assert slow["response"]["samples"] == fast["response"]["samples"] == 40
    assert slow["clocks"] > 0.039 * load_machine("default").frequency  # the last one arrives after 39 ms
    assert slow["response"]["max"] < 2 * slow["stages"]["request"]["p50"]
    assert (slow["kept_up"], fast["kept_up"]) == (True, False)
    # Each request waits for those before it: a closed load would tell about 1,200 clocks for each of them.
    assert fast["response"]["max"] > 10 * slow["response"]["max"]


def test_an_open_load_runs_with_several_processors_and_stores(tmp_path: Path) -> None:
    mode = measured(tmp_path, "--transfers", "5", "--rate", "30000", "--processors", "2", "--seed", "3")
    assert (mode["verified"], mode["errors"], mode["valid"]) == (True, [], True)
    mode = measured(tmp_path, "--transfers", "5", "--rate", "30000", "--machine", "shared")
    assert (mode["irps"], mode["verified"], mode["errors"]) == (40, True, [])


OWN = Path(__file__).resolve().parents[2] / "examples" / "own_driver" / "own_driver.py"
SCENARIO = r"""

def scenario(machine):
    with machine.open(r"\\.\Own") as handle:

        def transfer(number):
            data = number.to_bytes(4, "little") * 16
            handle.write(data)
            assert handle.read(64) == data[:LENGTH], "it was other data"
            return 128

        yield transfer
"""


def own_driver(folder: Path, length: int = 64) -> str:
    file = folder / "mine.py"
    file.write_text(
        OWN.read_text(encoding="utf-8") + SCENARIO.replace("LENGTH", str(length)), encoding="utf-8"
    )
    return str(file)


@pytest.mark.parametrize("load", [(), ("--rate", "5000")])
def test_a_driver_of_ones_own_is_measured_with_its_scenario(tmp_path: Path, load: tuple[str, ...]) -> None:
    mode = measured(tmp_path, "--driver", own_driver(tmp_path), "--transfers", "20", *load)
    assert (mode["mode"], mode["interrupt"], mode["irps"], mode["bytes"]) == ("mine", "level", 40, 2560)
    assert (mode["verified"], mode["valid"], mode["stages"]["isr"]["samples"]) == (True, True, 40)
    assert mode["response"]["samples"] == (20 if load else 40)


def test_wrong_data_of_a_scenario_fails_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--driver", own_driver(tmp_path, 63), "--transfers", "2", "--interrupt", "level"]
    assert cli.main(["run", *arguments]) == 1
    shown = capsys.readouterr().out
    assert "WRONG" in shown
    assert "mine, level: transfer 1: it was other data" in shown


FAILING = """

def scenario(machine, runs=[]):
    runs.append(machine)
    with machine.open(r"\\\\.\\Own") as handle:

        def transfer(number):
            handle.write(bytes(64))
            if len(runs) == 2 and number == 3:
                raise KeyError("no such key")
            return 64

        yield transfer
"""


@pytest.mark.parametrize("kinds", ["level,message", "level"])
def test_rows_that_were_measured_before_a_failure_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kinds: str
) -> None:
    file, json_file = tmp_path / "mine.py", tmp_path / "run.json"
    file.write_text(OWN.read_text(encoding="utf-8") + FAILING, encoding="utf-8")
    whole = kinds == "level"
    arguments = ["--driver", str(file), "--transfers", "5", "--interrupt", kinds, "--json", str(json_file)]
    status = cli.main(["run", *arguments])
    shown, told = capsys.readouterr()
    document = json.loads(json_file.read_text())
    assert [mode["irps"] for mode in document["modes"]] == [5]
    assert "mine, level" in shown
    assert status == (0 if whole else 1)
    assert ("dirql: KeyError: 'no such key'\n" in told) is not whole
    assert document["verdict"] == ("pass" if whole else "fail")
    expected = "the job ended in mine, message, and the tables have the rows before it alone: 'no such key'"
    assert document["stopped"] == (None if whole else expected)
    assert ("the job ended in mine, message" in shown) is not whole
    assert ("All data was right" in shown) is whole


ODD = """

def scenario(machine):
    with machine.open(r"\\\\.\\Own") as handle:

        def transfer(number):
            BODY

        yield transfer
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 64", "no request was made: the routine of the scenario must make the requests to measure"),
        (
            "handle.write(bytes(64)); return -5",
            "transfer 1: the routine must return the number of bytes that it moved, or None; it was -5",
        ),
        (
            "handle.write(bytes(64)); return handle.read(64) == b'x' * 64",
            "transfer 1: the routine returned False, which says that the data was wrong",
        ),
        (
            "request = handle.write_overlapped(bytes(64))\n            while not request.has_completed: pass",
            "All data was right and nothing leaked.",
        ),
    ],
    ids=["no request", "a negative number", "a comparison", "a poll"],
)
def test_odd_scenarios_are_told_or_end_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, said: str
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN.read_text(encoding="utf-8") + ODD.replace("BODY", body), encoding="utf-8")
    status = cli.main(["run", "--driver", str(file), "--transfers", "3", "--interrupt", "level"])
    shown = " ".join(capsys.readouterr().out.split())
    assert said in shown
    assert status == (0 if said.startswith("All") else 1)


def test_waves_of_a_driver_of_ones_own_are_announced_by_their_growth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--driver", own_driver(tmp_path), "--transfers", "1", "--interrupt", "level"]
    assert cli.main(["run", *arguments, "--waves", str(tmp_path / "all.fst")]) == 0
    assert "waves grow by about 2.3 GB with each million clocks" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "first", "shown"),
    [
        ("x = (\n", "SyntaxError: '(' was never closed (mine.py, line 1)", ""),
        ("x = 1\0\n", "SyntaxError: source code string cannot contain null bytes (mine.py)", ""),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'", "line 1"),
        ("x = no_such_name\n", "NameError: name 'no_such_name' is not defined", "line 1"),
        ("1 / 0\n", "ZeroDivisionError: division by zero", "line 1"),
        (
            "import sys\nsys.exit(0)\n",
            "a driver's file must not end the program when it is imported; 'mine.py' called sys.exit",
            "",
        ),
    ],
)
def test_a_driver_that_cannot_be_imported_is_told_in_a_few_lines(
    code: str,
    first: str,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(code, encoding="utf-8")
    assert cli.main(["run", "--driver", "mine.py"]) in (1, 2)
    told = capsys.readouterr().err
    assert told.startswith(f"dirql: {first}")
    assert shown in told
    assert "dirql/cli.py" not in told
    assert "importlib" not in told


def test_an_error_of_a_scenario_is_shown_without_the_frames_of_dirql(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "def DriverEntry(driver, path):\n    driver.driver_unload = lambda _: None\n    return 0\n"
        "def scenario(machine):\n    yield 1 // 0\n",
        encoding="utf-8",
    )
    assert cli.main(["run", "--driver", str(file)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("dirql: ZeroDivisionError: integer division or modulo by zero\n")
    assert told.count('File "') == 1


@pytest.mark.parametrize("option", ["--json", "--trace", "--record", "--waves"])
def test_an_output_does_not_write_over_the_driver(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        cli.main(["run", "--driver", str(file), option, str(file)])
    assert f"{option} must name another file than --driver" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "x = 1\n"


def test_a_driver_without_a_scenario_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--driver", str(OWN), "--transfers", "1"]) == 2
    assert "must have a generator scenario(machine)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("    raise SystemExit(0)\n    yield", "must not end the program; sys.exit was called"),
        ("    def end(number):\n        raise SystemExit(0)\n    yield end", "must not end the program"),
        ("    return iter(())", "must have a generator scenario(machine)"),
        (
            "    yield 5",
            "must yield a routine transfer(number), which gets the number of the transfer; it was 5",
        ),
        ("    yield lambda: None", "must yield a routine transfer(number), which gets the number"),
    ],
    ids=["ends", "ends in a transfer", "no generator", "no routine", "no parameter"],
)
def test_a_scenario_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scenario: str, said: str
) -> None:
    file = tmp_path / "mine.py"
    text = OWN.read_text(encoding="utf-8")
    file.write_text(f"{text}\n\ndef scenario(machine):\n{scenario}\n", encoding="utf-8")
    try:
        status, told = (
            cli.main(["run", "--driver", str(file), "--transfers", "3", "--interrupt", "level"]),
            "",
        )
    except ValueError as error:
        status, told = 1, str(error)
    assert status
    assert said in told + capsys.readouterr().err


def test_a_cause_that_nobody_serves_makes_the_figures_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two causes, one message, and a service routine that clears one of them: nothing asks for the other again."""

    def read(address: int) -> int:
        value = wdm.READ_REGISTER_ULONG(address)
        return value & -value if address & 0xFFF == registers.INTERRUPT_CAUSE.offset else value

    monkeypatch.setattr(interrupt, "READ_REGISTER_ULONG", read)
    with open_machine() as machine:
        driver = machine.load_driver(store, interrupt="message")
        assert driver.device_object is not None
        extension = driver.device_object.device_extension
        base = extension.registers.address
        extension.enabled_causes = registers.INTERRUPT_CAUSE.RAISED | registers.INTERRUPT_CAUSE.ERROR

        def put(offset: int, value: int) -> None:
            wdm.WRITE_REGISTER_ULONG(base + offset, value)

        with Recorder(machine.target, machine.kernel, machine.io.hooks) as recorder:
            put(registers.INTERRUPT_MASK_SET.offset, extension.enabled_causes)
            old = wdm.KeRaiseIrql(wdm.CLOCK_LEVEL - 1)
            put(registers.DELAY.offset, 0)
            put(registers.COMMAND.offset, registers.Operation.RAISE)
            wdm.KeStallExecutionProcessor(3)
            wdm.READ_REGISTER_ULONG(base + registers.FIFO_WINDOW.offset)  # an empty FIFO: cause ERROR
            wdm.KeStallExecutionProcessor(3)
            wdm.KeLowerIrql(old)
            wdm.KeStallExecutionProcessor(10)
    analysis = recorder.analysis()
    assert (analysis.counts.causes, analysis.counts.interrupts, analysis.counts.pending) == (2, 1, 1)
    assert analysis.stages[Stage.DELIVER].samples == 1
    assert analysis.problems == ("1 cause of a device was still set at the end: nobody served it",)
    assert analysis.invalid == {Stage.DELIVER, Stage.TOTAL, Stage.QUIET}
