# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m dirql` is the `dirql` command."""

import sys

from dirql.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
