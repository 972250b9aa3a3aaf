"""`swap`: another behaviour under the same identity, and back again."""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import types
from unittest import mock

import pytest
from sizes import DEBUG, FULL
from snapshots import assert_same, snapshot
from swapped import KINDS, factory, result_of

import recell
from recell import EMPTY, ScopeError, closure, make_cell, swap, wrap
from recell.layers import exchange, stacks

ALL_NAMES = [
    [], ["a"], ["b"], ["a", "b"], ["c", "d"], ["a", "b", "c"], ["d", "e", "f"], ["a", "b", "c", "d"], ["b", "d", "f", "h"],
]  # fmt: skip
if DEBUG and not FULL:
    del ALL_NAMES[1::3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("old_class", "new_class"), [*itertools.product([False, True], repeat=2)])
def test_every_ordered_pair_of_free_variables(kind, old_class, new_class):
    """Whatever the free variables: right results, the same object, the cells asked for, exact undo."""
    pairs = [*itertools.product(ALL_NAMES, repeat=2)]
    if new_class and not old_class and not FULL:
        pairs = pairs[::4]  # each searches the heap for the class of the target
    for old_names, new_names in pairs:
        cells = ("take", "keep")[(len(old_names) + len(new_names)) % 2]
        old = factory(kind, old_names, "O", old_class)
        new = factory(kind, new_names, "N", new_class)
        first = [None] if old_class else []  # self
        new_first = [None] if new_class else []
        call = lambda func: result_of(func, *(first if func is old else new_first), 1)
        for _ in range(20):  # call sites are warm before and after
            before_result = call(old)
        before = snapshot(old)
        change = swap(old, new, cells=cells)
        expected_class = ("CO",) if old_class and new_class else ("CN",) if new_class else ()
        expected = (
            "N",
            *[("O" if name in old_names and cells == "keep" else "N", name) for name in new_names],
            1,
            *expected_class,
        )
        for _ in range(20):
            got = result_of(old, *new_first, 1)
        assert got == ([expected] if "generator" in kind else expected)
        assert (old.__name__, old.__qualname__, id(old)) == (before[8], before[9], before[11])
        assert inspect.signature(old) == inspect.signature(new)
        assert {name: cell for name, cell in closure(old).cells.items() if name != "__class__"}.keys() == set(
            new_names
        )
        assert result_of(change.original, *first, 1) == before_result
        change.undo()
        assert_same(old, before)
        for _ in range(20):
            assert call(old) == before_result


@pytest.mark.parametrize("cells", ["keep", "take", ["b"], ("c", "b"), {"c"}, [], None])
def test_whose_cells(cells):
    """The replacement brings its own; kept are the target's that are asked for."""
    old, new = factory("plain", ["a", "b", "c"], "O"), factory("plain", ["b", "c", "d"], "N")
    kept = {"keep": ["b", "c"], "take": (), None: ()}.get(
        cells if cells in ("keep", "take", None) else 0, cells
    )
    own, brought = dict(closure(old).cells), dict(closure(new).cells)
    with swap(old, new) if cells is None else swap(old, new, cells=cells):
        for name in "bcd":
            assert closure(old).cells[name] is (own if name in kept else brought)[name]
    before = snapshot(old)
    change = swap(old, new, cells=kept)
    change.undo()
    assert_same(old, before)


def test_cells_that_are_asked_for_wrongly():
    """A name that is no free variable of both, and what is neither a word nor names: typed, and nothing has changed."""
    old, new = factory("plain", ["count", "step"], "O"), factory("plain", ["count", "d"], "N")
    before = snapshot(old)
    for wrong, said in [
        (["counts"], "did you mean `count`"),
        (["step"], "those of both: `count`"),
        (["d"], "no free"),
    ]:
        with pytest.raises(recell.FreeVariableError, match=said):
            swap(old, new, cells=wrong)
    with pytest.raises(recell.FreeVariableError):
        swap(old, len, cells=["count"])
    with pytest.raises(ValueError, match="'keep'"):
        swap(old, new, cells="share")
    for wrong in (5, None, [5]):
        with pytest.raises(TypeError, match="collection"):
            swap(old, new, cells=wrong)
    assert_same(old, before)


