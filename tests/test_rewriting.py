"""`rewrite`: whatever an edit does not touch stays as it was, and whatever it makes can be run."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from types import CodeType
from typing import Any, Callable

import pytest

import recell
from recell import rewrite

bytecode = pytest.importorskip("bytecode")
Instr, FreeVar, CellVar = bytecode.Instr, bytecode.FreeVar, bytecode.CellVar
UNIFIED = sys.version_info >= (3, 11)


def nothing(code: Any) -> None:
    """An edit that does nothing."""


def add_before_return(*instructions: Any) -> Callable[[Any], None]:
    """An edit that adds what the instructions load to every value returned."""

    def edit(code: Any) -> None:
        at = 0
        while at < len(code):
            if getattr(code[at], "name", "") == "RETURN_VALUE":
                add = Instr("BINARY_OP", 0) if UNIFIED else Instr("BINARY_ADD")
                code[at:at] = [*instructions, add]
                at += len(instructions) + 1
            at += 1

    return edit


def power(exponent: int) -> Any:
    def raised(base: int, *, plus: int = 1) -> int:
        "Raise a number."
        return base**exponent + plus

    raised.mark = 7  # type: ignore[attr-defined]
    return raised


def test_nothing_is_lost() -> None:
    """The new function has the metadata, the cells and the globals of the original, which stays as it was."""
    original = power(3)
    code = original.__code__
    new = rewrite(original, add_before_return(Instr("LOAD_CONST", 100)))
    assert new(2) == 109 and original(2) == 9 and original.__code__ is code
    assert new.__closure__[0] is original.__closure__[0] and new.__globals__ is original.__globals__
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__kwdefaults__", "__dict__"):
        assert getattr(new, name) == getattr(original, name)
    assert inspect.signature(new) == inspect.signature(original)
    assert new.__code__.co_firstlineno == code.co_firstlineno and new.__code__.co_flags == code.co_flags


def test_every_kind_of_callable() -> None:
    """A callable of the same kind comes back, and a code object for a code object."""

    class Shop:
        rate = 2

        def price(self, net: int) -> int:
            return net * self.rate

        @classmethod
        def make(cls) -> int:
            return cls.rate

        @staticmethod
        def fixed() -> int:
            return len("ab")

        @property
        def label(self) -> int:
            return self.rate * 10

    plus = add_before_return(Instr("LOAD_CONST", 100))
    shop = Shop()
    assert rewrite(shop.price, plus)(3) == 106 and rewrite(Shop.make, plus)() == 102
    assert isinstance(rewrite(vars(Shop)["make"], plus), classmethod)
    assert rewrite(vars(Shop)["fixed"], plus).__func__() == 102
    assert rewrite(vars(Shop)["label"], plus).fget(shop) == 120
    assert rewrite(functools.partial(power(2), 3), plus)() == 110
    code = rewrite(Shop.price.__code__, plus)
    assert type(code) is CodeType and recell.replace(Shop.price, code=code)(shop, 3) == 106
    with pytest.raises(TypeError, match="the C function len"):
        rewrite(len, plus)


def test_generators_and_coroutines_stay_what_they_are() -> None:
    """The value of a return is changed; yields and awaits go on as before."""

    def count(n: int) -> Any:
        for i in range(n):
            yield i
        return len(str(n))

    async def wait(n: int) -> int:
        await asyncio.sleep(0)
        return abs(n)

    async def produce(n: int) -> Any:
        for i in range(n):
            await asyncio.sleep(0)
            yield i

    plus = add_before_return(Instr("LOAD_CONST", 100))
    generator = rewrite(count, plus)(2)
    assert [next(generator), next(generator)] == [0, 1]
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == 101
    assert asyncio.run(rewrite(wait, plus)(-1)) == 101

    async def consume() -> list[int]:
        return [value async for value in rewrite(produce, nothing)(3)]

    assert asyncio.run(consume()) == [0, 1, 2]
    assert inspect.isasyncgenfunction(rewrite(produce, nothing))


def test_new_free_variables_come_last_and_take_their_cells_from_values() -> None:
    """Old ones keep their place; a value without a variable and a variable without a value are refused."""
    original = power(3)
    plus = add_before_return(Instr("LOAD_DEREF", FreeVar("bonus")))
    new = rewrite(original, plus, values={"bonus": 100})
    assert new(2) == 109 and new.__code__.co_freevars == ("exponent", "bonus")
    assert new.__closure__[0] is original.__closure__[0]
    shared = recell.make_cell(5)
    assert rewrite(original, plus, values={"bonus": shared})(2) == 14
    with pytest.raises(recell.ClosureMismatchError, match="bonus") as caught:
        rewrite(original, plus)
    assert caught.value.missing == ("bonus",)
    with pytest.raises(recell.FreeVariableError, match="other"):
        rewrite(original, plus, values={"bonus": 1, "other": 2})
    with pytest.raises(TypeError, match="a code object has none"):
        rewrite(original.__code__, plus, values={"bonus": 1})


def test_a_function_without_closure_gets_one() -> None:
    """The prologue that copies cells is made where there was none, in front of a generator too."""

    def total(n: int) -> Any:
        result = 0
        for i in range(n):
            result = result + i
        return result

    def stream(n: int) -> Any:
        for i in range(n):
            yield i
        return len(str(n))

    plus = add_before_return(Instr("LOAD_DEREF", FreeVar("bonus")))
    assert rewrite(total, plus, values={"bonus": 10})(3) == 13
    generator = rewrite(stream, plus, values={"bonus": 10})(1)
    assert list(generator) == [0]


def test_a_local_becomes_a_cell() -> None:
    """The prologue makes the cell, and the name leaves the plain locals."""

    def total(n: int) -> int:
        result = 0
        for i in range(n):
            result += i
        return result

    pairs = {"STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST")}
    for name in ("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"):
        pairs[name] = ("LOAD_FAST", "LOAD_FAST")
    pairs["STORE_FAST_STORE_FAST"] = ("STORE_FAST", "STORE_FAST")

    def edit(code: Any) -> None:
        result: list[Any] = []
        for item in code:
            singles = [item]
            if getattr(item, "name", "") in pairs:
                names = zip(pairs[item.name], item.arg)
                singles = [Instr(name, arg, location=item.location) for name, arg in names]
            for single in singles:
                if isinstance(single, Instr) and single.arg == "result":
                    kind = single.name.partition("_")[0]
                    single = Instr(f"{kind}_DEREF", CellVar("result"), location=single.location)
                result.append(single)
        code[:] = result

    new = rewrite(total, edit)
    assert new(5) == 10
    assert new.__code__.co_cellvars == ("result",) and "result" not in new.__code__.co_varnames


def test_several_edits_and_all_three_forms() -> None:
    """Edits follow one another, each in the form that its annotation or `form=` asks for."""
    seen = []

    def blocks(code: bytecode.ControlFlowGraph) -> Any:
        seen.append(type(code).__name__)

    def concrete(code: bytecode.ConcreteBytecode) -> Any:
        seen.append(type(code).__name__)
        return code

    def spelled(code: "bytecode.ControlFlowGraph") -> Any:
        seen.append(type(code).__name__)
        return code.to_bytecode()

    def plain(code: Any) -> Any:
        seen.append(type(code).__name__)
        return code.copy()

    for func in (power(2), power):
        new = rewrite(func, blocks, concrete, spelled, plain)
        assert new(3) == func(3) if func is not power else new(2)(3) == 10
    assert seen == ["ControlFlowGraph", "ConcreteBytecode", "ControlFlowGraph", "Bytecode"] * 2
    seen.clear()
    rewrite(power(2), plain, form="ConcreteBytecode")
    rewrite(power(2), lambda code: seen.append(type(code).__name__), form=bytecode.ControlFlowGraph)
    assert seen == ["ConcreteBytecode", "ControlFlowGraph"]
    with pytest.raises(TypeError, match="form= is one of"):
        rewrite(power(2), plain, form="text")  # type: ignore[arg-type]


def shift(code: Any) -> None:
    code.insert(len(code) - 1, Instr("POP_TOP"))


def renamed(code: Any) -> None:
    code.name = "other"


def parameters(code: Any) -> None:
    code.argcount += 1


def argument_names(code: Any) -> None:
    code.argnames = ["other"]


def kind(code: Any) -> None:
    code.flags |= inspect.CO_GENERATOR


def lost_label(code: Any) -> None:
    code.insert(len(code) - 1, Instr("JUMP_FORWARD", bytecode.Label()))


def nonsense_inside(code: Any) -> None:
    list.append(code, "RETURN_VALUE")


@pytest.mark.parametrize(
    ("edit", "error", "text"),
    [
        (lambda code: 5, TypeError, "returned 5"),
        (lambda code: [], TypeError, r"returned \[\]"),
        (lambda code: code.clear(), recell.UnsafeCodeError, "no instructions"),
        (shift, recell.UnsafeCodeError, "needs 1 values"),
        (lost_label, recell.UnsafeCodeError, "label"),
        (nonsense_inside, TypeError, "'RETURN_VALUE' among the instructions"),
        (renamed, recell.UnsupportedCodeError, "its name"),
        (parameters, recell.UnsupportedCodeError, "number of its parameters"),
        (argument_names, recell.UnsupportedCodeError, "its parameters"),
        (kind, recell.UnsupportedCodeError, "its kind"),
        ("text", TypeError, "takes edits"),
    ],
)
def test_bad_edits_are_refused(edit: Any, error: type[Exception], text: str) -> None:
    """Each with a typed error; the function is as it was."""
    original = power(3)
    code = original.__code__
    with pytest.raises(error, match=text):
        rewrite(original, edit)
    assert original.__code__ is code and original(2) == 9


def test_what_an_edit_raises_propagates_unchanged() -> None:
    """The very exception, without another around it."""
    error = KeyError("mine")

    def edit(code: Any) -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        rewrite(power(3), edit)
    assert caught.value is error and error.__cause__ is None and error.__context__ is None


def test_a_rewrite_without_edits_is_refused() -> None:
    """It would change nothing."""
    with pytest.raises(TypeError, match="changes nothing"):
        rewrite(power(3))


def test_generated_functions_keep_their_source() -> None:
    """The text of a defined function stays in `linecache` as long as its rewriting exists."""
    func = recell.define("def f(x):\n    return 1 / x\n")
    new = rewrite(func, nothing)
    del func
    assert inspect.getsource(new) == "def f(x):\n    return 1 / x\n"


def test_equal_constants_stay_apart() -> None:
    """Two lists that are equal now are two objects: `bytecode` itself would make them one."""
    first: list[int] = []
    second: list[int] = []

    def pair() -> Any:
        return 1, 2

    def edit(code: Any) -> None:
        code[:] = [
            *(item for item in code if getattr(item, "name", "") == "RESUME"),
            Instr("LOAD_CONST", first),
            Instr("LOAD_CONST", second),
            Instr("BUILD_TUPLE", 2),
            Instr("RETURN_VALUE"),
        ]

    one, other = rewrite(pair, edit)()
    assert one is first and other is second
