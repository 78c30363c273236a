# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The address to which a device writes its messages, for the driver of the bus."""

from __future__ import annotations

from typing import Final

from dirql.hal.hal import running
from dirql.ke.processors.contract import contract
from dirql.nt.addresses import PhysicalAddress

__all__ = ["get_message_address"]

_GET_MESSAGE_ADDRESS: Final = contract("HalGetMessageAddress")


def get_message_address() -> PhysicalAddress:
    """The bus address of the interrupt controller's doorbell; a message is a write of the input's number to it.

    NT's HAL tells the PCI driver by a private interface.
    """
    _GET_MESSAGE_ADDRESS.check_level(0)
    return PhysicalAddress(running.value.interrupts.description.doorbell)
