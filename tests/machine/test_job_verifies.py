# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The main job does not pass with a driver that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import pytest

from dirql import cli
from dirql.drivers.store import driver, transfer
from dirql.drivers.store.extension import Transfer
from dirql.hal.hal import running
from dirql.hal.window import DeviceWindow
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    STATUS_SUCCESS,
    IoGetCurrentIrpStackLocation,
    MmGetSystemAddressForMdlSafe,
    NormalPagePriority,
    RtlReadMemory,
    RtlWriteMemory,
)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


# Drivers that are wrong, each in its own way. All say that they have moved everything.


def _length(irp: IRP) -> int:
    return IoGetCurrentIrpStackLocation(irp).parameters.read.length


def _moves_nothing(device: DEVICE_OBJECT, irp: IRP) -> int:
    return driver.complete(irp, STATUS_SUCCESS, _length(irp))


def _window() -> DeviceWindow:
    target = running.value.target
    return DeviceWindow(target, target.description.functions_named("store")[0], 1)


class _Echo:
    """Keeps the data of writes for reads, and leaves the device alone."""

    def __init__(self) -> None:
        self.kept: dict[int, bytes] = {}

    def __call__(self, device: DEVICE_OBJECT, irp: IRP) -> int:
        stack = IoGetCurrentIrpStackLocation(irp)
        offset = stack.parameters.read.byte_offset
        assert irp.mdl_address is not None
        address = MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority)
        assert address is not None
        if stack.major_function == IRP_MJ_WRITE:
            self.kept[offset] = RtlReadMemory(address, _length(irp))
        else:
            RtlWriteMemory(address, self.kept[offset])
        return driver.complete(irp, STATUS_SUCCESS, _length(irp))


def _misplaced(move: Callable[[Transfer], None]) -> Callable[[Transfer], None]:
    """The routine that tells the device place and length, after `move` has spoilt them."""
    place = transfer._place

    def placed(wanted: Transfer) -> None:
        told = copy(wanted)
        move(told)
        place(told)

    return placed


def _elsewhere(wanted: Transfer) -> None:
    wanted.offset ^= 0x400


def _writes_elsewhere(wanted: Transfer) -> None:
    if wanted.writing:
        _elsewhere(wanted)


def _reads_elsewhere(wanted: Transfer) -> None:
    if not wanted.writing:
        _elsewhere(wanted)


@pytest.mark.parametrize("mode", ["polled", "dma"])
@pytest.mark.parametrize("spoil", [_elsewhere, _writes_elsewhere, _reads_elsewhere])
def test_a_driver_that_uses_a_wrong_place_fails(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    spoil: Callable[[Transfer], None],
) -> None:
    monkeypatch.setattr(transfer, "_place", _misplaced(spoil))
    assert cli.main(["run", "--transfers", "2", "--size", "64", "--mode", mode, "--interrupt", "level"]) == 1
    assert "of the device must be" in capsys.readouterr().out


@pytest.mark.parametrize("routine", [_moves_nothing, _Echo()])
@pytest.mark.parametrize("size", ["4", "4096"])
def test_a_driver_that_does_not_use_the_device_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, routine: object, size: str
) -> None:
    monkeypatch.setattr(driver, "StoreReadWrite", routine)
    assert cli.main(["run", "--transfers", "2", "--size", size, "--mode", "dma", "--interrupt", "level"]) == 1
    assert "after a write, byte" in capsys.readouterr().out


@pytest.mark.parametrize("function", [IRP_MJ_READ, IRP_MJ_WRITE])
@pytest.mark.parametrize("moved", [0, 4096 - 4])
def test_a_driver_that_moves_a_part_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, function: int, moved: int
) -> None:
    """The driver moves the beginning, through the system's address of the buffer and the device's memory."""

    def partly(device: DEVICE_OBJECT, irp: IRP) -> int:
        stack = IoGetCurrentIrpStackLocation(irp)
        offset, length = stack.parameters.read.byte_offset, _length(irp)
        size = moved if stack.major_function == function else length
        assert irp.mdl_address is not None
        address = MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority)
        assert address is not None
        if stack.major_function == IRP_MJ_WRITE:
            _window().write(offset, RtlReadMemory(address, size))
        else:
            RtlWriteMemory(address, _window().read(offset, size))
        return driver.complete(irp, STATUS_SUCCESS, length)

    monkeypatch.setattr(driver, "StoreReadWrite", partly)
    assert cli.main(["run", "--transfers", "2", "--mode", "polled"]) == 1
    shown = capsys.readouterr().out
    assert ("after a write, byte" if function == IRP_MJ_WRITE else "read, byte") in shown


def test_a_driver_that_moves_data_twice_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second copy lies where the job does not look after each transfer."""
    place = transfer._place

    def twice(wanted: Transfer) -> None:
        place(wanted)
        if wanted.writing:
            _window().write((wanted.offset + 0x1000) % 0x8000, b"\xab" * 16)

    monkeypatch.setattr(transfer, "_place", twice)
    assert cli.main(["run", "--transfers", "2", "--size", "64", "--mode", "polled"]) == 1
    assert "at the end, byte" in capsys.readouterr().out


def test_a_driver_that_writes_beyond_the_buffer_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def beyond(device: DEVICE_OBJECT, irp: IRP) -> int:
        address = (
            MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority) if irp.mdl_address else None
        )
        assert address is not None
        if IoGetCurrentIrpStackLocation(irp).major_function == IRP_MJ_READ:
            RtlWriteMemory(address + _length(irp), b"x")
        return driver.complete(irp, STATUS_SUCCESS, _length(irp))

    monkeypatch.setattr(driver, "StoreReadWrite", beyond)
    assert cli.main(["run", "--transfers", "1", "--size", "64", "--mode", "polled"]) == 1
    assert "guard bytes behind" in capsys.readouterr().out
