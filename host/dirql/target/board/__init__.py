# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Targets behind a link: boards on a serial port, a TCP connection or USB, and twins."""

__all__: list[str] = []
