# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play: the bus, the devices on it, their resources, and the drivers that get them."""

__all__: list[str] = []
