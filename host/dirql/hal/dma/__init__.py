# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""DMA adapters: the way from a driver's buffer to addresses that its device can reach."""
