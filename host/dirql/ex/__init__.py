# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The executive support routines (Ex): interlocked operations, lists with locks, lookaside lists."""

__all__: list[str] = []
