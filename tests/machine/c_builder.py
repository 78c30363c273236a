# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The small drivers of tests/machine/c_drivers, for `Machine.load_driver`."""

from __future__ import annotations

from pathlib import Path

from dirql.c import driver

SOURCES = Path(__file__).parent / "c_drivers"


class CDriver(driver.CDriver):
    """A driver in C by the name of its file."""

    def __init__(
        self, name: str, hardware_ids: tuple[str, ...] = (), define: dict[str, str] | None = None
    ) -> None:
        super().__init__(SOURCES / f"{name}.c", hardware_ids=hardware_ids, define=define)
