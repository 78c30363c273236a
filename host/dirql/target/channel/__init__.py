# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The Target contract for a machine that is reached through a stream of commands, over any transport."""

__all__: list[str] = []
