# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m wdk` is the generator, `wdk.generate`."""

import sys

from wdk.generate import main

sys.exit(main())
