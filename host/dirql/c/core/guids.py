# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""GUIDs as C has them."""

from __future__ import annotations

import struct
from typing import Final

from dirql.nt.guid import Guid

__all__ = ["bytes_of_guid", "guid_of_bytes"]

_GUID: Final = struct.Struct("<IHH8s")


def bytes_of_guid(guid: Guid) -> bytes:
    """A GUID as C has it."""
    return _GUID.pack(guid.data1, guid.data2, guid.data3, guid.data4)


def guid_of_bytes(contents: bytes) -> Guid:
    """The GUID of what C has."""
    return Guid(*_GUID.unpack(contents))
