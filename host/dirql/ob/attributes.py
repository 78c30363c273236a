# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The name and the attributes with which a service makes or opens an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dirql.ke.processors.contract import contract
from dirql.rtl.strings import UnicodeText

__all__ = ["ObjectAttributes"]

_INITIALIZE_OBJECT_ATTRIBUTES: Final = contract("InitializeObjectAttributes")


@dataclass(slots=True)
class ObjectAttributes:
    """A name, the directory that it begins in, and OBJ_ flags (OBJECT_ATTRIBUTES).

    `root_directory` is a handle of a directory, or None for a name that begins with a backslash. There is no security
    here, so that the descriptor is kept and not used.
    """

    object_name: UnicodeText | None = None
    attributes: int = 0
    root_directory: int | None = None
    security_descriptor: object = None

    def initialize(
        self,
        object_name: UnicodeText | None,
        attributes: int,
        root_directory: int | None,
        security_descriptor: object,
    ) -> None:
        """Set all fields; follows InitializeObjectAttributes."""
        arguments = (object_name, attributes, root_directory, security_descriptor)
        _INITIALIZE_OBJECT_ATTRIBUTES.check_arguments(self, *arguments)
        self.object_name = object_name
        self.attributes = attributes
        self.root_directory = root_directory
        self.security_descriptor = security_descriptor
