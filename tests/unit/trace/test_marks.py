# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import given, strategies as st

from dirql.trace.marks import ARGUMENT, CODE, Mark, decode, encode


@given(mark=st.sampled_from(Mark), argument=st.integers(0, 2**40))
def test_a_mark_comes_back_with_its_argument_modulo_2_24(mark: Mark, argument: int) -> None:
    payload = encode(mark, argument)
    assert 0 <= payload < 2**32
    assert decode(payload) == (mark, argument % 2**24)


def test_the_code_is_in_the_high_byte() -> None:
    assert encode(Mark.DPC_QUEUE, 0x123456) == 0x05123456
    assert ARGUMENT.width + CODE.width == 32
