# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sends Plug and Play requests to the top of a device stack, and waits for them."""

from __future__ import annotations

from collections.abc import Callable

from dirql.io.manager import running as io_manager
from dirql.io.objects import DeviceObject, IoStackLocation
from dirql.io.request import send_and_wait
from dirql.io.status_block import IoStatusBlock
from dirql.nt.constants import IRP_MJ_PNP
from dirql.nt.status import STATUS_NOT_SUPPORTED

__all__ = ["FillParameters", "send_pnp"]

FillParameters = Callable[[IoStackLocation], None]
"""A routine that writes the parameters of a request into the stack location of the top driver."""


def send_pnp(device: DeviceObject, minor: int, fill: FillParameters | None = None) -> IoStatusBlock:
    """Send IRP_MJ_PNP to the top device of a stack and wait for it; it starts as STATUS_NOT_SUPPORTED (row PNP-02)."""
    irp = io_manager.value.take_irp(device.stack_size)
    assert irp is not None, f"{device!r} must have a stack size of 1 … 127; it was {device.stack_size}"
    irp.io_status.status = STATUS_NOT_SUPPORTED
    stack = irp.get_next_stack_location()
    stack.major_function = IRP_MJ_PNP
    stack.minor_function = minor
    if fill is not None:
        fill(stack)
    return send_and_wait(device, irp)
