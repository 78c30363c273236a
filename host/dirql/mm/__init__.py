# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory manager: frames, address spaces, pools, MDLs and the buffers of programs."""

__all__: list[str] = []
