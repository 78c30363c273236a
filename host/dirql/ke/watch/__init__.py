# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The watch over hangs: how long things may take, and the report when nothing goes on.

Nothing is imported here.
"""
