# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The description of the WDK's surface, and the tools that generate code and pages from it."""

__all__: list[str] = []
