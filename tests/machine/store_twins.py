# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The store driver in Python and its twin in C. A test with the fixture `each_store_driver` runs with both."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from dirql.driver_files import DriverModule, find_driver
from dirql.drivers import store
from dirql.io.objects import DriverObject
from dirql.machine import Machine

__all__ = ["LANGUAGES", "STORE_FOLDER", "chosen", "each_driver", "store_in"]

each_driver = pytest.mark.usefixtures("each_store_driver")
"""Run a test with both; it loads the driver with `chosen`."""
LANGUAGES = ("python", "c")
STORE_FOLDER = Path(store.__file__).parent
"""The sources of both."""


@cache
def store_in(language: str) -> DriverModule:
    """The store driver in a language."""
    return find_driver(STORE_FOLDER) if language == "c" else store


class Chosen:
    """The store driver with which the test runs."""

    language = "python"

    def load(self, machine: Machine, interrupt: str | None = None) -> DriverObject:
        """Load it into a machine."""
        return machine.load_driver(store_in(self.language), interrupt=interrupt)


chosen = Chosen()
