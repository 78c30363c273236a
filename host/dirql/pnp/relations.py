# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The answer to IRP_MN_QUERY_DEVICE_RELATIONS (DEVICE_RELATIONS)."""

from __future__ import annotations

from dataclasses import dataclass

from dirql.io.objects import DeviceObject

__all__ = ["DeviceRelations"]


@dataclass(frozen=True, slots=True)
class DeviceRelations:
    """Devices that are related to one device; the driver that answers has referenced each for the receiver."""

    objects: tuple[DeviceObject, ...]

    @property
    def count(self) -> int:
        """The number of devices."""
        return len(self.objects)
