# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""How the results of a job are shown: live progress, tables in a terminal, a JSON document."""

__all__: list[str] = []