def test_the_state_in_a_kept_cell_survives():
    """A counter goes on counting where it was."""

    def make(step):
        count = 0

        def bump():
            nonlocal count
            count += step
            return count

        return bump

    one, ten = make(1), make(10)
    assert one() == 1
    change = swap(one, ten, cells="keep")
    closure(one)["step"] = 10
    assert one() == 11
    change.undo()
    assert ten() == 10


def test_lambdas_and_methods():
    """Lambdas and methods, for all instances, are functions like others."""

    class Shop:
        def price(self, n=1):
            return n

    shop = Shop()
    with swap(shop.price, lambda self, n=5: n * 2):
        assert shop.price() == 10 and Shop().price(1) == 2
    assert shop.price() == 1
    old, new = factory("plain", ["a"], "O", shape="lambda"), factory("plain", ["b", "c"], "N", shape="lambda")
    with swap(old, new):
        assert old() == ("N", ("N", "b"), ("N", "c"), "N")
    assert old() == ("O", ("O", "a"), "O")


def test_static_and_class_methods_and_partials_mean_their_function():
    class C:
        @staticmethod
        def s():
            return 1

        @classmethod
        def c(cls):
            return cls, 1

    with swap(vars(C)["s"], lambda: 2), swap(C.c, lambda cls: (cls, 2)):
        assert C.s() == 2 and C.c() == (C, 2)
    part = functools.partial(C.s)
    with swap(part, lambda: 3):
        assert part() == C.s() == 3
    with swap(vars(C)["c"], classmethod(lambda cls: (cls, 4))), swap(vars(C)["s"], staticmethod(lambda: 5)):
        assert C.c() == (C, 4) and C.s() == 5
    assert C.c() == (C, 1) and C.s() == 1


def test_what_goes_and_what_stays():
    """Defaults, annotations, doc and attributes are the replacement's; name, qualname and module stay."""

    def old(a, b=1, *, c: int = 2) -> int:
        "old"

    def new(x, /, y="y", *z, k=3, **w) -> str:
        "new"
        return x, y, z, k, w

    old.tag, new.tag, new.more = "old", "new", [1]
    old.__annotations__  # evaluated: comes back equal
    before, annotations = snapshot(old), dict(old.__annotations__)
    change = swap(old, new)
    assert old(1, 2, 3, k=4, q=5) == (1, 2, (3,), 4, {"q": 5}) and old(0) == (0, "y", (), 3, {})
    assert inspect.signature(old) == inspect.signature(new)
    assert (old.__doc__, old.tag, old.more, old.__annotations__) == ("new", "new", [1], new.__annotations__)
    assert (old.__name__, old.__module__) == ("old", __name__)
    old.tag = "changed"
    assert new.tag == "new"  # the two do not change together
    change.undo()
    assert_same(old, before)
    assert old.__annotations__ == annotations and old.tag == "old"


def reading_a_cell(value):
    return lambda: value


def reading_a_default(value):
    return lambda value=value: value


def reading_a_keyword_default(value):
    return lambda *, value=value: value


@pytest.mark.parametrize("make", [reading_a_cell, reading_a_default, reading_a_keyword_default])
def test_what_is_equal_is_exchanged_all_the_same(make):
    """Two functions of one code that nothing but a list tells apart, and that by its identity."""
    old, new = make([]), make([])
    before, own = snapshot(old), old()
    with swap(old, new, cells="take"):
        assert old() is new() is not own
        (old.__kwdefaults__ or {}).clear()  # a dict of its own
    assert old() is own and new() == []
    assert_same(old, before)


