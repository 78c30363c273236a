# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The place of the folders hdl/ and sim/, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FUNCTIONS", "MACHINES", "machine_root"]

MACHINES = "hdl/machines"
"""The folder of the machine files, below `machine_root()`."""
FUNCTIONS = "hdl/functions"
"""The folder with one folder for each function."""


def machine_root() -> Path:
    """The folder with hdl/ and sim/: the checkout, or a folder inside an installed package."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_machine"
    return installed if installed.is_dir() else package.parents[1]
