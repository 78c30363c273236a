# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""DMA adapters: how drivers give devices memory that they can reach."""
