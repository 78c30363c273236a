# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Threads, the switching between them, and their waits."""

__all__: list[str] = []
