# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Driver Verifier: the policy of checks for each driver, and rules that look in through hooks."""

__all__: list[str] = []
