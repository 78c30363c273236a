# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects that threads wait for, and device queues."""

__all__: list[str] = []
