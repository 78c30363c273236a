# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The pace of Python's garbage collector while a machine is open."""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["CollectorPace"]

# Python looks for circles of references after each 700 new objects. A request with three locations has 12, so that a
# look came with each 60 requests, and each object was looked at several times before it counted as old. With 10,000
# instead, a request that is allocated while 100,000 are outstanding takes 4.4 µs instead of 11; 50,000 and more gain
# nothing that is sure ("IRPs: allocate" in bench/growth.py).
_NEW_OBJECTS: Final = 10_000


class CollectorPace:
    """Lets the collector look less often, until `restore`. A program that has turned it off, or down, keeps that."""

    def __init__(self) -> None:
        """Let the collector look less often from now on."""
        self._before = gc.get_threshold()
        if 0 < self._before[0] < _NEW_OBJECTS:
            gc.set_threshold(_NEW_OBJECTS, *self._before[1:])
        self._own = gc.get_threshold()

    def restore(self) -> None:
        """Set the pace of before again, unless the program has set another one since."""
        if gc.get_threshold() == self._own:
            gc.set_threshold(*self._before)
