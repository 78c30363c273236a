# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Machines that run in a simulator: shared memory, Verilator, cocotb, and their build tools."""

__all__: list[str] = []
