# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The configuration manager: the registry, its keys as objects, and the services with which drivers use them."""

__all__: list[str] = []
