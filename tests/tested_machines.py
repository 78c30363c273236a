# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The machines that tests compile, each of which costs some seconds for each of its models.

The machine `pio` is `tiny` without a part of it. `make nightly` sets DIRQL_MACHINES=all, and tests it too.
"""

from __future__ import annotations

import os

from dirql.hardware.reading import load_machine, machine_names

__all__ = ["MACHINES", "MASTERED", "WITH_STORES"]

MACHINES = [
    name
    for name in machine_names()
    if os.environ.get("DIRQL_MACHINES") == "all" or load_machine(name).masters
]
WITH_STORES = [name for name in MACHINES if load_machine(name).functions_named("store")]
MASTERED = [name for name in MACHINES if load_machine(name).masters]
"""The machines with bus masters, which reach the host's memory."""
