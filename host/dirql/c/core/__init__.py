# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The core for drivers in C: their code on stacks of its own, over the memory and the objects of the machine."""

from __future__ import annotations

from dirql.c.core.binding import exported_names, why_lacking
from dirql.c.core.images import BuiltDriver, Image, Place
from dirql.c.core.session import load_image
from dirql.c.core.stubs import DATA as DATA_NAMES
from dirql.c.core.windows_images import WINDOWS_NAMES

__all__ = [
    "DATA_NAMES",
    "WINDOWS_NAMES",
    "BuiltDriver",
    "Image",
    "Place",
    "exported_names",
    "load_image",
    "why_lacking",
]
