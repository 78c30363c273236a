# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Stacks of drivers in C and in Python, in any order: each sees the fields of a request as the one above has set them.

The oracle is a model of the structures in plain numbers of C's sizes, which knows nothing of languages.
"""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from dirql import wdm
from dirql.c.driver import CDriver
from dirql.driver_files import DriverModule
from dirql.machine import Machine, open_machine
from dirql.target import inside_simulator

pytestmark = [
    pytest.mark.interpreted("c drivers"),
    pytest.mark.skipif(inside_simulator(), reason="opens machines of its own"),
]

SOURCE = Path(__file__).parent / "c_drivers" / "level.c"
SEEN = struct.Struct("<4IQ4B2bH")
CHANGE = 0x0123_4567_89AB_CDEF
FIRST_INFORMATION = 200
BUFFER = 256


class Level:
    """The driver of c_drivers/level.c in Python."""

    HARDWARE_IDS = ()

    def __init__(self, level: int) -> None:
        self.__name__ = f"level{level}"
        self.level = level

    def DriverEntry(self, driver_object: wdm.DRIVER_OBJECT, registry_path: str) -> int:
        del registry_path
        driver_object.major_function[:] = [self.dispatch] * len(driver_object.major_function)
        driver_object.driver_unload = self.unload
        name = f"\\Device\\Level{self.level}"
        status, device = wdm.IoCreateDevice(
            driver_object, SimpleNamespace, name, wdm.FILE_DEVICE_UNKNOWN, 0, False
        )
        assert device is not None
        device.device_extension.lower = None
        if self.level:
            status, device.device_extension.lower = wdm.IoAttachDevice(device, r"\Device\Level0")
        return status

    @staticmethod
    def unload(driver_object: wdm.DRIVER_OBJECT) -> None:
        device = driver_object.device_object
        assert device is not None
        if device.device_extension.lower is not None:
            wdm.IoDetachDevice(device.device_extension.lower)
        wdm.IoDeleteDevice(device)

    def dispatch(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        lower = device.device_extension.lower
        stack = wdm.IoGetCurrentIrpStackLocation(irp)
        if stack.major_function != wdm.IRP_MJ_DEVICE_CONTROL:
            if lower is None:
                return finish(irp, 0)
            wdm.IoSkipCurrentIrpStackLocation(irp)
            return wdm.IoCallDriver(lower, irp)
        now = stack.parameters.device_io_control
        numbers = now.io_control_code, now.input_buffer_length, now.output_buffer_length, self.level
        seen = SEEN.pack(
            *numbers,
            now.type3_input_buffer or 0,
            *(stack.major_function, stack.minor_function, stack.flags, stack.control),
            *(irp.stack_count, irp.current_location, stack.device_object is device),
        )
        assert irp.associated_irp.system_buffer is not None
        wdm.RtlWriteMemory(irp.associated_irp.system_buffer + self.level * SEEN.size, seen)
        if lower is None:
            return finish(irp, FIRST_INFORMATION)
        wdm.IoCopyCurrentIrpStackLocationToNext(irp)
        following = wdm.IoGetNextIrpStackLocation(irp)
        following.minor_function = stack.minor_function + 100 + self.level & 0xFF
        then = following.parameters.device_io_control
        then.io_control_code = ~now.io_control_code & 0xFFFF_FFFF
        then.input_buffer_length = -now.input_buffer_length & 0xFFFF_FFFF
        then.output_buffer_length = now.output_buffer_length * 0x10001 & 0xFFFF_FFFF
        then.type3_input_buffer = (now.type3_input_buffer or 0) ^ CHANGE
        wdm.IoSetCompletionRoutine(irp, completed, self.level + 10, True, True, True)
        return wdm.IoCallDriver(lower, irp)


def completed(device: wdm.DEVICE_OBJECT | None, irp: wdm.IRP, context: object) -> int:
    del device
    if irp.pending_returned:
        wdm.IoMarkIrpPending(irp)
    assert isinstance(context, int)
    irp.io_status.information += context
    return wdm.STATUS_CONTINUE_COMPLETION


def finish(irp: wdm.IRP, information: int) -> int:
    irp.io_status.status = wdm.STATUS_SUCCESS
    irp.io_status.information = information
    wdm.IoCompleteRequest(irp, wdm.IO_NO_INCREMENT)
    return wdm.STATUS_SUCCESS


def level(number: int, language: str) -> DriverModule:
    if language == "c":
        return CDriver(SOURCE, name=f"level{number}", define={"LEVEL": str(number)})
    return Level(number)


class Model(NamedTuple):
    """The members that a level must see; the address of the program's buffer and `control` are others."""

    code: int
    input: int
    output: int
    minor: int

    def below(self, number: int) -> Model:
        return Model(
            ~self.code & 0xFFFF_FFFF,
            -self.input & 0xFFFF_FFFF,
            self.output * 0x10001 & 0xFFFF_FFFF,
            self.minor + 100 + number & 0xFF,
        )


def check(languages: list[str], answer: bytes, code: int, length: int) -> None:
    model, type3 = Model(code, length, BUFFER, 0), None
    top = len(languages) - 1
    for number in range(top, -1, -1):
        seen = SEEN.unpack_from(answer, number * SEEN.size)
        found = Model(seen[0], seen[1], seen[2], seen[6])
        assert found == model, f"level {number} of {languages}"
        assert (seen[3], seen[5], seen[7]) == (number, wdm.IRP_MJ_DEVICE_CONTROL, 0)
        assert seen[9:] == (len(languages), number + 1, 1)
        assert type3 is None or seen[4] == type3
        type3, model = seen[4] ^ CHANGE, model.below(number)
    assert len(answer) == FIRST_INFORMATION + sum(number + 10 for number in range(1, top + 1))


def run(machine: Machine, languages: list[str], requests: list[tuple[int, int]]) -> None:
    for number, language in enumerate(languages):
        machine.load_driver(level(number, language))
    with machine.open(r"\Device\Level0") as handle:
        for function, length in requests:
            code = wdm.CTL_CODE(wdm.FILE_DEVICE_UNKNOWN, function, wdm.METHOD_BUFFERED, wdm.FILE_ANY_ACCESS)
            check(languages, handle.ioctl(code, bytes(length), BUFFER), code, length)


@given(
    languages=st.lists(st.sampled_from(["c", "python"]), min_size=2, max_size=4),
    requests=st.lists(st.tuples(st.integers(0, 0xFFF), st.integers(0, BUFFER)), min_size=1, max_size=4),
    processors=st.sampled_from([1, 4]),
    seed=st.integers(0, 3),
)
@settings(max_examples=30)
def test_each_level_sees_what_the_one_above_has_set(
    languages: list[str], requests: list[tuple[int, int]], processors: int, seed: int
) -> None:
    with open_machine(processors=processors, seed=seed) as machine:
        run(machine, languages, requests)


@pytest.mark.parametrize("languages", [["c", "python", "c"], ["python", "c", "python"]])
def test_a_stack_is_loaded_again_in_the_same_machine(languages: list[str]) -> None:
    with open_machine() as machine:
        for _ in range(2):
            run(machine, languages, [(0x800, 16)])
            for number in reversed(range(len(languages))):
                machine.unload_driver(machine.io.drivers[f"level{number}"])
