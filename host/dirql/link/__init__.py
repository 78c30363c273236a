# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The host's side of the link to a board; docs/link-protocol.md is the contract."""
