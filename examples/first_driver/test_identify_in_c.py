# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""The test of the first driver in C: the one of the first driver, for another file."""

import pytest

from dirql.io.handle import Handle

pytestmark = pytest.mark.driver("identify.c", name=r"\\.\Identify")


def test_the_function_says_who_it_is(handle: Handle) -> None:
    assert handle.read(4).hex() == "341201d1"


def test_a_buffer_that_is_too_small_is_refused(handle: Handle) -> None:
    with pytest.raises(OSError, match="STATUS_BUFFER_TOO_SMALL"):
        handle.read(3)
