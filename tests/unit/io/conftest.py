# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""A machine without devices, for drivers that a test writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirql.machine import Machine
from fakes.bare_machine import bare_machine


@pytest.fixture
def machine() -> Iterator[Machine]:
    with bare_machine() as opened:
        yield opened
