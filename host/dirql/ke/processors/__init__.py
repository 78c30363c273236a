# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Processors: levels, spin locks, DPCs and interrupts."""

__all__: list[str] = []
