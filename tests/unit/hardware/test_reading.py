# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Machine files and function folders: what they give, and the error for each way in which they can be wrong."""

from __future__ import annotations

import contextlib
import copy
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dirql.hardware.description import MachineDescription
from dirql.hardware.function_type import read_function
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
    (changed("clock", value=33), r"clock: it must be a table; it was 33"),
    (
        changed("clock", "frequency", value="fast"),
        r"clock.frequency: it must be an integer of .*; it was 'fast'",
    ),
    (changed("clock", "frequency", value=True), r"clock.frequency: it must be an integer"),
    (changed("clock", "frequency", value=999_999), r"clock.frequency: it must be an integer of 0xf4240 to"),
    (changed("description", value=""), r"description: it must be a text that is not empty"),
    (
        changed("host_memory", "size", value=0x300_0000),
        r"host_memory.size: .* a power of two; it was 0x3000000",
    ),
    (changed("host_memory", "size", value=512), r"host_memory.size: it must be an integer of 0x10000 to"),
    (
        changed("host_memory", "place", value="near"),
        r'host_memory.place: it must be "far".*RAM beside the bridge',
    ),
    (changed("buses", value=[]), r"buses: it must be a list of tables, \[\[buses\]\], with 1 or more"),
    (changed("buses", 0, "number", value=1), r"buses\[0\].number: a machine must have one bus, number 0"),
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
        r"vector_base: it must be an integer of 32 to 255",
    ),
    (
        changed("interrupt_controller", "vector_step", value=16),
        r"below 0xff, the spurious vector; the last was 0x120",
    ),
    (without("interrupt_controller", "doorbell"), r"interrupt_controller.doorbell: the key is missing"),
    (
        changed("timestamp_unit", "records", value=500),
        r"timestamp_unit.records: .* a power of two; it was 500",
    ),
    (changed("checker", "build", value="check"), r"checker.build: .* it was 'check': did you mean checked\?"),
    (
        changed("links", "kinds", value=["serial"]),
        r"links.kinds: a link must be one of simulation; it was 'serial'",
    ),
    (changed("links", "kinds", value="simulation"), r"links.kinds: it must be a list of texts"),
    (changed("functions", value=[]), r"functions: it must be a list of tables"),
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
    (with_functions({"speed": 9}), r"functions\[0\].speed: the key must be one of"),
    (
        changed("buses", 0, "memory", value=[0x8000_0000, 0x8001_0000]),
        r"buses\[0\].memory: the window must hold .* ends at 0x80010000, and they need it to end at 0x80011000",
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
