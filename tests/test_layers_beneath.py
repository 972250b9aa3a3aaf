"""What `wrap` hands to a decorator does what lies beneath the wrapper, whoever comes and goes there."""

from __future__ import annotations

import functools
import inspect
import random

import pytest
from sizes import SEED, pick

from recell import ChangeError, override, patch_closure, substitute, swap, wrap

LIMIT = 1


def make(a=1):
    def func(x=0):
        "base"
        return a, x, LIMIT

    return func


def tagged(tag):
    def decorator(func):
        def tagging(*args, **kwargs):
            return tag, func(*args, **kwargs)

        return tagging

    return decorator


def replacement(tag):
    a = 0

    def other(x=2):
        "other"
        return "TAG", a, x, LIMIT

    return substitute(other, constants={"TAG": tag})


def test_an_override_beneath_a_wrapper_is_seen_and_leaves():
    """Entered first, it is still in force with the wrapper around it; left first, its value is gone."""
    func = make()
    one = override(func, LIMIT=5).start()
    change = wrap(func, tagged("w"))
    assert func() == ("w", (1, 0, 5)) and change.original() == (1, 0, 5)
    one.undo()
    assert func() == ("w", (1, 0, 1)) and change.original() == (1, 0, 1)
    change.undo()
    assert func() == (1, 0, 1)
    one.start()
    change.start()
    assert func() == ("w", (1, 0, 5))
    change.undo()
    assert change.original() == (1, 0, 1), "what is left keeps nobody's private names"
    one.undo()


def test_an_override_beneath_that_assigns_leaves():
    """Also where the override made the closure grow."""

    def func(x=0):
        global LIMIT
        if x:
            LIMIT = x
        return LIMIT

    one = override(func, LIMIT=5).start()
    with wrap(func, tagged("w")):
        assert func(7) == ("w", 7) and func() == ("w", 7)
        one.undo()
        assert func() == ("w", 1)
    assert func() == 1 and LIMIT == 1


def test_wrappers_leave_in_any_order():
    func = make()
    changes = [wrap(func, tagged(tag)) for tag in "abc"]
    assert func() == ("c", ("b", ("a", (1, 0, 1))))
    changes[1].undo()
    assert func() == ("c", ("a", (1, 0, 1)))
    changes[0].undo()
    assert func() == ("c", (1, 0, 1))
    changes[2].undo()
    assert func() == (1, 0, 1)


def test_a_swap_beneath_leaves_with_its_face():
    """Defaults, signature and docstring of the original follow; attributes are its own."""
    func = make()
    one = swap(func, replacement("s"), cells="keep")
    change = wrap(func, functools.lru_cache(maxsize=None))
    assert func() == ("s", 1, 2, 1) and str(inspect.signature(change.original)) == "(x=2)"
    one.undo()
    assert func(3) == (1, 3, 1)
    assert str(inspect.signature(change.original)) == "(x=0)" and change.original.__doc__ == "base"
    assert change.original.__dict__ is not func.__dict__
    change.undo()


def test_a_wrapper_entered_again_over_something_else():
    func = make()
    change = wrap(func, tagged("w"))
    change.undo()
    with swap(func, replacement("s"), cells="keep"):
        change.start()
        assert func() == ("w", ("s", 1, 2, 1))
        change.undo()
    change.start()
    assert func() == ("w", (1, 0, 1))
    change.undo()


def test_a_decorator_that_returns_what_it_got():
    func = make()
    one = override(func, LIMIT=5).start()
    change = wrap(func, lambda original: original)
    assert func() == (1, 0, 5)
    one.undo()
    assert func() == (1, 0, 1)
    change.undo()


def test_what_somebody_else_did_to_the_original_stays():
    func = make()
    one = override(func, LIMIT=5).start()
    change = wrap(func, tagged("w"))
    code = make().__code__.replace(co_name="theirs")
    change.original.__code__ = code
    one.undo()
    assert func() == ("w", (1, 0, 1)) and change.original.__code__ is code
    change.undo()
    assert func() == (1, 0, 1)


def test_running_knows_what_was_overridden_too():
    def count():
        yield LIMIT
        yield LIMIT

    first = count()
    next(first)
    one = override(count, LIMIT=5).start()
    second = count()
    next(second)
    change = wrap(count, lambda original: lambda: original())
    assert set(change.running) == {first, second}
    one.undo()
    assert list(count()) == [1, 1] and next(second) == 5
    change.undo()


def test_a_swap_entered_twice_is_two_layers():
    """The first `with` or `start()` is the entry with which it was returned."""
    func = make()
    change = swap(func, replacement("s"), cells="keep")
    with change:
        with change:
            assert func() == ("s", 1, 2, 1)
        assert func() == ("s", 1, 2, 1) and change.active
    assert func() == (1, 0, 1)
    with pytest.raises(ChangeError):
        change.undo()
    change = wrap(func, tagged("w")).start().start()
    assert func() == ("w", (1, 0, 1))
    change.undo()
    assert func() == ("w", (1, 0, 1))
    change.undo()
    assert func() == (1, 0, 1)


def expected(layers):
    """The result of `func(7)`, from the layers alone: what there is at the bottom, its own `a`, overridden names."""
    state = ("base", 1, {})
    for kind, data in layers:
        if kind == "wrap":
            state = ("wrap", data, state)
        elif kind == "swap":
            state = (data, 0 if state[0] == "wrap" else state[1], {})
        elif state[0] != "wrap":  # the wrapper does not use the names
            state = (*state[:2], {**state[2], **data})
    return shown(state)


def shown(state):
    if state[0] == "wrap":
        return state[1], shown(state[2])
    tag, a, names = state
    values = names.get("a", a), 7, names.get("LIMIT", 1)
    return values if tag == "base" else (tag, *values)


@pytest.mark.parametrize("seed", range(pick(40, 1000)))
def test_any_order(seed):
    """Base plus layers, whatever comes and goes; in the end the very objects."""
    chance = random.Random(SEED + seed)
    func = make()
    before = (func.__code__, func.__closure__, func.__defaults__, func.__dict__, func.__doc__)
    layers = []
    for step in range(25):
        if layers and chance.random() < 0.45:
            layers.pop(chance.randrange(len(layers)))[1].undo()
        else:
            kind = chance.choice(["wrap", "swap", "override"])
            data = f"{kind} {step}"
            if kind == "wrap":
                change = wrap(func, tagged(data))
            elif kind == "swap":
                change = swap(func, replacement(data), cells="keep")
            elif layers and "wrap" in (layer[0][0] for layer in layers):
                continue  # an override names what the wrapper uses
            else:
                data = {name: (name, step) for name in chance.sample(["a", "LIMIT"], chance.choice([1, 2]))}
                change = override(func, data).start()
            layers.append(((kind, data), change))
        assert func(7) == expected([layer for layer, _ in layers])
    chance.shuffle(layers)
    for _, change in layers:
        change.undo()
    after = (func.__code__, func.__closure__, func.__defaults__, func.__dict__, func.__doc__)
    assert all(new is old for new, old in zip(after, before)) and func(7) == (1, 7, 1)


def test_cells_stay_shared():
    """A patched cell is seen through the wrapper, and after it."""
    func = make()
    with wrap(func, tagged("w")), patch_closure(make(), a=3):
        assert func() == ("w", (1, 0, 1))
    change = wrap(func, tagged("w"))
    with patch_closure(change.original, a=3):
        assert func() == ("w", (3, 0, 1))
    change.undo()
    assert func() == (1, 0, 1)
