# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel's core: processors, levels, interrupts, DPCs, threads, timers, locks and waits."""
