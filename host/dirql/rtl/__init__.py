# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The run-time library (Rtl): strings, lists, bitmaps, numbers and times, as drivers call them.

Routines of this room read and write memory of the caller as code of the kernel does.
"""

__all__: list[str] = []
