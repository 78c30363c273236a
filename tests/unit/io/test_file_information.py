# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Information about files: what the I/O manager answers itself, and what reaches the drivers."""

from __future__ import annotations

import struct

import pytest

from dirql import wdm
from dirql.io.errors import IoError
from dirql.machine import Machine
from unit.io.making import NAME, OPEN_AND_CLOSE, complete, create_file, make_device, make_driver

BOTH = wdm.FILE_READ_DATA | wdm.FILE_WRITE_DATA
REQUESTS = (
    wdm.IRP_MJ_QUERY_INFORMATION,
    wdm.IRP_MJ_SET_INFORMATION,
    wdm.IRP_MJ_QUERY_VOLUME_INFORMATION,
    wdm.IRP_MJ_FLUSH_BUFFERS,
)


class World:
    """A device that notes such requests, and a program that has it open."""

    def __init__(self, machine: Machine, options: int = 0, access: int = BOTH, pend: bool = False) -> None:
        self.asked: list[tuple[int, int, int]] = []
        self.written = b""
        self.pend = pend
        self.driver = make_driver({**OPEN_AND_CLOSE, **dict.fromkeys(REQUESTS, self.dispatch)})
        self.device = make_device(self.driver, NAME)
        _, handle = create_file(NAME, access, options)
        assert handle is not None
        self.handle = handle
        self.buffer = machine.memory_manager.process.allocate(64)
        self.block = wdm.IO_STATUS_BLOCK(0x5555, 0x5555)

    def dispatch(self, device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        stack = wdm.IoGetCurrentIrpStackLocation(irp)
        major = stack.major_function
        buffer = irp.associated_irp.system_buffer
        if self.pend:
            wdm.IoMarkIrpPending(irp)
        information = 0
        if major == wdm.IRP_MJ_FLUSH_BUFFERS:
            self.asked.append((major, 0, 0))
        else:
            assert buffer is not None
            if major == wdm.IRP_MJ_QUERY_VOLUME_INFORMATION:
                volume = stack.parameters.query_volume
                length, kind = volume.length, volume.fs_information_class
            elif major == wdm.IRP_MJ_QUERY_INFORMATION:
                query = stack.parameters.query_file
                length, kind = query.length, query.file_information_class
            else:
                change = stack.parameters.set_file
                length, kind = change.length, change.file_information_class
                self.written = wdm.RtlReadMemory(buffer, length)
            self.asked.append((major, length, kind))
            if major != wdm.IRP_MJ_SET_INFORMATION:
                wdm.RtlWriteMemory(buffer, b"answer")
                information = 6
        complete(irp, wdm.STATUS_SUCCESS, information)
        return wdm.STATUS_PENDING if self.pend else wdm.STATUS_SUCCESS

    def query(self, kind: int, length: int) -> int:
        return wdm.ZwQueryInformationFile(self.handle, self.block, self.buffer.address, length, kind)

    def volume(self, kind: int, length: int) -> int:
        return wdm.ZwQueryVolumeInformationFile(self.handle, self.block, self.buffer.address, length, kind)

    def set(self, kind: int, data: bytes) -> int:
        self.buffer.write(data)
        return wdm.ZwSetInformationFile(self.handle, self.block, self.buffer.address, len(data), kind)

    def result(self) -> tuple[int, bytes]:
        return self.block.status, self.buffer.read(self.block.information)


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        (0, 0),
        (wdm.FILE_SYNCHRONOUS_IO_NONALERT, wdm.FILE_SYNCHRONOUS_IO_NONALERT),
        (wdm.FILE_SYNCHRONOUS_IO_ALERT, wdm.FILE_SYNCHRONOUS_IO_ALERT),
    ],
)
def test_INF_01_the_manager_answers_itself(machine: Machine, options: int, mode: int) -> None:
    world = World(machine, options, wdm.FILE_READ_DATA)
    world.device.alignment_requirement = 0xF
    for kind, value in (
        (wdm.FileAlignmentInformation, 0xF),
        (wdm.FileModeInformation, mode),
        (wdm.FileAccessInformation, wdm.FILE_READ_DATA),
    ):
        assert world.query(kind, 8) == wdm.STATUS_SUCCESS
        assert world.result() == (0, struct.pack("<I", value))
    assert world.asked == []


