# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The object manager: names, handles and reference counts."""

__all__: list[str] = []
