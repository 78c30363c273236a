# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Output of a job: live progress, tables in a terminal, a JSON document."""

__all__: list[str] = []
