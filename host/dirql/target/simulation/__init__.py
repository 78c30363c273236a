# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Machines that are simulated: the shared memory, Verilator, cocotb, and the tools that build them."""

__all__: list[str] = []
