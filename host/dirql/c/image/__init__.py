# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The images of drivers in C: compiled from their sources, and what their files say."""
