# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The members of a device object that its driver sets itself. A value that they cannot have is refused at once.

The names with `stored_` are the places of the values. Drivers in C have these members in memory, where each has its
type and its size.
"""

from __future__ import annotations

from dirql.io.field_values import check_number, check_stack_size
from dirql.nt.constants import DO_DEVICE_INITIALIZING
from dirql.ob.object import Object

__all__ = ["DeviceFields"]


class DeviceFields(Object):
    """The base class of `DeviceObject`."""

    __slots__ = (
        "stored_alignment_requirement",
        "stored_characteristics",
        "stored_device_type",
        "stored_flags",
        "stored_stack_size",
    )

    def __init__(self, device_type: int, characteristics: int) -> None:
        super().__init__()
        self.stored_flags = DO_DEVICE_INITIALIZING
        self.stored_characteristics = characteristics
        self.stored_device_type = device_type
        self.stored_stack_size = 1
        self.stored_alignment_requirement = 0

    @property
    def flags(self) -> int:
        """The DO_ flags of the device."""
        return self.stored_flags

    @flags.setter
    def flags(self, value: int) -> None:
        check_number(self, "flags", value)
        self.stored_flags = value

    @property
    def characteristics(self) -> int:
        """The FILE_ characteristics of the device."""
        return self.stored_characteristics

    @characteristics.setter
    def characteristics(self, value: int) -> None:
        check_number(self, "characteristics", value)
        self.stored_characteristics = value

    @property
    def device_type(self) -> int:
        """The FILE_DEVICE_ type of the device."""
        return self.stored_device_type

    @device_type.setter
    def device_type(self, value: int) -> None:
        check_number(self, "device_type", value)
        self.stored_device_type = value

    @property
    def stack_size(self) -> int:
        """The number of stack locations that a request for the device needs."""
        return self.stored_stack_size

    @stack_size.setter
    def stack_size(self, value: int) -> None:
        check_stack_size(self, value)
        self.stored_stack_size = value

    @property
    def alignment_requirement(self) -> int:
        """The alignment of buffers that the device needs, less 1."""
        return self.stored_alignment_requirement

    @alignment_requirement.setter
    def alignment_requirement(self, value: int) -> None:
        check_number(self, "alignment_requirement", value)
        self.stored_alignment_requirement = value