@pytest.mark.parametrize("synchronous", [False, True])
def test_INF_01_INF_03_the_position_of_a_synchronous_file_is_the_managers(
    machine: Machine, synchronous: bool
) -> None:
    world = World(machine, wdm.FILE_SYNCHRONOUS_IO_NONALERT if synchronous else 0)
    assert world.set(wdm.FilePositionInformation, struct.pack("<q", 0x1234)) == wdm.STATUS_SUCCESS
    assert world.query(wdm.FilePositionInformation, 8) == wdm.STATUS_SUCCESS
    if synchronous:
        assert world.result() == (0, struct.pack("<q", 0x1234))
        assert world.set(wdm.FilePositionInformation, struct.pack("<q", -1)) == wdm.STATUS_INVALID_PARAMETER
        assert world.asked == []
    else:
        assert [major for major, _, _ in world.asked] == list(REQUESTS[1::-1])


def test_INF_01_wrong_classes_and_lengths_are_refused(machine: Machine) -> None:
    world = World(machine)
    for kind in (0, wdm.FileMaximumInformation):
        assert world.query(kind, 64) == wdm.STATUS_INVALID_INFO_CLASS
        assert world.set(kind, bytes(64)) == wdm.STATUS_INVALID_INFO_CLASS
        assert world.volume(kind, 64) == wdm.STATUS_INVALID_INFO_CLASS
    assert world.query(wdm.FileStandardInformation, 0x17) == wdm.STATUS_INFO_LENGTH_MISMATCH
    assert world.set(wdm.FilePositionInformation, bytes(7)) == wdm.STATUS_INFO_LENGTH_MISMATCH
    assert world.volume(wdm.FileFsDeviceInformation, 7) == wdm.STATUS_INFO_LENGTH_MISMATCH
    assert world.set(wdm.FileStandardInformation, bytes(64)) == wdm.STATUS_INVALID_INFO_CLASS
    bad = wdm.ZwQueryInformationFile(world.handle, world.block, 8, 64, wdm.FileStandardInformation)
    assert bad == wdm.STATUS_ACCESS_VIOLATION
    assert (world.asked, world.block.status) == ([], 0x5555)
    block = world.block
    assert wdm.ZwQueryInformationFile(0x4444, block, 8, 64, 5) == wdm.STATUS_INVALID_HANDLE
    assert wdm.ZwSetInformationFile(0x4444, block, 8, 64, 4) == wdm.STATUS_INVALID_HANDLE
    assert wdm.ZwQueryVolumeInformationFile(0x4444, block, 8, 64, 3) == wdm.STATUS_INVALID_HANDLE


@pytest.mark.parametrize("options", [0, wdm.FILE_SYNCHRONOUS_IO_NONALERT])
@pytest.mark.parametrize("pend", [False, True])
def test_INF_02_the_driver_answers(machine: Machine, options: int, pend: bool) -> None:
    world = World(machine, options, pend=pend)
    assert world.query(wdm.FileStandardInformation, 0x18) == wdm.STATUS_SUCCESS
    assert world.result() == (0, b"answer")
    assert world.volume(wdm.FileFsSizeInformation, 0x18) == wdm.STATUS_SUCCESS
    assert world.result() == (0, b"answer")
    end = struct.pack("<q", 77)
    assert world.set(wdm.FileEndOfFileInformation, end) == wdm.STATUS_SUCCESS
    assert (world.result(), world.written) == ((0, b""), end)
    assert world.asked == [
        (wdm.IRP_MJ_QUERY_INFORMATION, 0x18, wdm.FileStandardInformation),
        (wdm.IRP_MJ_QUERY_VOLUME_INFORMATION, 0x18, wdm.FileFsSizeInformation),
        (wdm.IRP_MJ_SET_INFORMATION, 8, wdm.FileEndOfFileInformation),
    ]


