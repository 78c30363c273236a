# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin, in sessions of their own: marks, skips and leaks."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from dirql.target import inside_simulator
from sessions import SESSION

pytestmark = pytest.mark.skipif(inside_simulator(), reason="starts sessions of its own")


def session(folder: Path, test: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(f"import pytest\n{test}", encoding="utf-8")
    words = [*SESSION, "-rs", "--rootdir", str(folder), str(folder), *arguments]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_a_skip_names_the_capability_that_is_missing(tmp_path: Path) -> None:
    test = "@pytest.mark.needs('WAVES', 'TIMESTAMPS')\ndef test_it(machine):\n    pass\n"
    assert "1 passed" in session(tmp_path, test).stdout
    done = session(tmp_path, test, "--dirql-target", "cocotb")
    assert "1 skipped" in done.stdout
    assert "target cocotb lacks WAVES (signals can be dumped to a file)" in done.stdout


def test_pytest_takes_the_modules_of_dirql_as_they_are(tmp_path: Path) -> None:
    test = (
        "from _pytest.assertion.rewrite import AssertionRewritingHook as Hook\n"
        "def test_it(machine):\n"
        "    import sys\n"
        "    own = {name: it for name, it in sys.modules.items() if name == __name__ or name.startswith('dirql.')}\n"
        "    rewritten = {name for name, it in own.items() if isinstance(it.__spec__.loader, Hook)}\n"
        "    assert rewritten == {__name__, 'dirql.pytest_plugin'}\n"
    )
    done = session(tmp_path, test)
    assert "1 passed" in done.stdout, done.stdout


def test_an_unknown_capability_is_an_error(tmp_path: Path) -> None:
    done = session(tmp_path, "@pytest.mark.needs('SPEED')\ndef test_it(machine):\n    pass\n")
    assert done.returncode != 0
    assert "a capability must be one of DETERMINISTIC" in done.stdout


def test_the_marks_choose_the_driver_and_the_machine(tmp_path: Path) -> None:
    test = (
        "@pytest.mark.machine(processors=2)\n"
        "@pytest.mark.driver('dirql.drivers.store', interrupt='latched')\n"
        "def test_it(handle, device, machine):\n"
        "    assert len(machine.kernel.processors) == 2\n"
        "    assert machine.devices[1].interrupt == 'latched'\n"
        "    assert handle.write(b'abc') == 3\n"
    )
    done = session(tmp_path, test)
    assert "1 passed" in done.stdout, done.stdout


def test_the_machine_of_the_session_and_of_one_test(tmp_path: Path) -> None:
    test = (
        "def test_the_session(machine):\n"
        "    assert machine.target.description.name == 'tiny'\n"
        "@pytest.mark.machine(machine='shared')\n"
        "def test_the_mark(machine):\n"
        "    assert len(machine.devices) == 5\n"
    )
    done = session(tmp_path, test, "--dirql-machine", "tiny")
    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.slow
def test_the_mark_takes_the_machine_without_the_name_of_the_option(tmp_path: Path) -> None:
    test = (
        "@pytest.mark.machine('tiny', seed=3)\n"
        "def test_it(machine):\n"
        "    assert machine.target.description.name == 'tiny'\n"
    )
    done = session(tmp_path, test)
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("'tiny', 'shared'", "it had 'tiny', 'shared'"),
        ("'tiny', machine='shared'", "it had 'tiny', machine='shared'"),
        ("name='tiny'", "options of open_machine, which are target, .*; it had name='tiny'"),
        ("'tny'", "a machine must be one of .* did you mean tiny"),
    ],
)
def test_a_mark_that_cannot_be_is_an_error(tmp_path: Path, given: str, shown: str) -> None:
    done = session(tmp_path, f"@pytest.mark.machine({given})\ndef test_it(machine):\n    pass\n")
    assert done.returncode != 0
    assert re.search(shown, done.stdout), done.stdout


