# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""dirql: a hardware-in-the-loop testbed for device drivers.

Drivers import `dirql.wdm`, tests use the fixtures of `dirql.pytest_plugin`, and `dirql --help` is the command
line.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
