"""The example does what `dataclasses` does, on the same classes."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import sys

import pytest

from examples.quickclass import Factory, FrozenError, field, quickclass


def pair(options: dict, body: str, slots: bool = False):
    """The same class twice: as a dataclass, and by the example."""
    made = []
    for decorator, make_field in ((dataclasses.dataclass, dataclasses.field), (quickclass, field)):
        names = {"field": make_field, "__name__": __name__}
        exec(f"class Point:\n    {body}", names)
        made.append(decorator(**options)(names["Point"]))
    return made


BODY = "x: int\n    y: int = 2\n    z: list = field(default_factory=list)"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"order": True},
        {"frozen": True},
        {"eq": False},
        {"frozen": True, "order": True},
        {"unsafe_hash": True},
    ],
)
def test_it_behaves_as_a_dataclass(options: dict) -> None:
    """Signature, repr, equality, order, hash, refusals."""
    theirs, ours = pair(options, BODY)
    expected, parameters = inspect.signature(theirs).parameters, inspect.signature(ours).parameters
    assert list(parameters) == list(expected)
    assert parameters["x"].default is inspect.Parameter.empty
    assert parameters["y"].default == 2
    assert type(parameters["z"].default) is Factory
    values = [(1,), (1, 2), (1, 3), (0, 9), (1, 2, (5,))]
    for one in values:
        assert repr(ours(*one)) == repr(theirs(*one))
        for other in values:
            assert (ours(*one) == ours(*other)) == (theirs(*one) == theirs(*other))
            if options.get("order") and len(one) < 3 and len(other) < 3:
                assert (ours(*one) < ours(*other)) == (theirs(*one) < theirs(*other))
                assert (ours(*one) >= ours(*other)) == (theirs(*one) >= theirs(*other))
    assert ours(1).z is not ours(1).z
    assert ours(1).__eq__(5) is NotImplemented
    assert (ours.__hash__ is None) == (theirs.__hash__ is None)
    if theirs.__hash__ is not None and options.get("eq", True):
        assert hash(ours(1, 2, ())) == hash(ours(1, 2, ()))
    if options.get("frozen"):
        with pytest.raises(FrozenError):
            ours(1).x = 5
        with pytest.raises(FrozenError):
            del ours(1).x
    with pytest.raises(TypeError):
        ours()
    with pytest.raises(TypeError):
        ours(1, nothing=2)
    if sys.version_info >= (3, 10):
        assert ours.__match_args__ == theirs.__match_args__


def test_no_fields_and_many() -> None:
    """From none to fifty."""
    for count in (0, 1, 50):
        body = "\n    ".join(f"f{index}: int" for index in range(count)) or "pass"
        theirs, ours = pair({"order": True}, body)
        values = range(count)
        assert repr(ours(*values)) == repr(theirs(*values))
        assert ours(*values) == ours(*values)
        assert ours(*values) <= ours(*values)


def test_inheritance_and_post_init() -> None:
    """Fields of the base come first; `__post_init__` runs."""

    @quickclass
    class Base:
        x: int
        y: int = 1

    @quickclass
    class Child(Base):
        z: int = 3
        y: int = 5

        def __post_init__(self):
            self.total = self.x + self.y + self.z

    assert repr(Child(1)) == f"{Child.__qualname__}(x=1, y=5, z=3)"
    assert Child(1).total == 9


def test_slots_keep_super() -> None:
    """The class is made again, and zero-argument super() and `__class__` mean the new one."""

    class Base:
        __slots__ = ()

        def name(self):
            return "base"

    @quickclass(slots=True)
    class Point(Base):
        x: int
        y: int = 2

        def name(self):
            return super().name() + type(self).__name__

        @property
        def own(self):
            return __class__

    point = Point(1)
    assert point.name() == "basePoint"
    assert point.own is Point
    assert not hasattr(point, "__dict__")
    assert (point.x, point.y) == (1, 2)
    with pytest.raises(AttributeError):
        point.other = 1


def test_methods_belong_to_their_class() -> None:
    """Names, modules and sources of what is generated."""
    _, ours = pair({}, BODY)
    assert ours.__init__.__qualname__ == "Point.__init__"
    assert ours.__init__.__module__ == __name__
    assert "self._0 = _0" in inspect.getsource(ours.__init__)
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        ours()


def test_own_methods_stay() -> None:
    """What the class defines itself is not replaced."""

    @quickclass
    class Point:
        x: int

        def __repr__(self):
            return "mine"

    assert repr(Point(1)) == "mine"
    assert pickle.loads(pickle.dumps(Global(1, 2))) == Global(1, 2)


@quickclass(order=True)
class Global:
    x: int
    y: int


def test_a_value_that_is_not_itself() -> None:
    """What is not equal to itself is compared as the release's data classes do: as items of tuples, or by itself."""
    theirs, ours = pair({}, BODY)
    odd = float("nan")
    assert (ours(odd) == ours(odd)) == (theirs(odd) == theirs(odd))


def test_more_fields_than_a_byte_counts() -> None:
    """Three hundred."""
    body = "\n    ".join(f"f{index}: int" for index in range(300))
    _, ours = pair({"frozen": True}, body)
    assert ours(*range(300)) == ours(*range(300))
    assert hash(ours(*range(300))) == hash(ours(*range(300)))
