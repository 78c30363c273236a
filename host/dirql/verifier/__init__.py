# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The verifier: what is checked, for which driver, and the rules that look in from outside."""

__all__: list[str] = []