def test_the_session_and_one_test_choose_a_slow_memory(tmp_path: Path) -> None:
    test = (
        "import struct\n"
        "from dirql.drivers.store.interface import IOCTL_STORE_SET_MODE, TransferMode\n"
        "from dirql.target import MemoryDelays\n"
        "def clocks(machine, handle):\n"
        "    handle.ioctl(IOCTL_STORE_SET_MODE, struct.pack('<I', TransferMode.DMA))\n"
        "    begin = machine.target.now()\n"
        "    handle.write(bytes(4096))\n"
        "    return machine.target.now() - begin\n"
        "def test_the_session(machine, handle):\n"
        "    assert clocks(machine, handle) SESSION 2500\n"
        "@pytest.mark.machine(memory_delays=MemoryDelays(1))\n"
        "def test_the_mark(machine, handle):\n"
        "    assert clocks(machine, handle) > 2500\n"
    )
    fast = session(tmp_path, test.replace("SESSION", "<"))
    assert "2 passed" in fast.stdout, fast.stdout
    slow = session(tmp_path, test.replace("SESSION", ">"), "--dirql-memory-delays", "1")
    assert "2 passed" in slow.stdout, slow.stdout


def test_a_file_that_cannot_be_written_costs_no_test(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "test_it.py_test_it.json").symlink_to("/dev/full")
    test = "def test_it(handle):\n    assert handle.write(b'abc') == 3\n"
    done = session(tmp_path, test, "--dirql-json", str(tmp_path / "out"))
    assert "1 passed" in done.stdout
    assert "test_it.json could not be written: no space left on device" in done.stdout
    assert done.returncode == 1


def test_the_file_of_a_test_with_a_long_name_has_a_shorter_one(tmp_path: Path) -> None:
    test = "@pytest.mark.parametrize('text', ['ä' * 300])\ndef test_it(machine, text):\n    pass\n"
    done = session(tmp_path, test, "--dirql-json", str(tmp_path / "out"))
    assert "1 passed" in done.stdout, done.stdout
    assert len([*(tmp_path / "out").iterdir()]) == 1


def test_a_leak_fails_the_test(tmp_path: Path) -> None:
    test = (
        "from dirql.drivers.store import plugplay\n"
        "def test_it(device, monkeypatch):\n"
        "    plugplay.ExFreePoolWithTag = lambda address, tag: None\n"
    )
    done = session(tmp_path, test)
    assert done.returncode == 1
    assert "the drivers left behind" in done.stdout


def test_a_mistake_that_nt_lets_pass_fails_the_test(tmp_path: Path) -> None:
    test = (
        "from dirql.ke.defects import report_defect\n"
        "def test_it(device, machine):\n"
        "    report_defect('WDG-03', 'a stall must be short')\n"
        "def test_expected(device, machine):\n"
        "    test_it(device, machine)\n"
        "    assert machine.defects.pop()[0] == 'WDG-03'\n"
    )
    done = session(tmp_path, test)
    assert "2 passed, 1 error" in done.stdout, done.stdout
    assert "WDG-03: a stall must be short" in done.stdout


def test_a_driver_that_finds_no_device_says_what_to_do(tmp_path: Path) -> None:
    test = (
        "import types\n"
        "empty = types.ModuleType('empty')\n"
        "empty.DriverEntry = lambda driver, path: 0\n"
        "@pytest.mark.driver(empty)\n"
        "def test_it(device):\n"
        "    pass\n"
    )
    done = session(tmp_path, test)
    assert "empty found no device to drive; its HARDWARE_IDS must name one on the bus" in done.stdout


BUGS = """
from dirql.drivers.store import plugplay, driver
from dirql import wdm

def bug(*_):
    wdm.KeLowerIrql(wdm.HIGH_LEVEL)

def test_body(handle):
    bug()

def test_start(monkeypatch, request):
    monkeypatch.setattr(plugplay, "StoreAcquireHardware", bug)
    request.getfixturevalue("device")

def test_close(monkeypatch, handle):
    monkeypatch.setattr(plugplay, "StoreDeleteDevice", bug)

def test_cleanup(device, monkeypatch, request):
    device.driver_object.major_function[wdm.IRP_MJ_CLEANUP] = bug
    request.getfixturevalue("handle")
"""


def test_a_bug_check_leaves_the_next_test_alone(tmp_path: Path) -> None:
    good = "".join(f"\ndef test_good_{n}(handle):\n    assert handle.write(b'a') == 1\n" for n in range(2))
    done = session(
        tmp_path, BUGS.replace("def test_start", good + "\ndef test_start") + good.replace("good", "last")
    )
    counts = done.stdout.splitlines()[-1]
    # Two of the four bug checks come during a test and two after one. The four good tests pass nevertheless.
    assert "2 failed, 6 passed, 2 errors" in counts, done.stdout
    assert "DRIVER_VERIFIER_DETECTED_VIOLATION" in done.stdout
    assert "finalized" not in done.stdout + done.stderr


