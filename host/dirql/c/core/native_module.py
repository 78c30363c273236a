# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The extension module of the core, typed for Python; native/module.c and its neighbours have the functions."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Protocol

__all__ = ["Native", "Slot", "Value"]

Value = tuple[int, Callable[..., object] | None]
"""The way of a value between C and Python: one of the FORM_ numbers of native/core.h, and a converter."""


class Native(Protocol):
    """The extension module, whose functions native/module.c names."""

    objects: dict[int, object]
    """The objects that C sees, by their addresses."""
    view_slots: dict[type, int]
    CRoutine: type
    Field: Callable[[int, Value, object, object], object]
    Array: Callable[[int, int, int, Value], object]

    def hooks(
        self,
        make_status: Callable[[int], int],
        address_of: Callable[[object], int],
        find_known: Callable[[object], int | None],
        /,
    ) -> None: ...
    def call_hooks(
        self, make_stack: object, fault: object, status_exception: object, note: object, /
    ) -> None: ...
    def driver_place(self, frame: FrameType, /) -> tuple[int, int, int, int] | None: ...
    def bind(
        self,
        index: int,
        routine: Callable[..., object],
        result: Value,
        values: tuple[tuple[int, Value], ...],
        outs: tuple[tuple[int, Value], ...],
        /,
    ) -> None: ...
    def stub_address(self, index: int, /) -> int: ...
    def forget_stacks(self) -> None: ...
    def slot_offset(self, member: object, /) -> int: ...
    def reserve(self, address: int, size: int, /) -> None: ...
    def map_pages(self, address: int, file: int, offset: int, size: int, protection: int, /) -> None: ...
    def unmap_pages(self, address: int, size: int, /) -> None: ...
    def open_image(self, path: str, /) -> tuple[int, int]: ...
    def close_image(self, handle: int, /) -> None: ...
    def symbol(self, handle: int, name: str, /) -> int: ...
    def read_bytes(self, address: int, size: int, /) -> bytes: ...
    def write_bytes(self, address: int, data: bytes, /) -> None: ...
    def watch(self, demand_hook: Callable[[], None] | None, seconds: int, /) -> None: ...
    def set_demand(self, number: int, /) -> None: ...
    def probe(self, address: int, size: int, write: bool, /) -> tuple[int, int]: ...


class Slot(Protocol):
    """The member descriptor of a slot."""

    def __get__(self, instance: object, owner: type | None = None, /) -> object: ...
    def __set__(self, instance: object, value: object, /) -> None: ...
