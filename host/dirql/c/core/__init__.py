# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The core for drivers in C: their code on stacks of its own, over the memory and the objects of the machine."""

from __future__ import annotations

from dirql.c.core.binding import exported_names, why_lacking
from dirql.c.core.images import BuiltDriver, Image, Place
from dirql.c.core.session import load_image

__all__ = ["BuiltDriver", "Image", "Place", "exported_names", "load_image", "why_lacking"]