def test_a_replacement_that_calls_the_target_is_refused():
    """Held in a cell, as `__wrapped__` or in a partial: it would call itself; the error points to `wrap`."""

    def old(x):
        return x

    func = old

    def direct(x):
        return func(x) + 1

    @functools.wraps(old)
    def wrapped(x):
        return old.__name__

    wrapped_only = functools.wraps(old)(types.FunctionType((lambda x: x).__code__, globals()))
    before = snapshot(old)
    for replacement in (
        direct,
        wrapped,
        wrapped_only,
        functools.partial(old, 1),
        functools.partial(direct),
    ):
        with pytest.raises(ScopeError, match="wrap"):
            swap(old, replacement)
        assert_same(old, before)


def test_a_replacement_that_calls_the_target_by_its_second_variable():
    """The first is one that the target has too, whose cell stays."""
    base = 1

    def old(x):
        return base

    func = old

    def direct(x):
        return base + func(x)

    assert direct.__code__.co_freevars == ("base", "func")
    with pytest.raises(ScopeError, match="in the cell of `func`"):
        swap(old, direct)


def test_recursion_is_no_circle():
    """A recursive function may be swapped for another version of itself."""

    def make(base):
        def fact(n):
            return base if n < 2 else n * fact(n - 1)

        return fact

    one, two = make(1), make(2)
    with swap(one, two, cells="take"):
        assert one(3) == 12
    with swap(one, recell.rebind(one, base=5)):  # its `fact` is the target, as the target's own
        assert one(3) == 30
    assert one(3) == 6 and two(3) == 12


@pytest.mark.parametrize("target", [len, int, mock.Mock(), 5, property(lambda self: 1)])
def test_targets_that_are_no_functions(target):
    with pytest.raises(TypeError, match="swap needs a Python function"):
        swap(target, lambda: 1)
    with pytest.raises(TypeError, match="wrap needs a Python function"):
        wrap(target, lambda f: f)


def test_replacements_that_are_not_callable():
    def old():
        return 1

    with pytest.raises(TypeError, match="callable"):
        swap(old, 5)
    with pytest.raises(TypeError, match="returned None"):
        wrap(old, lambda f: None)
    assert old() == 1


def test_swapping_with_itself_swapped():
    """A swap of a swapped function lies on top of the first, and each can be undone on its own."""

    def old():
        return "old"

    one, two = factory("plain", ["a"], "1"), factory("plain", ["a", "b"], "2")
    before = snapshot(old)
    first, second = swap(old, one), swap(old, two, cells="keep")
    assert old() == ("2", ("1", "a"), ("2", "b"), "2") and second.original() == ("1", ("1", "a"), "1")
    first.undo()
    assert old() == ("2", ("2", "a"), ("2", "b"), "2")
    with pytest.raises(recell.ChangeError, match="not active"):
        first.undo()
    first.start()
    assert old() == ("1", ("1", "a"), "1")
    second.undo()
    assert old() == ("1", ("1", "a"), "1")
    first.undo()
    assert_same(old, before)


def test_nobody_holds_the_change():
    """A swap whose handle is gone has become the base, and nothing is kept alive for it."""

    def old():
        return "old"

    swap(old, lambda: "new")
    assert old() == "new"
    with swap(old, lambda: "newer"):
        assert old() == "newer"
    assert old() == "new"


def test_two_functions_exchanged():
    """A replacement is taken as it is: swapping two functions with each other exchanges them."""

    def one():
        return 1

    def two():
        return 2

    with swap(one, two) as change, swap(two, change.original):
        assert (one(), two()) == (2, 1)
    assert (one(), two()) == (1, 2)


def test_empty_cells_travel():
    def old():
        return 1

    new = recell.rebind(factory("plain", ["a"], "N"), a=EMPTY)
    with swap(old, new):
        with pytest.raises(NameError):
            old()
        closure(old)["a"] = 5
        assert old(1) == ("N", 5, 1)
    assert old() == 1
    cell = make_cell(make_cell(7))
    with swap(old, recell.rebind(new, a=cell)):
        assert old(1)[1].cell_contents == 7


def test_repr_says_what_is_swapped_and_whether():
    def old():
        pass

    change = swap(old, factory("plain", [], "N"))
    assert repr(change) == f"<swap of {__name__}.{old.__qualname__}: swapped.outer.<locals>.func; active>"
    change.undo()
    assert repr(change).endswith("; not active>")


