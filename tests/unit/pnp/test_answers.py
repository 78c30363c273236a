# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play requests that a function driver answers instead of the bus driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.ke.bugcheck import BugCheck
from dirql.machine import Machine
from dirql.nt.functions import minor_name
from dirql.pnp.request import send_pnp
from dirql.wdm import (
    DEVICE_OBJECT,
    IRP,
    IRP_MJ_PNP,
    IRP_MN_CANCEL_REMOVE_DEVICE,
    IRP_MN_QUERY_CAPABILITIES,
    IRP_MN_QUERY_REMOVE_DEVICE,
    IRP_MN_REMOVE_DEVICE,
    IRP_MN_SURPRISE_REMOVAL,
    STATUS_NOT_SUPPORTED,
    STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
    IoAttachDeviceToDeviceStack,
    IoCallDriver,
    IoSkipCurrentIrpStackLocation,
)
from fakes.bare_machine import bare_machine
from unit.io.making import Dispatch, complete, make_device, make_driver, succeed


@pytest.fixture
def machine() -> Iterator[Machine]:
    with bare_machine() as opened:
        yield opened


def stack(answer: Dispatch) -> DEVICE_OBJECT:
    """A function device whose driver has the routine `answer`, above the device of a bus driver."""
    bus = make_device(make_driver({IRP_MJ_PNP: succeed}, "bus"))
    top = make_device(make_driver({IRP_MJ_PNP: answer}, "top"))
    assert IoAttachDeviceToDeviceStack(top, bus) is bus
    return top


def ends_with(status: int) -> Dispatch:
    def answer(device: DEVICE_OBJECT, irp: IRP) -> int:
        return complete(irp, status)

    return answer


@pytest.mark.row("PNP-03")
@pytest.mark.parametrize("status", [STATUS_SUCCESS, STATUS_NOT_SUPPORTED])
@pytest.mark.parametrize("minor", [IRP_MN_QUERY_CAPABILITIES, IRP_MN_QUERY_REMOVE_DEVICE])
def test_a_request_that_succeeds_is_passed_down(machine: Machine, minor: int, status: int) -> None:
    top = stack(ends_with(status))
    with pytest.raises(BugCheck, match="must pass a Plug and Play request down") as stopped:
        send_pnp(top, minor)
    rule, place, irp, device = stopped.value.parameters
    assert (stopped.value.code, rule, device) == (0xC9, 0x218, top)
    assert "test_answers.py" in str(place)
    assert isinstance(irp, IRP)


@pytest.mark.row("PNP-03")
def test_a_removal_is_passed_down(machine: Machine) -> None:
    with pytest.raises(BugCheck) as stopped:
        send_pnp(stack(ends_with(STATUS_SUCCESS)), IRP_MN_REMOVE_DEVICE)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC9, 0x218)


@pytest.mark.row("PNP-10")
@pytest.mark.parametrize(
    "minor", [IRP_MN_SURPRISE_REMOVAL, IRP_MN_REMOVE_DEVICE, IRP_MN_CANCEL_REMOVE_DEVICE]
)
def test_some_requests_must_not_fail(machine: Machine, minor: int) -> None:
    top = stack(ends_with(STATUS_UNSUCCESSFUL))
    with pytest.raises(BugCheck, match=rf"{minor_name(IRP_MJ_PNP, minor)} must not fail") as stopped:
        send_pnp(top, minor)
    assert (stopped.value.code, stopped.value.parameters[0]) == (0xC4, 0x43006)


@pytest.mark.row("PNP-10")
def test_a_query_may_fail(machine: Machine) -> None:
    top = stack(ends_with(STATUS_UNSUCCESSFUL))
    assert send_pnp(top, IRP_MN_QUERY_REMOVE_DEVICE).status == STATUS_UNSUCCESSFUL


@pytest.mark.row("PNP-03")
def test_a_request_that_is_passed_down_is_right(machine: Machine) -> None:
    def pass_down(device: DEVICE_OBJECT, irp: IRP) -> int:
        lower = device.device_object_extension.attached_to
        assert lower is not None
        IoSkipCurrentIrpStackLocation(irp)
        return IoCallDriver(lower, irp)

    assert send_pnp(stack(pass_down), IRP_MN_SURPRISE_REMOVAL).status == STATUS_SUCCESS


@pytest.mark.row("PNP-03")
def test_the_rules_are_for_verified_drivers(machine: Machine) -> None:
    top = stack(ends_with(STATUS_SUCCESS))
    machine.kernel.verifier.verify(top.driver_object, None)
    assert send_pnp(top, IRP_MN_QUERY_CAPABILITIES).status == STATUS_SUCCESS


# The status on the way down.


def two_above(first: int | None, second: int | None = None) -> tuple[DEVICE_OBJECT, DEVICE_OBJECT]:
    """Two drivers above a bus driver, each of which sets a status before it passes a request down: (top, middle)."""

    def passes(status: int | None) -> Dispatch:
        def pass_down(device: DEVICE_OBJECT, irp: IRP) -> int:
            lower = device.device_object_extension.attached_to
            assert lower is not None
            if status is not None:
                irp.io_status.status = status
            IoSkipCurrentIrpStackLocation(irp)
            return IoCallDriver(lower, irp)

        return pass_down

    bus = make_device(make_driver({IRP_MJ_PNP: succeed}, "bus"))
    middle = make_device(make_driver({IRP_MJ_PNP: passes(second)}, "middle"))
    top = make_device(make_driver({IRP_MJ_PNP: passes(first)}, "top"))
    assert IoAttachDeviceToDeviceStack(middle, bus) is bus
    assert IoAttachDeviceToDeviceStack(top, bus) is middle
    return top, middle


@pytest.mark.row("PNP-02")
def test_PNP_02_a_request_that_a_driver_fails_is_not_passed_down(machine: Machine) -> None:
    top, _ = two_above(STATUS_UNSUCCESSFUL)
    with pytest.raises(BugCheck, match="must complete it, and not pass it down") as stopped:
        send_pnp(top, IRP_MN_QUERY_REMOVE_DEVICE)
    rule, place, irp, device = stopped.value.parameters
    assert (stopped.value.code, rule, device) == (0xC9, 0x215, top)
    assert "test_answers.py" in str(place)
    assert isinstance(irp, IRP)


@pytest.mark.row("PNP-02")
def test_PNP_02_a_status_is_not_turned_back(machine: Machine) -> None:
    top, middle = two_above(STATUS_SUCCESS, STATUS_NOT_SUPPORTED)
    with pytest.raises(BugCheck, match="must not turn the status") as stopped:
        send_pnp(top, IRP_MN_QUERY_REMOVE_DEVICE)
    assert stopped.value.code == 0xC9
    assert (stopped.value.parameters[0], stopped.value.parameters[3]) == (0x216, middle)


@pytest.mark.row("PNP-02")
def test_PNP_02_a_status_that_is_left_or_made_a_success_is_right(machine: Machine) -> None:
    top, _ = two_above(None, STATUS_SUCCESS)
    assert send_pnp(top, IRP_MN_QUERY_REMOVE_DEVICE).status == STATUS_SUCCESS


@pytest.mark.row("PNP-02")
def test_PNP_02_a_driver_that_is_not_verified_may_do_both(machine: Machine) -> None:
    top, middle = two_above(STATUS_SUCCESS, STATUS_NOT_SUPPORTED)
    machine.kernel.verifier.verify(middle.driver_object, None)
    assert send_pnp(top, IRP_MN_QUERY_REMOVE_DEVICE).status == STATUS_SUCCESS
    assert machine.io.hooks.dispatch_entered is None
