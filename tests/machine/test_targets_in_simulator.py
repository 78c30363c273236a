# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Running inside a simulator: the contract test there, exit statuses, standard streams, Ctrl-C, death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from dirql.registers.store import Operation
from dirql.target import MemoryDelays, inside_simulator, open_target, run_in_simulator
from dirql.target.contract import TargetError
from machine.target_bench import open_bench

pytestmark = pytest.mark.skipif(inside_simulator(), reason="starts a simulator of its own")

HERE = Path(__file__).parent


def run_contract(arguments: Sequence[str]) -> int:
    """Inside a simulator: a pytest session."""
    return int(pytest.main(list(arguments)))


@pytest.mark.parametrize(("machine", "selection"), [("default", "cocotb"), ("shared", "slow")])
def test_the_contract_holds_inside_a_simulator(machine: str, selection: str) -> None:
    """The machine `default` with a fast and a slow memory; one with several functions with a slow one."""
    contract = [
        str(HERE / name)
        for name in ("test_target_contract.py", "test_target_arguments.py", "test_confinement.py")
    ]
    # In the simulator dirql is imported before pytest, which warns of that if dirql is installed as a plugin.
    ignored = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"
    options = ["-q", "-p", "no:cacheprovider", "-W", ignored, "--dirql-machine", machine, "-k", selection]
    entry = "machine.test_targets_in_simulator:run_contract"
    assert run_in_simulator(entry, [*options, *contract], machine=machine) == 0


def take_turns(arguments: Sequence[str]) -> int:
    """Inside a simulator: targets with a slow and with a fast memory, one after the other, with DMA on each."""
    source, destination, size = 0x1000, 0x5000, 1024
    data = bytes(place & 0xFF for place in range(size))
    clocks = set()
    for seed in range(1, 9):
        for delays in (MemoryDelays(seed), None):
            bench = open_bench("cocotb", *arguments, memory_delays=delays)
            with closing(bench.target) as target:
                memory, begin = target.memory, target.now()
                memory[source : source + size] = data
                for operation, address in (
                    (Operation.DMA_WRITE, source),
                    (Operation.DMA_READ, destination),
                ):
                    bench.transfer_by_dma(operation, address, size, 0x8_0000)
                    bench.wait_until_idle()
                assert memory[destination : destination + size] == data
                if delays is None:
                    clocks.add(target.now() - begin)
    assert len(clocks) == 1
    return 0


def test_a_slow_memory_leaves_nothing_to_the_next_target() -> None:
    """A simulator has one machine; its memory may be in the middle of a delay when a target is closed."""
    assert run_in_simulator("machine.test_targets_in_simulator:take_turns", ["default"]) == 0


def say(arguments: Sequence[str]) -> int:
    """Inside a simulator: write to both streams and end as the arguments say."""
    assert inside_simulator()
    sys.stdout.write(f"out {' '.join(arguments)}\n")
    sys.stderr.write(f"err {' '.join(arguments)}\n")
    how, value = arguments
    if how == "exit":
        raise SystemExit(int(value))
    if how == "raise":
        raise ValueError(value)
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return int(value)


def in_simulator(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `say` in a simulator that another process launches, as a shell would see it."""
    return subprocess.run(
        launcher("say", *arguments), capture_output=True, text=True, check=False, timeout=500
    )


def launcher(entry: str, *arguments: str) -> list[str]:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from dirql.target import run_in_simulator\n"
        f"sys.exit(run_in_simulator('machine.test_targets_in_simulator:{entry}', {list(arguments)!r}))"
    )
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(("how", "status"), [("return", 0), ("return", 7), ("exit", 3)])
def test_the_exit_status_and_the_streams_come_through(how: str, status: int) -> None:
    done = in_simulator(how, str(status))
    assert done.returncode == status
    assert done.stdout == f"out {how} {status}\n"
    assert done.stderr == f"err {how} {status}\n"


def test_an_exception_is_shown_and_is_status_one() -> None:
    done = in_simulator("raise", "some reason")
    assert done.returncode == 1
    assert "ValueError: some reason" in done.stderr
    assert done.stdout == "out raise some reason\n"


def test_a_simulator_that_dies_is_an_error_that_says_so() -> None:
    done = in_simulator("die", "0")
    assert done.returncode == 1
    assert "SimulatorError: the simulator died before the function in it had returned" in done.stderr


def wait_for_ever(_arguments: Sequence[str]) -> int:
    """Inside a simulator: wait for an interrupt that never comes."""
    target = open_target("cocotb")
    sys.stdout.write(f"pid {os.getpid()}\n")
    sys.stdout.flush()
    target.wait()
    return 0


def test_ctrl_c_ends_a_wait_without_limit_and_leaves_nothing() -> None:
    launched = subprocess.Popen(
        launcher("wait_for_ever"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert launched.stdout is not None
    simulator = int(launched.stdout.readline().split()[1])
    os.killpg(launched.pid, signal.SIGINT)
    _, errors = launched.communicate(timeout=60)
    assert launched.returncode == 130
    assert errors == ""
    assert not Path(f"/proc/{simulator}").exists()


def test_a_simulator_ends_with_its_launcher() -> None:
    launched = subprocess.Popen(launcher("wait_for_ever"), stdout=subprocess.PIPE, text=True)
    assert launched.stdout is not None
    simulator = Path("/proc") / launched.stdout.readline().split()[1]
    launched.kill()
    launched.communicate(timeout=60)
    end = time.monotonic() + 20
    while simulator.exists() and "Z" not in (simulator / "stat").read_text().split()[2]:
        assert time.monotonic() < end, "the simulator outlived its launcher"
        os.sched_yield()


def open_twice(_arguments: Sequence[str]) -> int:
    """Inside a simulator: there is one machine, and it says so."""
    first = open_target("cocotb")
    with pytest.raises(TargetError, match="must be open once at a time"):
        open_target("cocotb")
    first.close()
    open_target("cocotb").close()
    return 0


def test_a_simulator_has_one_machine() -> None:
    assert run_in_simulator("machine.test_targets_in_simulator:open_twice") == 0


def test_outside_a_simulator_there_is_no_cocotb_target() -> None:
    with pytest.raises(
        TargetError, match="must be opened inside a simulator; it was opened outside: start one with"
    ):
        open_target("cocotb")
