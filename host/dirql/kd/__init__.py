# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The debugger (Kd): messages of drivers and their filter, assertions, breakpoints."""

__all__: list[str] = []
