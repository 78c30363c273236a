# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Machine files and function folders: what they give, and the error for each way in which they can be wrong."""

from __future__ import annotations

import contextlib
import copy
import importlib
import runpy
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dirql.hardware.description import MachineDescription, Savings
from dirql.hardware.function_type import check_identities, function_names, read_function
from dirql.hardware.place import Place
from dirql.hardware.reading import load_machine, machine_names, read_machine
from dirql.hardware.root import machine_root
from dirql.hardware.table import DescriptionError

ROOT = machine_root()
DEFAULT = tomllib.loads((ROOT / "hdl/machines/default.toml").read_text(encoding="utf-8"))
STORE: dict[str, Any] = DEFAULT["functions"][0]


def written(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {written(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[dict[str, Any]], MachineDescription]:
    """Read a machine from the values of a machine file."""

    def read(values: dict[str, Any]) -> MachineDescription:
        path = tmp_path / "lab.toml"
        path.write_text("".join(f'"{key}" = {written(value)}\n' for key, value in values.items()), "utf-8")
        return read_machine(path, ROOT)

    return read


def changed(*path: str | int, value: object) -> dict[str, Any]:
    """The values of the default machine with one of them changed, or added."""
    values = copy.deepcopy(DEFAULT)
    inner: Any = values
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return values


def with_functions(*changes: dict[str, object]) -> dict[str, Any]:
    """The default machine with these functions; each is the store function with some keys changed."""
    return {**DEFAULT, "functions": [{**STORE, **change} for change in changes]}


def without(*path: str | int) -> dict[str, Any]:
    """The values of the default machine without one of them."""
    values = copy.deepcopy(DEFAULT)
    inner: Any = values
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return values


Read = Callable[[dict[str, Any]], MachineDescription]


@pytest.mark.parametrize("name", machine_names())
def test_each_machine_that_comes_with_dirql_can_be_read(name: str) -> None:
    machine = load_machine(name)
    assert machine.name == name
    assert [function.index for function in machine.functions] == list(range(len(machine.functions)))
    assert machine.file == f"hdl/machines/{name}.toml"


def test_a_machine_has_what_its_file_says(read: Read) -> None:
    machine = read(with_functions({}, {"place": "00:1f.0"}, {"place": "00:1f.3", "pin": "C", "line": "D"}))
    assert machine.frequency == 33_333_333
    assert machine.khz == 33_333
    assert machine.host_memory.size_log2 == 26
    assert machine.controller.vector(2) == 0x40
    assert machine.controller.input_of_vector(0x40) == 2
    assert machine.timestamp_unit.records_log2 == 9
    first, _, third = machine.functions
    assert first.place == (0, 1, 0)
    assert first.pin == "A"
    assert third.place.configuration_address == 0x1F << 11 | 3 << 8
    assert third.bar_size(1) == 0x1_0000
    assert third.bar_size(5) == 0
    assert machine.is_multi_function(third.place)
    assert not machine.is_multi_function(first.place)
    assert machine.function_at(Place(0, 31, 3)) is third
    assert machine.function_at(Place(0, 30, 0)) is None


def test_a_function_with_pads_has_ports_of_the_top_that_its_index_names() -> None:
    machine = load_machine("crowd")
    gpio = machine.functions_named("gpio")
    assert machine.with_pads == gpio
    assert [(each.pad_ports, each.pad_count) for each in gpio[:2]] == [
        ("gpio_1_pads", 16),
        ("gpio_2_pads", 16),
    ]
    assert machine.functions[0].pad_count == 0


def test_a_machine_has_everything_but_for_its_savings(read: Read) -> None:
    assert read(DEFAULT).savings == Savings()
    savings = {"bridge_queue": 1, "faults": False, "lost_bits": 1, "clock_bits": 48, "bus_counters": False}
    wanted = Savings(bridge_queue=1, faults=False, lost_bits=1, clock_bits=48, bus_counters=False)
    assert read(changed("savings", value=savings)).savings == wanted


def test_the_kinds_of_interrupt_follow_from_the_function_and_its_parameters(read: Read) -> None:
    silent: dict[str, object] = {"place": "00:02.0", "parameters": {"messages": 0}}
    pins: dict[str, object] = {"place": "00:03.0", "function": "gpio", "parameters": {}}
    kinds = [function.interrupts for function in read(with_functions({}, silent, pins)).functions]
    assert kinds == [("level", "latched", "message"), ("level", "latched"), ("level", "latched")]


@pytest.mark.parametrize("number", [-1, 16])
def test_a_number_that_is_no_input_has_no_vector(number: int) -> None:
    with pytest.raises(
        ValueError, match=f"an input of the interrupt controller must be 0 to 15; it was {number}"
    ):
        load_machine("default").controller.vector(number)


@pytest.mark.parametrize("vector", [0x2F, 0x31, 0xB0])
def test_a_vector_of_no_input_is_refused(vector: int) -> None:
    with pytest.raises(ValueError, match="a vector must be 0x30 to 0xa8 in steps of 8"):
        load_machine("default").controller.input_of_vector(vector)


WRONG: list[tuple[dict[str, Any], str]] = [
    (changed("clokc", value={}), r"clokc: the key must be one of .*; it was 'clokc': did you mean clock\?"),
    (without("clock"), r"lab.toml, clock: the key is missing; it must be a table"),
    (
        changed("clock", value={"freqency": 33_000_000}),
        r"clock.frequency: the key is missing; .*: is the key 'freqency', which is none, meant to be frequency\?",
    ),
    (changed("clock", value=33), r"clock: it must be a table; it was 33"),
    (
        changed("clock", "frequency", value="fast"),
        r"clock.frequency: it must be an integer of .*; it was 'fast'",
    ),
    (changed("clock", "frequency", value=True), r"clock.frequency: it must be an integer"),
    (
        changed("clock", "frequency", value=999_999),
        "frequency: it must be an integer of 1_000_000 to 1_000_000_000; it was 999_999",
    ),
    (changed("description", value=""), r"description: it must be a text that is not empty"),
    (
        changed("host_memory", "size", value=0x300_0000),
        r"host_memory.size: .* a power of two; it was 0x3000000",
    ),
    (changed("host_memory", "size", value=512), r"host_memory.size: it must be an integer of 0x100000 to"),
    (
        changed("host_memory", "place", value="near"),
        r'host_memory.place: it must be "far".*RAM beside the bridge',
    ),
    (changed("buses", value=[]), r"buses: it must be a list of tables, \[\[buses\]\], with 1 or more"),
    (
        changed("buses", 0, "number", value=1),
        r"buses\[0\].number: the host bridge must have one bus, number 0",
    ),
    (changed("buses", 0, "memory", value=[5, 4]), r"buses\[0\].memory: .* the start and the end of a range"),
    (
        changed("buses", 0, "memory", value=[0x8000_0000]),
        r"buses\[0\].memory: it must be a list of two integers",
    ),
    (
        changed("buses", 0, "memory", value=[0x8000_0800, 0x9000_0000]),
        r"multiples of 0x1000; they were 0x80000800",
    ),
    (
        changed("buses", 0, "memory", value=[0x100_0000, 0x9000_0000]),
        r"buses\[0\].memory: .* must not overlap",
    ),
    (
        changed("host_bridge", "place", value="00:01.0"),
        r"host_bridge.place: the host bridge must be at 00:00.0",
    ),
    (
        changed("interrupt_controller", "address", value=0xFEC0_0004),
        r"address: it must be a multiple of 0x1000",
    ),
    (changed("interrupt_controller", "address", value=0xFEE0_0000), r"ranges of addresses must not overlap"),
    (
        changed("interrupt_controller", "vector_base", value=0x10),
        r"vector_base: it must be an integer of 48 to 207; it was 16",
    ),
    (
        changed("interrupt_controller", "vector_step", value=16),
        r"at most 0xcf, so that their IRQLs are those of devices; the last was 0x120",
    ),
    (
        changed("interrupt_controller", "vector_base", value=0x2F),
        r"vector_base: it must be an integer of 48 to 207; it was 47",
    ),
    (changed("interrupt_controller", "vector_base", value=0x58), r"at most 0xcf, .*; the last was 0xd0"),
    (without("interrupt_controller", "doorbell"), r"interrupt_controller.doorbell: the key is missing"),
    (
        changed("timestamp_unit", "records", value=500),
        r"timestamp_unit.records: .* a power of two; it was 500",
    ),
    (
        changed("savings", value={"lost_bits": 0}),
        r"savings.lost_bits: it must be an integer of 1 to 16; it was 0",
    ),
    (changed("savings", value={"bridge_queue": 5}), r"savings.bridge_queue: .* of 1 to 4; it was 5"),
    (changed("savings", value={"clock_bits": 47}), r"savings.clock_bits: .* of 48 to 64; it was 47"),
    (changed("savings", value={"waiting_clocks": 1}), r"savings.waiting_clocks: .* of 2 to 4; it was 1"),
    (changed("savings", value={"faults": 0}), r"savings.faults: it must be true or false; it was 0"),
    (changed("savings", value={"fault": False}), r"savings.fault: .*'fault': did you mean faults\?"),
    (
        with_functions({"interrupt": "message", "parameters": {"messages": 0}}),
        r"functions\[0\].interrupt: a function without messages must have the kind level or latched",
    ),
    (
        with_functions({"parameters": {"address_bits": 20}}),
        r"functions\[0\].parameters.address_bits: a bus master must reach all .*; it was 20: choose 26 or more",
    ),
    (
        changed("savings", value={"routes": False}),
        r"savings.routes: a machine without routes must have no function that can send messages",
    ),
    (changed("checker", "build", value="check"), r"checker.build: .* it was 'check': did you mean checked\?"),
    (
        changed("links", "kinds", value=["serial"]),
        r"links.kinds: a link must be one of simulation; it was 'serial'",
    ),
    (changed("links", "kinds", value="simulation"), r"links.kinds: it must be a list of texts"),
    (
        changed("links", "kinds", value=[]),
        r"links.kinds: it must be one or more of simulation, .*; it was \[\]",
    ),
    (
        changed("links", "kinds", value=["simulation"] * 2),
        r"links.kinds: it must be one or more of simulation, each",
    ),
    (changed("functions", value=[]), r"functions: it must be a list of tables"),
    *(
        (
            with_functions({"function": name}),
            r"functions\[0\].function: it must be a folder of hdl/functions, one of",
        )
        for name in ("store/", "../machines", ".", "Store")
    ),
    (
        with_functions({}, {"place": "00:01.1", "pin": "A", "line": "B"}),
        r"functions\[1\].line: functions of one device that use one pin .*; pin A is wired to line A for functions",
    ),
    (with_functions({"function": "stoer"}), r"functions\[0\].function: .*'stoer': did you mean store\?"),
    (
        with_functions({"place": "0:1"}),
        r"functions\[0\].place: a place must be bus:device.function .* it was '0:1'",
    ),
    (with_functions({"place": "00:20.0"}), r"functions\[0\].place: a place must be bus:device.function"),
    (with_functions({"place": "01:01.0"}), r"functions\[0\].place: the bus must be one that the machine has"),
    (
        with_functions({"place": "00:00.1"}),
        r"functions\[0\].place: device 0 of bus 0 must be left to the host bridge",
    ),
    (
        with_functions({}, {}),
        r"functions\[1\].place: a function must have a place of its own; 00:01.0 was functions\[0\]",
    ),
    (
        with_functions({"place": "00:01.1", "pin": "A"}),
        r"functions\[0\].place: a device must have a function 0",
    ),
    (
        with_functions({"pin": "B"}),
        r"functions\[0\].pin: the only function of a device must use pin A; it was B",
    ),
    (
        with_functions({}, {"place": "00:01.1"}),
        r"functions\[1\].pin: the key is missing; it must be one of A, B, C, D",
    ),
    (with_functions({"line": "E"}), r"functions\[0\].line: it must be one of A, B, C, D; it was 'E'"),
    (
        with_functions({"interrupt": "edge"}),
        r"functions\[0\].interrupt: it must be one of level, latched, message",
    ),
    (
        with_functions({}, {"place": "00:02.0", "interrupt": "latched"}),
        r"functions\[1\].interrupt: functions that share a line must have one kind of interrupt; line A is level",
    ),
    (
        with_functions({"parameters": {"fifo_log2": 2}}),
        r"parameters.fifo_log2: it must be an integer of 3 to 12",
    ),
    (with_functions({"parameters": {"fifo": 6}}), r"parameters.fifo: .* did you mean fifo_log2\?"),
    (
        with_functions({"function": "pulser", "parameters": {"width": 6}}),
        r"parameters.width: the table must have no keys; it was 'width'",
    ),
    (with_functions({"speed": 9}), r"functions\[0\].speed: the key must be one of"),
    (
        changed("buses", 0, "memory", value=[0x8000_0000, 0x8001_0000]),
        r"buses\[0\].memory: the window must hold .* ends at 0x80010000, and they need it to end at 0x80011000",
    ),
    (
        changed("buses", 0, "ports", value=[0, 0x1_0000]),
        r"buses\[0\].ports: the ports must begin above 0, .* at 0",
    ),
    (changed("buses", 0, "ports", value=[0x1000, 0x1008]), r"buses\[0\].ports: the window must hold"),
    (
        with_functions({"function": "gpio", "interrupt": "message", "parameters": {}}),
        r"functions\[0\].interrupt: a function that is no bus master must have the kind level or latched; gpio at",
    ),
]


@pytest.mark.parametrize(("values", "message"), WRONG, ids=range(len(WRONG)))
def test_a_machine_that_cannot_be_is_refused(read: Read, values: dict[str, Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        read(values)


def test_functions_with_messages_may_share_a_line_of_another_kind(read: Read) -> None:
    machine = read(with_functions({}, {"place": "00:02.0", "interrupt": "message"}))
    assert [function.interrupt for function in machine.functions] == ["level", "message"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=r"none\.toml must be a file that can be read: No such file"):
        load_machine(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("a = [", encoding="utf-8")
    with pytest.raises(DescriptionError, match=r"broken\.toml must be a TOML file"):
        load_machine(str(tmp_path / "broken.toml"))


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        DescriptionError, match=r"one of .*default.*; it was 'defualt': did you mean default\?"
    ):
        load_machine("defualt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the store function's folder, below a root of its own."""
    copied = tmp_path / "hdl/functions/store"
    shutil.copytree(ROOT / "hdl/functions/store", copied)
    return copied


def test_a_function_folder_that_lacks_a_part_is_refused_with_the_page_to_read(
    folder: Path, tmp_path: Path
) -> None:
    assert read_function(tmp_path, "store").module == "store"
    for part in ("README.md", "rtl/store_fifo.sv", "store.rdl", "function.toml"):
        (folder / part).unlink()
        with pytest.raises(
            DescriptionError, match=rf"hdl/functions/store lacks .*{part}.*: docs/add-a-function.md"
        ):
            read_function(tmp_path, "store")
        shutil.copy(ROOT / "hdl/functions/store" / part, folder / part)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('module = "store"', 'module = "lamp"', r"module: it must be one of store_align, .*; it was 'lamp'"),
        (
            "files = [",
            'files = ["store.rdl", ',
            r"files: it must be a list of one or more files .* end in .sv",
        ),
        ("files = [", 'files = ["../common/rtl/config_header.sv", ', r"files: .*files of the folder"),
        ("files = [", 'files = ["rtl/store.sv", ', r"files: .*each once"),
        (
            'registers = ["store.rdl", "store_io.rdl"]',
            "registers = []",
            r"registers: .*one or more .*it was \[\]",
        ),
        ('"ABORTED"', '"DONE"', r"causes: each cause must have a name of its own"),
        ('"ABORTED"', '"all done"', r"causes: each cause must have .* in capital letters"),
        (
            "parameters.fifo_log2",
            "parameters.FifoLog2",
            r"parameters.FifoLog2: a parameter's name must be small",
        ),
        ("low = 3", "low = 13", r"parameters.fifo_log2.high: it must be an integer of 0xd to .*; it was 12"),
        (
            "size_log2 = 4",
            "size_log2 = 4\nprefetchable = true",
            r"bars\[2\].prefetchable: it must be false for ports",
        ),
        ("module =", "modul =", r"function.toml, module: the key is missing"),
        ('causes = ["DONE"', "causes = [1", r"causes: it must be a list of texts"),
        ("vendor = 0x1234", "vendor = 0xFFFF", r"identity.vendor: it must be an integer of 0 to 65534"),
        (
            "number = 2",
            "number = 1",
            r"bars\[2\].number: two base address registers must not have the same number",
        ),
        ('space = "io"', 'space = "port"', r"bars\[2\].space: it must be one of memory, io"),
        ("size_log2 = 4", "size_log2 = 9", r"bars\[2\].size_log2: it must be an integer of 2 to 8"),
        ('"buffer_log2"', '"bufer_log2"', r"bars\[1\].size_log2: .* did you mean buffer_log2\?"),
        (
            "high = 22",
            "high = 31",
            r"the parameter buffer_log2 must lie within 4 to 30; its limits were 12 to 31",
        ),
        ("[identity]", '[pads]\nport = "Pads"\nwidth = 1\n[identity]', r"pads.port: .*; it was 'Pads'"),
        (
            "[identity]",
            '[pads]\nport = "pads"\nwidth = 33\n[identity]',
            r"pads.width: it must be an integer of 1 to 32",
        ),
        (
            "[identity]",
            '[pads]\nport = "pads"\nwidth = "pins"\n[identity]',
            r"pads.width: it must be one of buffer_log2, fifo_log2",
        ),
        ("default = 6", "default = 60", r"parameters.fifo_log2.default: it must be an integer of 3 to 12"),
    ],
)
def test_a_function_that_cannot_be_is_refused(
    folder: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (folder / "function.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "function.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DescriptionError, match=message):
        read_function(tmp_path, "store")


@pytest.fixture
def another(folder: Path) -> str:
    """A second function, a copy of the first under another name."""
    shutil.copytree(folder, folder.parent / "lamp")
    return "lamp"


def test_two_functions_with_one_identity_are_refused(tmp_path: Path, another: str) -> None:
    message = (
        r"hdl/functions/store/function.toml, identity.device: .* no other .* it was 0xd101, which lamp has"
    )
    with pytest.raises(DescriptionError, match=message):
        check_identities([read_function(tmp_path, name) for name in (another, "store")])
    path = tmp_path / "lab.toml"
    values = with_functions({}, {"function": another, "place": "00:02.0"})
    path.write_text("".join(f'"{key}" = {written(value)}\n' for key, value in values.items()), "utf-8")
    with pytest.raises(DescriptionError, match="it was 0xd101, which store has"):
        read_machine(path, tmp_path)


def test_the_register_generator_refuses_a_function_folder_without_a_description(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise `make registers` would say nothing, and write nothing for the new register map."""
    shutil.copytree(ROOT / "hdl/regs", tmp_path / "hdl/regs")
    (folder / "function.toml").unlink()
    generate = runpy.run_path(str(tmp_path / "hdl/regs/generate.py"))
    assert generate["main"]([]) == 1
    message = (
        "the function folder hdl/functions/store lacks the file function.toml: docs/add-a-function.md lists"
    )
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize("name", function_names(ROOT))
def test_the_driver_and_the_causes_that_a_function_names_are_there(name: str) -> None:
    kind = read_function(ROOT, name)
    if kind.driver:
        assert kind.identity.hardware_id in importlib.import_module(kind.driver).HARDWARE_IDS
    register = importlib.import_module(f"dirql.registers.{kind.module}").INTERRUPT_CAUSE
    fields = {
        key: bits for key, bits in vars(register).items() if key.isupper() and not key.endswith("_SHIFT")
    }
    assert sum(fields.values()) == (1 << len(kind.causes)) - 1
    assert all(fields.get(cause, 1 << bit) == 1 << bit for bit, cause in enumerate(kind.causes))


KEYS = st.sampled_from(["clock", "frequency", "place", "memory", "number", "route", "A", "functions", "x"])
VALUES = st.recursive(
    st.booleans() | st.integers(-5, 2**33) | st.sampled_from(["", "A", "00:01.0", "level"]) | st.floats(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
PLACES = (
    [(key, inner) for key, table in DEFAULT.items() if isinstance(table, dict) for inner in table]
    + [(key,) for key in DEFAULT]
    + [("functions", 0, key) for key in STORE]
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), VALUES)
def test_no_value_of_any_key_gives_anything_but_a_machine_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[str | int, ...], value: object
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.toml"
    values = changed(*place, value=value)
    path.write_text("".join(f'"{key}" = {written(item)}\n' for key, item in values.items()), "utf-8")
    with contextlib.suppress(DescriptionError):
        assert read_machine(path, ROOT).name == "any"
