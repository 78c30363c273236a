# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Recordings: everything that went between a driver and a machine, and the targets that write and read it."""

__all__: list[str] = []
