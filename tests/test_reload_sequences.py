"""Random sequences of edits and undos end in the state that a fresh import of the text in force gives."""

from __future__ import annotations

import sys
import types
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import pick

import recell

NAMES = ("alpha", "beta", "gamma")
SIZE = pick(25, 1_000, debug=6)


class Function(NamedTuple):
    """One function of a random text."""

    body: int
    parameters: str
    kind: str
    decorated: bool
    nested: int
    blank: int

    def text(self, name: str, indent: str = "", first: str = "") -> str:
        inside = indent + "    "
        parameters = ", ".join(part for part in (first, self.parameters) if part)
        lines = [""] * self.blank
        if self.decorated:
            lines.append(f"{indent}@marked")
        start = "async def" if self.kind == "coroutine" else "def"
        lines += [f"{indent}{start} {name}({parameters}):", f"{inside}'{name} {self.body}'"]
        if self.nested:
            lines += [
                f"{inside}def inner(k={self.nested}):",
                f"{inside}    return k, {self.body}"
                + (f", {first} is not None" if first and self.nested % 2 else ""),
                f"{inside}return inner()",
            ]
        elif self.kind == "generator":
            lines += [f"{inside}yield {self.body}"]
        else:
            lines += [f"{inside}return {self.body}"]
        return "\n".join(lines) + "\n"


class Class(NamedTuple):
    """One class of a random text."""

    methods: Dict[str, Function]
    shape: Dict[str, str]
    attribute: Optional[int]
    derived: bool

    def text(self, name: str) -> str:
        parts = [f"class {name}({'Root' if self.derived else 'Other'}):\n    'class {name}'\n"]
        if self.attribute is not None:
            parts.append(f"    limit = {self.attribute}\n")
        for method, function in self.methods.items():
            shape = self.shape[method]
            if shape == "super":
                parts.append(f"    def {method}(self): return super().root(), {function.body}\n")
                continue
            if shape != "method":
                parts.append(f"    @{shape}\n")
            first = {"staticmethod": "", "classmethod": "cls"}.get(shape, "self")
            plain = function._replace(decorated=False, kind="plain", blank=0)
            if shape == "property":
                plain = plain._replace(parameters="")
            parts.append(plain.text(method, "    ", first))
        return "".join(parts)


Text = Tuple[Dict[str, Function], Dict[str, Class], Tuple[str, ...]]

functions = st.builds(
    Function,
    body=st.integers(0, 3),
    parameters=st.sampled_from(["", "a=1", "a=2", "*, k=3", "a=1, *b, k=4, **c", "k: int = 5"]),
    kind=st.sampled_from(["plain", "plain", "generator", "coroutine"]),
    decorated=st.booleans(),
    nested=st.integers(0, 2),
    blank=st.integers(0, 2),
)
shapes = st.sampled_from(["method", "method", "super", "property", "staticmethod", "classmethod"])
methods = st.sampled_from(("one", "two"))
classes = st.builds(
    Class,
    methods=st.dictionaries(methods, functions),
    shape=st.fixed_dictionaries({"one": shapes, "two": shapes}),
    attribute=st.none() | st.integers(0, 3),
    derived=st.booleans(),
)
texts = st.tuples(
    st.dictionaries(st.sampled_from(NAMES), functions),
    st.dictionaries(st.sampled_from(("First", "Second")), classes),
    st.lists(st.sampled_from(("json", "heapq")), unique=True).map(tuple),
)
ROOT = (
    "def marked(f):\n    def around(*args, **more):\n        return 'marked', f(*args, **more)\n    return around\n"
    "class Root:\n    def root(self): return 'root'\nclass Other:\n    def root(self): return 'other'\n"
)


def text_of(text: Text) -> str:
    functions, classes, imports = text
    parts = [f"import {name}\n" for name in imports] + [ROOT]
    parts += [function.text(name) for name, function in functions.items()]
    parts += [cls.text(name) for name, cls in classes.items()]
    return "".join(parts)


def result(value: Any) -> Any:
    """What a call gives, drained."""
    if isinstance(value, tuple):
        return tuple(map(result, value))
    if isinstance(value, types.GeneratorType):
        return ("generator", list(value))
    if isinstance(value, types.CoroutineType):
        try:
            value.send(None)
        except StopIteration as stop:
            return ("coroutine", stop.value)
    return value


def shown(func: types.FunctionType) -> Tuple[Any, ...]:
    code = func.__code__
    return (
        code.co_name,
        code.co_firstlineno,
        code.co_varnames[: code.co_argcount],
        func.__defaults__,
        func.__kwdefaults__,
        func.__annotations__,
        func.__doc__,
        func.__module__,
        result(func(*[None] * (code.co_argcount - len(func.__defaults__ or ()))))
        if code.co_name != "one"
        else None,
    )


def state(module: types.ModuleType) -> Dict[str, Any]:
    """Everything that the contract says a reload follows."""
    found: Dict[str, Any] = {}
    for name, value in vars(module).items():
        if isinstance(value, types.FunctionType):
            found[name] = shown(value) if name in NAMES else value.__code__
        elif isinstance(value, type):
            instance = value()
            found[name] = [base.__name__ for base in value.__mro__], value.__doc__, value.__module__
            for attribute in ("one", "two", "limit", "root"):
                raw = vars(value).get(attribute)
                there = getattr(instance, attribute, None)
                found[f"{name}.{attribute}"] = (
                    type(raw),
                    result(there()) if callable(there) else there,
                    raw.__code__.co_firstlineno if isinstance(raw, types.FunctionType) else None,
                )
        elif isinstance(value, types.ModuleType):
            found[name] = value
    return found


def module_of(source: str) -> types.ModuleType:
    module = types.ModuleType("edited")
    sys.modules["edited"] = module
    exec(compile(source, "edited.py", "exec", dont_inherit=True), vars(module))
    return module


@pytest.fixture(autouse=True)
def clean() -> Any:
    yield
    sys.modules.pop("edited", None)


@settings(max_examples=SIZE, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    first=texts,
    steps=st.lists(
        st.tuples(st.sampled_from(["edit", "edit", "undo", "undo any"]), texts, st.integers(0, 9)), max_size=7
    ),
)
def test_random_edits_and_undos(first: Text, steps: List[Tuple[str, Text, int]]) -> None:
    """After each step the module is what a fresh import of the text in force would be; undone, it is what it was."""
    module = module_of(text_of(first))
    names = dict(vars(module))
    base = recell.reload(
        module, source=text_of(first)
    )  # from now on the old text is known, as for an imported file
    in_force: List[Tuple[str, Optional[recell.Report]]] = [(text_of(first), None)]
    for action, text, number in steps:
        if action == "edit":
            source = text_of(text)
            report = recell.reload(module, source=source)
            if report.refused:
                assert not report.active
            else:
                in_force.append((source, report))
        elif len(in_force) > 1:
            position = -1 if action == "undo" else 1 + number % (len(in_force) - 1)
            _, undone = in_force.pop(position)
            assert undone is not None
            undone.undo()
            if position not in (-1, len(in_force)):
                break  # what is in force is then the text on top, over another base: names may come from either
        expected = state(module_of(in_force[-1][0]))
        sys.modules["edited"] = module
        now = state(module)
        for name in ("json", "heapq"):  # an import that the text no longer has stays
            if name not in expected:
                now.pop(name, None)
        assert now == expected, in_force[-1][0]
    for _, report in reversed(in_force[1:]):
        assert report is not None
        report.undo()
    base.undo()
    assert dict(vars(module)) == names
    assert all(vars(module)[name] is value for name, value in names.items())
    assert state(module) == state(module_of(in_force[0][0]))
