# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The I/O manager: requests, the devices they go to, and the files and handles through which programs make them."""

__all__: list[str] = []
