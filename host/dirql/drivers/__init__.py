# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers that ship with dirql. Each is written to be read, and to be copied as a beginning for another driver."""

__all__: list[str] = []
