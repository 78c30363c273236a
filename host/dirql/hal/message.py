# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The address to which a device writes its messages, for the driver of the bus."""

from __future__ import annotations

from dirql.hal.hal import running
from dirql.ke.processors.contract import contract
from dirql.nt.addresses import PhysicalAddress

__all__ = ["get_message_address"]


@contract
def get_message_address() -> PhysicalAddress:
    """The bus address of the interrupt controller's doorbell; a message is a write of the input's number to it.

    NT's HAL tells the PCI driver by a private interface.
    """
    return PhysicalAddress(running.value.interrupts.description.doorbell)
