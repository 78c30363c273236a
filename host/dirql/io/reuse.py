# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A packet of a driver's own is made ready for another request: IoInitializeIrp, IoReuseIrp and IoSizeOfIrp."""

from __future__ import annotations

from typing import Final

from dirql.io.objects import IoStackLocation, Irp
from dirql.io.packet import is_held, violate
from dirql.ke.processors.contract import contract
from dirql.nt.bugcodes import VF_IO_VERIFY_FREE_IN_USE, VF_IO_VERIFY_FREE_IN_USE_BY_THREAD
from dirql.nt.ntstatus import NTSTATUS

__all__ = ["check_unused", "initialize_irp", "reuse_irp", "size_of_irp"]

_SIZE_OF_IRP: Final = contract("IoSizeOfIrp")
_INITIALIZE_IRP: Final = contract("IoInitializeIrp")
_REUSE_IRP: Final = contract("IoReuseIrp")

_IRP_SIZE: Final = 0xD0
_STACK_LOCATION_SIZE: Final = 0x48


def size_of_irp(stack_size: int) -> int:
    """The size in bytes of an IRP with `stack_size` locations, as on x64; follows IoSizeOfIrp."""
    _SIZE_OF_IRP.check_arguments(stack_size)
    return _IRP_SIZE + _STACK_LOCATION_SIZE * stack_size


def initialize_irp(irp: Irp, packet_size: int, stack_size: int) -> None:
    """Make the packet all zero again, with `stack_size` locations; follows IoInitializeIrp (row IRP-02).

    `packet_size` is the packet's size in bytes. Raises `ValueError` when it is less than IoSizeOfIrp says.
    """
    _INITIALIZE_IRP.check_arguments(irp, packet_size, stack_size)
    if packet_size < size_of_irp(stack_size):
        raise ValueError(
            f"IoInitializeIrp: PacketSize must be at least {size_of_irp(stack_size)}, the bytes for StackSize"
            f" {stack_size}; it was {packet_size}"
        )
    check_unused("IoInitializeIrp", irp)
    if len(irp.locations) != stack_size:
        irp.locations = [IoStackLocation() for _ in range(stack_size)]
    irp.zero(stack_size)


def reuse_irp(irp: Irp, status: int) -> None:
    """Make a packet that its driver allocated ready for another request; follows IoReuseIrp (row IRP-02).

    Bug check 0xC9/0x20A while a driver still has the packet, 0xC9/0x20B for one that the I/O manager takes back.
    """
    # `check_arguments` and `check_unused` each take 1 % of "interrupts, driver and kernel" in bench/target_paths.py.
    if type(irp) is not Irp or type(status) is not NTSTATUS:
        _REUSE_IRP.check_arguments(irp, status)
    if irp.owner is not None or irp.current_location <= irp.stack_count:
        check_unused("IoReuseIrp", irp)
    allocation_flags = irp.allocation_flags
    irp.zero(irp.stack_count)
    irp.allocation_flags = allocation_flags
    irp.io_status.status = status


def check_unused(routine: str, irp: Irp) -> None:
    """Stop a driver that gives `routine` a packet which another driver or the I/O manager still has."""
    location = irp.current_location
    if irp.type and location <= irp.stack_count:
        holder = irp.locations[location - 1].device_object
        if holder is not None and (holder.driver_object is not irp.maker or is_held(irp)):
            reason = (
                f"an IRP must have come back before {routine}; {irp!r} was still with {holder!r}: wait for the"
                " completion routine, and let that return STATUS_MORE_PROCESSING_REQUIRED"
            )
            violate(VF_IO_VERIFY_FREE_IN_USE, irp, reason)
    if irp.owner is not None:
        reason = (
            f"an IRP given to {routine} must come from IoAllocateIrp or IoBuildAsynchronousFsdRequest; {irp!r} belongs"
            " to the I/O manager, which frees it when it is completed: complete it, and let go of it"
        )
        violate(VF_IO_VERIFY_FREE_IN_USE_BY_THREAD, irp, reason)
