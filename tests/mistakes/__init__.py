# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Typical mistakes of driver authors, and the message that dirql gives for each."""
