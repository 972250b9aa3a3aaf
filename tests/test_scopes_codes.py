"""promote and freeze of code objects: the same code as the function's, without values and cells."""

from __future__ import annotations

from typing import Any

import pytest

import recell
from recell import ScopeError, demote, freeze, make_function, promote
from recell.cells import Closure

LIMIT = 3


def reads(x: int) -> Any:
    return x, LIMIT, len, (lambda: LIMIT)()


def closing(rate: int) -> Any:
    def func(x: int) -> Any:
        return x * rate + LIMIT

    return func


def test_promote_gives_the_code_of_the_function() -> None:
    func = promote(reads, LIMIT=5, len=7)
    for names in (["LIMIT", "len"], {"LIMIT": 0, "len": 0}, ("LIMIT", "len")):
        code = promote(reads.__code__, names)
        assert code == func.__code__
        assert code.co_freevars == ("LIMIT", "len")
    assert promote(reads.__code__, "LIMIT").co_freevars == ("LIMIT",)
    assert promote(reads.__code__, LIMIT=0).co_freevars == ("LIMIT",)
    assert make_function(code, closure={"LIMIT": 1, "len": 2})(0) == (0, 1, 2, 1)


def test_promote_refuses_as_for_functions() -> None:
    for names in (["x"], ["nowhere"], {"LIMIT": 0, "y": 1}):
        with pytest.raises(ScopeError):
            promote(reads.__code__, names)
    assert promote(reads.__code__, ["LIMIT", "y", "x"], strict=False).co_freevars == ("LIMIT",)
    assert promote(reads.__code__, ["y"], strict=False) is reads.__code__
    with pytest.raises(TypeError, match="needs the code of a function"):
        promote(compile("LIMIT", "<text>", "exec"), ["LIMIT"])


def test_freeze_gives_the_code_of_the_function() -> None:
    assert freeze(reads.__code__, LIMIT=9) == freeze(reads, LIMIT=9).__code__
    func = closing(2)
    code = freeze(func.__code__, LIMIT=1, rate=5)
    assert code.co_freevars == ()
    assert make_function(code)(2) == 11
    assert func(2) == 7


def test_freeze_of_a_code_needs_values() -> None:
    with pytest.raises(ScopeError, match="freeze.*LIMIT=…"):
        freeze(reads.__code__, "LIMIT")
    with pytest.raises(ScopeError):
        freeze(reads.__code__)
    for values in ({"x": 1}, {"nowhere": 1}):
        with pytest.raises(ScopeError):
            freeze(reads.__code__, **values)

    def with_class() -> Any:
        class Local:
            LIMIT = LIMIT

        return Local.LIMIT

    assert freeze(with_class, LIMIT=4)() == 4
    with pytest.raises(ScopeError, match="needs a cell"):
        freeze(with_class.__code__, LIMIT=4)


def test_demote_may_pass_over_names() -> None:
    func = closing(2)
    assert demote(func, "rate", "other", strict=False)(1) == 5
    with pytest.raises(ScopeError):
        demote(func, "rate", "other")


def test_an_attribute_of_a_closure_names_the_mapping_form() -> None:
    live = recell.closure(closing(2))
    with pytest.raises(AttributeError, match=r"a closure is a mapping: closure\(func\)\['rate'\]"):
        live.rate  # noqa: B018
    with pytest.raises(AttributeError, match=r"closure\(func\)\['rate'\]"):
        live.rate = 5
    with pytest.raises(AttributeError) as caught:
        live.other  # noqa: B018
    assert "mapping" not in str(caught.value)
    with pytest.raises(AttributeError):
        object.__new__(Closure)._function  # noqa: B018
    import copy

    assert dict(copy.copy(live)) == {"rate": 2}
    assert not hasattr(live, "__wrapped__")
