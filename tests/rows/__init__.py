# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The rows: the rules that dirql follows, each with an ID, and the tests that show them.

The data files beside this one hold the rules; `book` reads them, `claims` finds the tests, `pages` writes docs/rules.
"""
