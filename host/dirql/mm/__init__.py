# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory: frames, address spaces, pools, MDLs and the buffers of programs."""