TWO_TESTS = (
    "def test_good(handle):\n    assert handle.write(b'abcd') == 4\n"
    "@pytest.mark.parametrize('number', [1])\n"
    "def test_bad(handle, number):\n    handle.write(b'abcd')\n    assert not number\n"
)


def test_each_test_leaves_its_files(tmp_path: Path) -> None:
    folders = {kind: tmp_path / "out" / kind for kind in ("waves", "trace", "json")}
    options = [word for kind, folder in folders.items() for word in (f"--dirql-{kind}", str(folder))]
    done = session(tmp_path, TWO_TESTS, *options)
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    names = ["test_it.py_test_bad_1", "test_it.py_test_good"]
    for folder in folders.values():
        assert sorted(file.stem for file in folder.iterdir()) == names
        assert all(file.stat().st_size > 500 for file in folder.iterdir())
    documents = [json.loads((folders["json"] / f"{name}.json").read_text(encoding="utf-8")) for name in names]
    assert [document["outcome"] for document in documents] == ["failed", "passed"]
    assert documents[1]["test"] == "test_it.py::test_good"
    assert documents[1]["valid"]
    assert documents[1]["stages"]["request"]["samples"] >= 2  # the write, and at least the open


def test_the_files_may_be_kept_for_tests_that_fail_only(tmp_path: Path) -> None:
    waves, latencies = tmp_path / "waves", tmp_path / "json"
    options = ("--dirql-waves", str(waves), "--dirql-json", str(latencies), "--dirql-only-failed")
    session(tmp_path, TWO_TESTS, *options)
    for folder in (waves, latencies):
        assert [file.stem for file in folder.iterdir()] == ["test_it.py_test_bad_1"]


