# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The agreement of a class driver and a port driver; in C it is the header file that both include.

The class driver sends IRP_MJ_INTERNAL_DEVICE_CONTROL, which programs cannot send, with a `PORT_REQUEST` in
Parameters.Others.Argument1. The data of a read or a write is described by Irp->MdlAddress. The port driver completes
the IRP with STATUS_SUCCESS once it has filled in `status` of the request, and with another status if it did not look
at the request.
"""

from __future__ import annotations

import enum

__all__ = ["PORT_DEVICE_NAME", "PORT_FUNCTION", "PORT_REQUEST", "PORT_STATUS"]

PORT_DEVICE_NAME = "\\Device\\StorePort"
"""The beginning of the name of a port device; its number follows, from 0."""


class PORT_FUNCTION(enum.IntEnum):
    """The things that a class driver asks of a port."""

    CLAIM = 0
    """Have the port for one class driver alone; the answer has the abilities of the port."""
    RELEASE = 1
    READ = 2
    WRITE = 3


class PORT_STATUS(enum.IntEnum):
    """The end of a request as the port sees it; the class driver decides what that means for the program."""

    PENDING = 0
    SUCCESS = 1
    BUSY = 2
    """Another class driver has the port."""
    DATA_ERROR = 3
    """Data was damaged on its way; the same request may work again."""
    TIMEOUT = 4
    """The device did not answer in time and was reset; the same request may work again."""
    HARDWARE_ERROR = 5
    GONE = 6


class PORT_REQUEST:
    """One request to a port."""

    def __init__(self, function: PORT_FUNCTION) -> None:
        self.function = function
        self.status = PORT_STATUS.PENDING
        # Of READ and WRITE.
        self.offset = 0
        self.length = 0
        # The answer to CLAIM.
        self.device_bytes = 0
        self.maximum_length = 0
        """The most bytes of one READ or WRITE."""
