# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Machines as data: what a machine file and the folder of a function say, and the files that are made from it."""

__all__: list[str] = []