def test_a_machine_that_stopped_leaves_its_recording(tmp_path: Path) -> None:
    test = (
        "from dirql import wdm\n"
        "def test_it(handle, machine):\n"
        "    handle.write(b'abcd')\n"
        "    wdm.KeBugCheckEx(0xE2, 0, 0, 0, 0)\n"
    )
    session(tmp_path, test, "--dirql-json", str(tmp_path / "json"))
    (file,) = (tmp_path / "json").iterdir()
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["outcome"] == "failed"
    assert document["counts"]["irps"] >= 2


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_first_test(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = session(tmp_path, TWO_TESTS, "--dirql-json", str(tmp_path / "file" / "json"))
    assert done.returncode == 4
    assert "must be one that can be written to" in done.stderr


def test_a_test_that_records_itself_is_left_its_recording(tmp_path: Path) -> None:
    test = (
        "from dirql.trace.recorder import Recorder\n"
        "def test_it(handle, machine):\n"
        "    with Recorder(machine.target, machine.kernel, machine.io.hooks) as recorder:\n"
        "        handle.write(b'abcd')\n"
        "    assert recorder.analysis().valid\n"
        "    assert recorder.analysis().counts.irps == 1\n"
    )
    done = session(tmp_path, test, "--dirql-json", str(tmp_path / "json"))
    assert "1 passed" in done.stdout, done.stdout


def test_the_clocks_of_each_test_are_limited(tmp_path: Path) -> None:
    test = (
        "def test_long(handle):\n"
        "    while True:\n"
        "        handle.write(b'abcd')\n"
        "def test_short(handle):\n"
        "    handle.write(b'abcd')\n"
    )
    done = session(tmp_path, test, "--dirql-limits", "clocks=200000")
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "the machine has run for 200,000 clocks, the limit `clocks`" in done.stdout


def test_the_checks_of_pool_are_switched_for_a_session_or_a_test(tmp_path: Path) -> None:
    test = (
        "import pytest\n"
        "def test_session(machine):\n"
        "    assert not machine.memory_manager.nonpaged_pool.checked\n"
        "@pytest.mark.machine(pool_checks=True)\n"
        "def test_mark(machine):\n"
        "    assert machine.memory_manager.nonpaged_pool.checked\n"
    )
    done = session(tmp_path, test, "--dirql-pool-checks", "off")
    assert "2 passed" in done.stdout, done.stdout


def test_the_checks_of_buffers_are_switched_for_a_session_or_a_test(tmp_path: Path) -> None:
    test = (
        "import pytest\n"
        "def test_session(machine):\n"
        "    assert not machine.memory_manager.process.is_poisoned\n"
        "@pytest.mark.machine(buffer_checks=True)\n"
        "def test_mark(machine):\n"
        "    assert machine.memory_manager.process.is_poisoned\n"
    )
    done = session(tmp_path, test, "--dirql-buffer-checks", "off")
    assert "2 passed" in done.stdout, done.stdout


def test_the_checks_of_races_are_switched_for_a_session_or_a_test(tmp_path: Path) -> None:
    test = (
        "import pytest\n"
        "def test_session(machine):\n"
        "    assert machine.marked_stores is None\n"
        "@pytest.mark.machine(race_checks=True)\n"
        "def test_mark(machine):\n"
        "    assert machine.marked_stores is not None\n"
    )
    done = session(tmp_path, test, "--dirql-seed", "1", "--dirql-race-checks", "off")
    assert "2 passed" in done.stdout, done.stdout


def test_a_session_and_one_test_choose_the_registry(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = f"Windows Registry Editor Version 5.00\n[HKLM\\SOFTWARE\\{name}]\n"
        (tmp_path / f"{name}.reg").write_text(text, encoding="utf-8")
    test = (
        "def names(machine):\n"
        "    software = machine.registry.find(r'\\Registry\\Machine\\SOFTWARE')\n"
        "    return [key.name for key in software.subkeys()]\n"
        "def test_the_session(machine):\n"
        "    assert names(machine) == ['Microsoft', 'one']\n"
        "@pytest.mark.machine(registry='two.reg')\n"
        "def test_the_mark(machine):\n"
        "    assert names(machine) == ['Microsoft', 'two']\n"
    )
    done = session(tmp_path, test, "--dirql-registry", str(tmp_path / "one.reg"))
    assert "2 passed" in done.stdout, done.stdout


def test_fixtures_of_a_test_that_stopped_its_machine_end_and_repeat_nothing(tmp_path: Path) -> None:
    test = (
        "from dirql import wdm\n"
        "@pytest.fixture\n"
        "def outer(machine):\n"
        "    yield machine.create_completion_port()\n"
        "    print('the outer one ends')\n"
        "@pytest.fixture\n"
        "def mine(outer, machine):\n"
        "    machine.load_driver('dirql.drivers.store')\n"
        "    with machine.open(r'\\\\.\\Store0') as opened, outer:\n"
        "        yield opened\n"
        "@pytest.fixture\n"
        "def later(mine, machine):\n"
        "    yield mine\n"
        "    machine.sleep(1e-6)\n"
        "def test_stops(later):\n"
        "    wdm.KeBugCheckEx(0xE2, 0, 0, 0, 0)\n"
        "def test_next(later):\n"
        "    assert later.write(b'abc') == 3\n"
    )
    done = session(tmp_path, test, "-p", "no:randomly")
    assert "1 failed, 1 passed in" in done.stdout, done.stdout
    assert "the outer one ends" in done.stdout


def test_a_fixture_that_stops_the_machine_at_its_end_is_an_error_of_that_test(tmp_path: Path) -> None:
    test = (
        "from dirql import wdm\n"
        "@pytest.fixture\n"
        "def mine(machine):\n"
        "    yield machine\n"
        "    wdm.KeBugCheckEx(0xE2, 0, 0, 0, 0)\n"
        "@pytest.fixture\n"
        "def twice(machine):\n"
        "    yield 1\n"
        "    yield 2\n"
        "def test_stops(mine):\n"
        "    pass\n"
        "def test_yields_twice(twice):\n"
        "    pass\n"
        "def test_next(machine):\n"
        "    pass\n"
    )
    done = session(tmp_path, test, "-p", "no:randomly")
    assert "3 passed, 2 errors in" in done.stdout, done.stdout
    assert "MANUALLY_INITIATED_CRASH" in done.stdout
    assert "fixture function has more than one 'yield'" in done.stdout
