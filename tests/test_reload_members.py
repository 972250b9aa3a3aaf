"""What a new text says of living classes, functions and members of enumerations means those that live."""

from __future__ import annotations

import types
from typing import Any, Callable

import pytest
from reload_modules import make, text

import recell

_ = make  # a fixture

BEFORE = text("""
    import collections
    import enum
    class Color(enum.Enum):
        RED = 1
        BLUE = 2
    class Access(enum.Flag):
        READ = 1
        WRITE = 2
        RUN = 4
    class Size(enum.IntEnum):
        S = 1
        L = 2
    class Event: pass
    class Other: pass
    def handle(): return 1
    def paint(color=Color.RED, *, size=Size.S, access=Access.READ, key=len): return color, size, access, key
    class Shop:
        color = Color.RED
        sizes = (Size.S,)
        events = (Event, Other)
    CURRENT = Color.RED
""")


@pytest.fixture()
def module(make: Callable[..., types.ModuleType]) -> Any:
    return make(BEFORE)


def test_new_names_hold_living_members(module: Any) -> None:
    """Members are compared by identity, by everybody."""
    more = text("""
        BEST = Color.BLUE
        BOTH = (Color.RED, [Size.L])
        ALL = Access.READ | Access.WRITE
        PRICES = {Color.RED: 1, (Size.S, Color.BLUE): Event}
        def mix(color=Color.BLUE, access=Access.WRITE | Access.RUN): return color, access
    """)
    recell.reload(module, source=BEFORE + more)
    assert module.BEST is module.Color.BLUE
    assert module.BOTH[0] is module.Color.RED and module.BOTH[1][0] is module.Size.L
    assert module.ALL is module.Access.READ | module.Access.WRITE
    assert module.PRICES[module.Color.RED] == 1
    assert module.PRICES[module.Size.S, module.Color.BLUE] is module.Event
    assert module.mix()[0] is module.Color.BLUE
    assert module.mix()[1] is module.Access.WRITE | module.Access.RUN


def test_defaults_follow_to_another_member(module: Any) -> None:
    paint = module.paint
    new = BEFORE.replace("color=Color.RED, *, size=Size.S", "color=Color.BLUE, *, size=Size.L")
    report = recell.reload(
        module, source=new.replace("access=Access.READ, key=len", "access=Access.RUN, key=max")
    )
    color, size, access, key = paint()
    assert color is module.Color.BLUE and size is module.Size.L and access is module.Access.RUN and key is max
    report.undo()
    assert paint() == (module.Color.RED, module.Size.S, module.Access.READ, len)


def test_constants_of_a_class_follow(module: Any) -> None:
    """Members, and tuples of members and of classes, follow like constants."""
    new = BEFORE.replace("    color = Color.RED", "    color = Color.BLUE").replace("(Size.S,)", "(Size.L,)")
    new = new.replace("(Event, Other)", "(Other, Event)").replace(
        "CURRENT = Color.RED", "CURRENT = Color.BLUE"
    )
    report = recell.reload(module, source=new)
    assert module.Shop.color is module.Color.BLUE and module.Shop.sizes == (module.Size.L,)
    assert module.Shop.events == (module.Other, module.Event)
    assert module.CURRENT is module.Color.BLUE and "CURRENT" in report.ran and not report.kept
    report.undo()
    assert module.Shop.color is module.Color.RED and module.Shop.events == (module.Event, module.Other)


def test_keys_are_living_classes_and_functions(module: Any) -> None:
    more = text("""
        HANDLERS = {Event: handle, handle: [Event], "plain": 3}
        ORDERED = collections.OrderedDict([(Other, {Event: 1}), (Event, 2)])
        BY_KIND = collections.defaultdict(list, {Event: [handle]})
        QUEUE = collections.deque([Event, handle])
        def call(handlers={Event: handle}): return handlers
    """)
    recell.reload(module, source=BEFORE + more)
    event, handle = module.Event, module.handle
    assert module.HANDLERS == {event: handle, handle: [event], "plain": 3}
    assert list(module.HANDLERS) == [event, handle, "plain"]
    assert list(module.ORDERED) == [module.Other, event] and module.ORDERED[module.Other] == {event: 1}
    assert module.BY_KIND[event] == [handle] and list(module.QUEUE) == [event, handle]
    assert module.call() == {event: handle}


def test_the_same_text_changes_nothing(module: Any) -> None:
    before = dict(vars(module))
    report = recell.reload(module, source=BEFORE)
    assert "nothing to change" in str(report)
    assert {name: id(value) for name, value in vars(module).items()} == {
        name: id(value) for name, value in before.items()
    }


def test_a_hash_that_the_text_does_not_take_away_stays() -> None:
    """Only a class whose own text has `__eq__` loses its hash: not one that got `__eq__` by other means."""
    text = "class A:\n def f(self): return 1\ndef same(self, other): return True\nA.__eq__ = same\n"
    module = types.ModuleType("hashed")
    exec(compile(text, "hashed.py", "exec", dont_inherit=True), vars(module))
    for new in ("\n" + text, text.replace("return 1", "return 2")):
        report = recell.reload(module, source=new, was=text)
        assert "__hash__" not in vars(module.A) and hash(module.A()) is not None
        report.undo()
    report = recell.reload(
        module, source=text.replace("return 1", "return 1\n def __eq__(self, o): return 1"), was=text
    )
    assert module.A.__hash__ is None
    report.undo()
    assert "__hash__" not in vars(module.A)
