# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The words of NT: statuses, bug checks and constants. Everyone may use them; they use nothing."""

__all__: list[str] = []
