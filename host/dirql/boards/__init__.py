# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Boards: their files, their bitstreams, and how these get onto them."""

__all__: list[str] = []
