# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine without devices, and memory for identifiers, lists and descriptors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.machine import Machine
from fakes.bare_machine import bare_machine
from unit.se.making import Workspace


@pytest.fixture
def machine() -> Iterator[Machine]:
    with bare_machine() as opened:
        yield opened


@pytest.fixture
def work(machine: Machine) -> Workspace:
    """Memory of the machine, piece by piece."""
    return Workspace()
