# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/driver-verifier.md: `make rules-of-wdm`."""

from __future__ import annotations

from wdm_rules.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