@pytest.mark.parametrize("options", [0, wdm.FILE_SYNCHRONOUS_IO_NONALERT])
def test_INF_02_the_caller_waits_for_the_driver(machine: Machine, options: int) -> None:
    world, timer, dpc, kept = World(machine, options), wdm.KTIMER(), wdm.KDPC(), list[wdm.IRP]()

    def keep(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        wdm.IoMarkIrpPending(irp)
        kept.append(irp)
        wdm.KeInitializeTimer(timer)
        wdm.KeInitializeDpc(dpc, lambda *_: complete(kept.pop(), wdm.STATUS_END_OF_FILE), None)
        wdm.KeSetTimer(timer, -1000, dpc)
        return wdm.STATUS_PENDING

    world.driver.major_function[wdm.IRP_MJ_QUERY_INFORMATION] = keep
    assert world.query(wdm.FileStandardInformation, 0x18) == wdm.STATUS_END_OF_FILE
    assert world.block.status == wdm.STATUS_END_OF_FILE


def test_INF_02_a_driver_without_the_request_refuses(machine: Machine) -> None:
    world = World(machine)
    world.driver.major_function[wdm.IRP_MJ_QUERY_INFORMATION] = world.driver.major_function[wdm.IRP_MJ_PNP]
    assert world.query(wdm.FileStandardInformation, 0x18) == wdm.STATUS_INVALID_DEVICE_REQUEST


def test_INF_02_a_driver_may_ask_for_information_too(machine: Machine) -> None:
    world = World(machine)
    block = wdm.ExAllocatePool2(wdm.POOL_FLAG_NON_PAGED, 64, wdm.POOL_TAG("Test"))
    assert block is not None
    modes: list[int] = []

    def dispatch(device: wdm.DEVICE_OBJECT, irp: wdm.IRP) -> int:
        status = wdm.ZwQueryInformationFile(world.handle, world.block, block, 64, wdm.FileStandardInformation)
        modes.append(status)
        return complete(irp)

    make_device(make_driver({**OPEN_AND_CLOSE, wdm.IRP_MJ_WRITE: dispatch}, "asker"), r"\Device\Asker")
    with machine.open(r"\Device\Asker") as handle:
        handle.write(b"1")
    assert (modes, wdm.RtlReadMemory(block, 6)) == ([wdm.STATUS_SUCCESS], b"answer")


def test_INF_03_the_mode_of_a_synchronous_file_changes(machine: Machine) -> None:
    world = World(machine, wdm.FILE_SYNCHRONOUS_IO_NONALERT)
    for mode, status in (
        (wdm.FILE_SYNCHRONOUS_IO_ALERT, wdm.STATUS_SUCCESS),
        (0, wdm.STATUS_INVALID_PARAMETER),
        (0x30, wdm.STATUS_INVALID_PARAMETER),
        (0x1000, wdm.STATUS_INVALID_PARAMETER),
    ):
        assert world.set(wdm.FileModeInformation, struct.pack("<I", mode)) == status
    world.query(wdm.FileModeInformation, 4)
    assert world.result() == (0, struct.pack("<I", wdm.FILE_SYNCHRONOUS_IO_ALERT))


def test_INF_03_a_file_does_not_become_synchronous(machine: Machine) -> None:
    world = World(machine)
    for mode, status in ((0, wdm.STATUS_SUCCESS), (0x10, wdm.STATUS_INVALID_PARAMETER)):
        assert world.set(wdm.FileModeInformation, struct.pack("<I", mode)) == status


def test_INF_03_a_port_is_joined_by_its_handle(machine: Machine) -> None:
    world, port = World(machine), machine.create_completion_port()
    wrong = world.set(wdm.FileCompletionInformation, struct.pack("<QQ", world.handle, 1))
    assert wrong == wdm.STATUS_OBJECT_TYPE_MISMATCH
    data = struct.pack("<QQ", port.value, 0x77)
    assert world.set(wdm.FileCompletionInformation, data) == wdm.STATUS_SUCCESS
    assert world.set(wdm.FileCompletionInformation, data) == wdm.STATUS_INVALID_PARAMETER
    modes = wdm.FileIoCompletionNotificationInformation
    assert world.set(modes, b"\1\0\0\0") == wdm.STATUS_SUCCESS
    assert world.set(modes, b"\x10\0\0\0") == wdm.STATUS_INVALID_PARAMETER


def test_INF_04_a_flush_reaches_the_driver(machine: Machine) -> None:
    world = World(machine, pend=True)
    with machine.open(NAME) as handle:
        handle.flush()
        assert world.asked == [(wdm.IRP_MJ_FLUSH_BUFFERS, 0, 0)]
        world.driver.major_function[wdm.IRP_MJ_FLUSH_BUFFERS] = world.driver.major_function[wdm.IRP_MJ_PNP]
        with pytest.raises(IoError) as caught:
            handle.flush()
        assert caught.value.status == wdm.STATUS_INVALID_DEVICE_REQUEST
    assert wdm.ZwFlushBuffersFile(0x4444, world.block) == wdm.STATUS_INVALID_HANDLE


def test_INF_04_a_flush_needs_a_handle_for_writing(machine: Machine) -> None:
    world = World(machine, access=wdm.FILE_READ_DATA)
    assert wdm.ZwFlushBuffersFile(world.handle, world.block) == wdm.STATUS_ACCESS_DENIED
    assert world.asked == []


def test_INF_04_the_device_of_a_file_has_a_type(machine: Machine) -> None:
    world = World(machine)
    world.device.characteristics = wdm.FILE_REMOVABLE_MEDIA
    assert world.volume(wdm.FileFsDeviceInformation, 64) == wdm.STATUS_SUCCESS
    expected = struct.pack("<II", wdm.FILE_DEVICE_UNKNOWN, wdm.FILE_REMOVABLE_MEDIA)
    assert (world.result(), world.asked) == ((0, expected), [])
