# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Plug and Play: the device tree, the resources of the devices, and the drivers that get the devices."""

__all__: list[str] = []
