# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads: what they are, how they are switched, and how they wait."""

__all__: list[str] = []
