# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Associated packets: a highest-level driver splits a request, the master, into parts for the drivers below.

The driver marks the master pending, puts the number of parts into `master.associated_irp.irp_count`, and sends the
parts. `io/irp.py` completes the master with the last part, unless a completion routine of the driver keeps one back.
"""

from __future__ import annotations

from typing import Final

from dirql.io.manager import running as io_manager
from dirql.io.objects import Irp
from dirql.ke.defects import report_defect
from dirql.ke.processors.contract import contract
from dirql.nt.constants import IRP_ASSOCIATED_IRP, IRP_BUFFERED_IO

__all__ = ["make_associated_irp"]

_MAKE_ASSOCIATED_IRP: Final = contract("IoMakeAssociatedIrp")


def make_associated_irp(irp: Irp, stack_size: int) -> Irp | None:
    """A new packet that belongs to the master `irp`, None without memory; follows IoMakeAssociatedIrp (row AIR-01)."""
    _MAKE_ASSOCIATED_IRP.check(irp)
    _MAKE_ASSOCIATED_IRP.check_arguments(irp, stack_size)
    if not irp.type:
        irp.check_use("associated_irp")
    if irp.stored_flags & IRP_BUFFERED_IO and irp.associated_irp.stored_buffer is not None:
        report_defect(
            "AIR-03",
            f"a master IRP must have no system buffer, for which AssociatedIrp has no room beside IrpCount; {irp!r} has"
            " one: split requests of a device with DO_DIRECT_IO only, or use IoAllocateIrp",
        )
    made = io_manager.value.take_irp(stack_size)
    if made is not None:
        made.stored_flags = IRP_ASSOCIATED_IRP
        made.tail.overlay.thread = irp.tail.overlay.thread
        made.associated_irp.master_irp = irp
    return made
