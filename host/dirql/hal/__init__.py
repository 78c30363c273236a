# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The hardware abstraction layer: registers, ports, configuration space, the interrupt controller and DMA."""

from __future__ import annotations

__all__: list[str] = []
