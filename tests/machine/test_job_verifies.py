# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The main job does not pass with a driver that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path

import pytest

from dirql import cli
from dirql.drivers.store import driver, interrupt, transfer
from dirql.drivers.store.device import start_command
from dirql.drivers.store.extension import StoreExtension, Transfer
from dirql.hal.hal import running
from dirql.hal.window import DeviceWindow
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    IRP_MJ_READ,
    IRP_MJ_WRITE,
    KDPC,
    STATUS_DEVICE_BUSY,
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
    assert "after a write of" in capsys.readouterr().out


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
    assert ("after a write of" if function == IRP_MJ_WRITE else "in a read of") in shown


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


def _skips_the_odd_byte(wanted: Transfer) -> None:
    wanted.length &= ~1


def _rounds_the_place(wanted: Transfer) -> None:
    wanted.offset &= ~3


_DMA = ["run", "--transfers", "1", "--mode", "dma", "--interrupt", "level"]


@pytest.mark.parametrize("spoil", [_skips_the_odd_byte, _rounds_the_place])
def test_a_driver_that_is_right_for_the_measured_transfers_only_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Transfer], None]
) -> None:
    monkeypatch.setattr(transfer, "_place", _misplaced(spoil))
    assert cli.main([*_DMA, "--size", "64"]) == 1
    shown = capsys.readouterr().out
    assert "of the device must be" in shown or "STATUS_DEVICE_PROTOCOL_ERROR" in shown


def test_a_driver_that_serves_one_request_at_a_time_and_no_other_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = driver.StoreReadWrite

    def refusing(device: DEVICE_OBJECT, irp: IRP) -> int:
        extension: StoreExtension = device.device_extension
        busy = extension.transfer is not None
        return driver.complete(irp, STATUS_DEVICE_BUSY) if busy else queue(device, irp)

    monkeypatch.setattr(driver, "StoreReadWrite", refusing)
    assert cli.main([*_DMA, "--size", "64"]) == 1
    assert "STATUS_DEVICE_BUSY" in capsys.readouterr().out


def test_a_driver_that_lets_the_device_move_the_data_twice_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once more when the first command has ended, so that the right data is there."""
    again: list[IRP] = []
    dpc = interrupt.StoreDpcForIsr

    def twice(object: KDPC, device: DEVICE_OBJECT, irp: IRP, context: object) -> None:
        extension: StoreExtension = device.device_extension
        moving = extension.transfer
        if moving is None or moving.irp in again:
            dpc(object, device, irp, context)
        else:
            again.append(moving.irp)
            extension.latched_cause = 0
            start_command(extension, moving, extension.enabled_causes)

    monkeypatch.setattr(driver, "StoreDpcForIsr", twice)
    assert cli.main([*_DMA, "--size", "64"]) == 1
    shown = capsys.readouterr().out
    assert (
        "a write of 64 bytes must move each of them once; the device has carried out 2 commands for it"
        in shown
    )
    assert "a read of 64 bytes must move each of them once" in shown


def test_a_driver_that_answers_reads_from_memory_fails_with_an_open_load_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, echo = driver.StoreReadWrite, _Echo()

    def caching(device: DEVICE_OBJECT, irp: IRP) -> int:
        stack = IoGetCurrentIrpStackLocation(irp)
        assert irp.mdl_address is not None
        address = MmGetSystemAddressForMdlSafe(irp.mdl_address, NormalPagePriority)
        assert address is not None
        if stack.major_function == IRP_MJ_READ:
            return echo(device, irp)
        echo.kept[stack.parameters.write.byte_offset] = RtlReadMemory(address, _length(irp))
        return queue(device, irp)

    monkeypatch.setattr(driver, "StoreReadWrite", caching)
    assert cli.main([*_DMA, "--size", "64", "--rate", "10000"]) == 1
    assert "in a read of" in capsys.readouterr().out


def test_a_driver_of_a_file_is_verified_without_a_scenario(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from dirql.drivers.store import DriverEntry, HARDWARE_IDS\n", encoding="utf-8")
    assert cli.main([*_DMA, "--size", "64", "--driver", str(file)]) == 0
    assert "dma, level" in capsys.readouterr().out
