# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Drivers that ship with dirql, each written to be read and copied."""

__all__: list[str] = []
