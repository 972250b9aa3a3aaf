"""Template strings: the library cannot write them, so functions with one are refused."""

from __future__ import annotations

import pytest

import recell


def test_template_strings_are_refused_with_the_reason() -> None:
    """The function stays as it is; whoever changes it otherwise is not affected."""

    def shown(x: int) -> object:
        return t"{x!r:>5} and {x}"

    with pytest.raises(recell.UnsupportedCodeError, match="the library `bytecode`") as caught:
        recell.rewrite(shown, lambda code: None)
    assert caught.value.reason
    assert shown(3).values == (3, 3)
