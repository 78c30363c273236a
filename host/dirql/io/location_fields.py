# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields of a stack location that completion makes zero, so that no driver may use them afterwards (row IRP-21).

Drivers use the properties, which look whether the completion has left the location. The I/O manager itself uses what is
stored.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from dirql.io.field_values import check_integer, check_pointer
from dirql.io.file_fields import FileFields
from dirql.io.parameters import Parameters

__all__ = ["LocationFields"]


File = TypeVar("File")


class LocationFields(Generic[File]):
    """The base class of `IoStackLocation`, which gives the fields their values."""

    __slots__ = (
        "left",
        "major_function",
        "prepared",
        "sent",
        "stored_file",
        "stored_flags",
        "stored_minor",
        "stored_parameters",
    )

    left: int
    sent: int
    prepared: int
    major_function: int
    stored_minor: int
    stored_file: File | None
    stored_flags: int
    stored_parameters: Parameters

    def __repr__(self) -> str:
        return "an IO_STACK_LOCATION"

    def check_use(self, name: str) -> None:
        """Tell a driver that uses the field `name` after the completion."""
        raise NotImplementedError

    @property
    def minor_function(self) -> int:
        """The minor function, an IRP_MN_ code."""
        if self.prepared != self.left >= self.sent:
            self.check_use("minor_function")
        return self.stored_minor

    @minor_function.setter
    def minor_function(self, value: int) -> None:
        if self.prepared != self.left >= self.sent:
            self.check_use("minor_function")
        check_integer(self, "minor_function", value, "UCHAR", 8)
        self.stored_minor = value

    @property
    def flags(self) -> int:
        """The SL_ flags of the request."""
        if self.prepared != self.left >= self.sent:
            self.check_use("flags")
        return self.stored_flags

    @flags.setter
    def flags(self, value: int) -> None:
        if self.prepared != self.left >= self.sent:
            self.check_use("flags")
        check_integer(self, "flags", value, "UCHAR", 8)
        self.stored_flags = value

    @property
    def file_object(self) -> File | None:
        """The file for which the request was made."""
        if self.prepared != self.left >= self.sent:
            self.check_use("file_object")
        return self.stored_file

    @file_object.setter
    def file_object(self, value: File | None) -> None:
        if self.prepared != self.left >= self.sent:
            self.check_use("file_object")
        if value is not None and not isinstance(value, FileFields):
            check_pointer(self, "file_object", value, FileFields, "a FILE_OBJECT")
        self.stored_file = value

    @property
    def parameters(self) -> Parameters:
        """The parameters of the request."""
        if self.prepared != self.left >= self.sent:
            self.check_use("parameters")
        return self.stored_parameters