def test_a_swap_that_decorates_is_in_force_while_the_decorated_function_runs():
    """It is undone at once, also where it is put on what it cannot decorate: nothing stays behind a refusal."""

    def old():
        return "old"

    @swap(old, lambda: "new")
    def test():
        return old()

    @wrap(old, lambda original: lambda: [original()])
    class Tests:
        def test_it(self):
            return old()

    assert (old(), test(), old(), Tests().test_it(), old()) == ("old", "new", "old", ["old"], "old")
    with pytest.raises(TypeError, match="decorates"):
        swap(old, lambda: "new")(5)
    assert old() == "old"
    change = swap(old, lambda: "new")
    with change:
        assert change(old)() == "new"
    assert not change.active and old() == "old"


def test_where_the_gil_is_off_and_threads_run_nothing_changes(monkeypatch):
    """Stores to a function race with its calls there: refused before anything changes; patch_closure works."""
    import threading

    def make(a=1):
        def old():
            return a

        return old

    old, before = make(), None
    before = snapshot(old)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    for module in (exchange, stacks):  # where recell was imported so
        monkeypatch.setattr(module, "NO_GIL", True)
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    try:
        for replacement in (factory("plain", ["a"], "N"), lambda: 1, len):
            with pytest.raises(recell.UnsupportedPythonError, match="GIL"):
                swap(old, replacement)
            assert_same(old, before)
        with recell.patch_closure(old, a=2):
            assert old() == 2
    finally:
        go.set()
        thread.join()
    with swap(old, lambda: 3):
        assert old() == 3


def test_without_ctypes_nothing_changes(monkeypatch):
    """Where closures cannot be exchanged: a typed error, and nothing has changed; equal closures need none."""
    old, new = factory("plain", ["a"], "O"), factory("plain", ["a", "b"], "N")
    before = snapshot(old)
    monkeypatch.setattr(exchange, "_set_closure", None)
    monkeypatch.setitem(sys.modules, "ctypes", None)
    with pytest.raises(recell.UnsupportedPythonError, match="ctypes"):
        swap(old, new)
    assert_same(old, before)
    with swap(old, factory("plain", ["a"], "N"), cells="keep"):
        assert old(1) == ("N", ("O", "a"), 1)


@pytest.mark.parametrize("evaluated", [(), ("old",), ("new",), ("old", "new")], ids="+".join)
@pytest.mark.parametrize("looked_at", [False, True])
def test_annotations_are_the_replacements_and_come_back(evaluated, looked_at):
    """Also where they are lazy (3.14+), and whoever evaluated them before or meanwhile."""
    space = {}
    text = "def old(a: int): return 1\ndef new(b: str): return 2"
    exec(compile(text, "annotated", "exec", dont_inherit=True), space)
    old, new = space["old"], space["new"]
    for name in evaluated:
        assert space[name].__annotations__
    lazy = getattr(old, "__annotate__", None)
    change = swap(old, new)
    assert getattr(old, "__annotate__", None) is getattr(new, "__annotate__", None)
    if looked_at:
        assert old.__annotations__ == {"b": str}
    change.undo()
    assert getattr(old, "__annotate__", None) is lazy
    assert old.__annotations__ == {"a": int} and new.__annotations__ == {"b": str}


@pytest.mark.parametrize("again", [False, True])
def test_what_is_assigned_between_two_swaps_is_put_back(again):
    """What the function shows is looked at anew: the same change entered again, or another one."""

    def old(x=1):
        "The old one."
        return x

    change = swap(old, lambda x=2: x)
    change.undo()
    old.__doc__, old.__defaults__, old.tag = "The user's.", (3,), "the user's"
    with change if again else swap(old, lambda x=4: x):
        assert old() in (2, 4) and not hasattr(old, "tag")
    assert (old.__doc__, old(), old.tag) == ("The user's.", 3, "the user's")
