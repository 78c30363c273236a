# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Sections, attachment to processes and objects by name from C, where values lie behind pointers."""

from __future__ import annotations

import pytest

from dirql.machine import open_machine
from machine.c_builder import CDriver

pytestmark = pytest.mark.interpreted("c drivers")


def test_a_driver_in_c_shares_memory_by_sections_and_attaches_to_a_process() -> None:
    """DriverEntry of the driver fails with the number of the step that went wrong."""
    with open_machine() as machine:
        assert machine.load_driver(CDriver("sections")).driver_name == r"\Driver\sections"
