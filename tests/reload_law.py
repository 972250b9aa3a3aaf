"""Modules and edits made at random, and what somebody sees of a module who imports it or has held on to its parts.

The law: after a reload a module, and everyone who holds references, behaves as a fresh import of the new text, but for
state that the text did not touch. Where that cannot be had, the report says so by name.
"""

from __future__ import annotations

import random
import sys
import types
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

HEAD = """
import dataclasses, decimal, enum, functools, re, typing
from functools import singledispatch
SEEN = []
def helper_a(): return "a"
def helper_b(): return "b"
def tag(word):
    def around(f):
        @functools.wraps(f)
        def wrapper(*args): return (word, f(*args))
        return wrapper
    return around
def bare(f):
    def inner(*args): return ("bare", f(*args))
    return inner
def noted(f):
    SEEN.append(f)
    return f
def given(function, values=()):
    def around(f):
        def inner(*args): return (function(), tuple(values), f(*args))
        return inner
    return around
class Boxed:
    def __init__(self, f): self.f = f
    def __call__(self, *args): return ("boxed", self.f(*args))
class Base:
    def base(self): return "base"
class Other:
    def base(self): return "other"
"""

DECORATORS = [
    "noted",
    "bare",
    "tag('x')",
    "tag('y')",
    "given(helper_a)",
    "given(helper_b)",
    "given(helper_a, [1])",
    "given(helper_a, [1, 2])",
    "given(lambda: 'l')",
    "given(lambda: 'm')",
]
VALUES = [
    "1",
    "True",
    "1.0",
    "'one'",
    "(1, 2)",
    "(1, 'x')",
    "[1, 2]",
    "[1, 2, 3]",
    "{'a': 1}",
    "{'a': 1, 'b': 2}",
    "re.compile('a+')",
    "re.compile('b+')",
    "decimal.Decimal('1.5')",
    "decimal.Decimal('2.5')",
    "frozenset([1])",
    "helper_a",
    "helper_b",
    "None",
    "-0.0",
    "0.0",
]


class Part(NamedTuple):
    """One definition of a text: its lines, and the name that it binds."""

    name: str
    kind: str
    lines: str


def stack(rng: random.Random, most: int, among: Optional[List[str]] = None) -> List[str]:
    return [rng.choice(among or DECORATORS) for _ in range(rng.randint(0, most))]


def body(rng: random.Random) -> str:
    return repr(f"v{rng.randint(0, 3)}")


def function(rng: random.Random, name: str) -> Part:
    lines = "".join(f"@{one}\n" for one in stack(rng, 3))
    parameters = rng.choice(["", "a=1", "a=2", "a=1, *, k=3"])
    doc = rng.choice(["", f"    'doc {rng.randint(0, 1)}'\n"])
    returned = f"{body(rng)}, locals()" if parameters else body(rng)
    inner = rng.choice(["", "    def nested(): return NESTED\n".replace("NESTED", body(rng))])
    extra = ", nested()" if inner else ""
    return Part(
        name,
        "function",
        f"{lines}def {name}({parameters}):\n{doc}{inner}    return {returned}{extra}\n".replace(
            "locals()", "sorted(x for x in locals() if len(x) == 1)"
        ),
    )


def registered(rng: random.Random, name: str) -> Part:
    """Functions of one name in a registry."""
    count = rng.randint(1, 4)
    lines = f"{name} = []\ndef into_{name}(f):\n    {name}.append(f)\n    return {rng.choice(['f', 'f', 'None'])}\n"
    for _ in range(count):
        lines += f"@into_{name}\ndef _of_{name}(): return {body(rng)}\n"
    return Part(name, "registry", lines)


def dispatched(rng: random.Random, name: str) -> Part:
    kinds = rng.sample(["int", "str", "list"], rng.randint(1, 3))
    lines = f"@singledispatch\ndef {name}(x): return {body(rng)}\n"
    for kind in sorted(kinds):
        lines += f"@{name}.register({kind})\ndef _(x): return {kind!r}, {body(rng)}\n"
    return Part(name, "dispatch", lines)


def value(rng: random.Random, name: str) -> Part:
    return Part(name, "value", f"{name} = {rng.choice(VALUES)}\ndef read_{name}(): return {name}\n")


def lambdas(rng: random.Random, name: str) -> Part:
    items = ", ".join(f"lambda: {body(rng)}" for _ in range(rng.randint(1, 3)))
    return Part(name, "lambdas", f"{name} = [{items}]\n")


def member(rng: random.Random, name: str) -> str:
    kind = rng.choice(
        ["method", "method", "classmethod", "staticmethod", "property", "value", "lambda", "super"]
    )
    inner = "".join(f"    @{one}\n" for one in stack(rng, 2, [one for one in DECORATORS if one != "noted"]))
    if kind == "value":
        return f"    {name} = {rng.choice(VALUES[:10])}\n"
    if kind == "lambda":
        return f"    {name} = staticmethod(lambda: {body(rng)})\n"
    if kind == "super":
        return (
            f"    def {name}(self): return {body(rng)}, __class__.__name__, getattr(super(), 'base', str)()\n"
        )
    if kind == "method":
        return f"{inner}    def {name}(self): return {body(rng)}\n"
    first = {"classmethod": "cls", "staticmethod": "", "property": "self"}[kind]
    text = f"    @{kind}\n{inner}    def {name}({first}): return {body(rng)}\n"
    if kind == "property" and rng.random() < 0.3:
        text += f"    @{name}.setter\n    def {name}(self, value): self.__dict__['set'] = {body(rng)}\n"
    return text


def plain_class(rng: random.Random, name: str) -> Part:
    bases = rng.choice(["", "(Base)", "(Base)", "(Other)", "(Base, Other)"])
    lines = rng.choice(["", "", "@functools.total_ordering\n"])
    if lines:
        extra = f"    def __eq__(self, o): return True\n    def __lt__(self, o): return {rng.choice(['True', 'False'])}\n"
    else:
        extra = ""
    doc = rng.choice(["", f"    'doc {rng.randint(0, 1)}'\n"])
    members = "".join(member(rng, one) for one in ("one", "two", "three") if rng.random() < 0.7)
    return Part(name, "class", f"{lines}class {name}{bases}:\n{doc}    kept = 0\n{extra}{members}")


def slotted(rng: random.Random, name: str) -> Part:
    slots = rng.choice(["('x',)", "('x',)", "('x',)", "('x', 'y')"])
    return Part(
        name,
        "class",
        f"class {name}:\n    __slots__ = {slots}\n    def __init__(self): self.x = {body(rng)}\n"
        f"    def one(self): return self.x, {body(rng)}\n"
        + rng.choice(["", f"    def two(self): return {body(rng)}\n"]),
    )


def data_class(rng: random.Random, name: str) -> Part:
    fields = f"    x: int = {rng.randint(0, 2)}\n" + rng.choice(["", "    y: str = 'y'\n"])
    return Part(
        name,
        "class",
        f"@dataclasses.dataclass\nclass {name}:\n{fields}    def one(self): return {body(rng)}, self.x\n",
    )


def named_tuple(rng: random.Random, name: str) -> Part:
    fields = f"    x: int = {rng.randint(0, 2)}\n"
    return Part(
        name,
        "class",
        f"class {name}(typing.NamedTuple):\n{fields}    def one(self): return {body(rng)}, self.x\n",
    )


def enumeration(rng: random.Random, name: str) -> Part:
    more = rng.choice(["", "", "    B = 2\n"])
    return Part(
        name, "enum", f"class {name}(enum.Enum):\n    A = 1\n{more}    def one(self): return {body(rng)}\n"
    )


MAKERS: List[Callable[[random.Random, str], Part]] = [
    function,
    function,
    function,
    registered,
    dispatched,
    value,
    value,
    lambdas,
    plain_class,
    plain_class,
    slotted,
    data_class,
    named_tuple,
    enumeration,
]
Text = List[Tuple[int, Part]]


def first_text(rng: random.Random) -> Text:
    makers = [rng.randrange(len(MAKERS)) for _ in range(rng.randint(1, 4))]
    return [(maker, MAKERS[maker](rng, f"{'ncv'[at % 3]}{at}")) for at, maker in enumerate(makers)]


def edited(rng: random.Random, text: Text) -> Text:
    """The text after an edit: some parts made anew, one added, removed, or moved."""
    new = list(text)
    for _ in range(rng.randint(1, 2)):
        action = rng.choice(["change", "change", "change", "change", "add", "remove", "move"])
        if action == "add" or not new:
            maker = rng.randrange(len(MAKERS))
            free = sorted({f"n{number}" for number in range(10, 30)} - {part.name for _, part in new})
            new.insert(rng.randint(0, len(new)), (maker, MAKERS[maker](rng, rng.choice(free))))
            continue
        at = rng.randrange(len(new))
        if action == "change":
            new[at] = (new[at][0], MAKERS[new[at][0]](rng, new[at][1].name))
        elif action == "remove":
            del new[at]
        else:
            new.insert(rng.randint(0, len(new) - 1), new.pop(at))
    return new


def source(text: Text, blank: int = 0) -> str:
    return HEAD + "\n" * blank + "".join(part.lines for _, part in text)


def module_of(lines: str, name: str = "lawful") -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(lines, f"{name}.py", "exec", dont_inherit=True), vars(module))
    return module


def plain(found: Any) -> Any:
    """A value, comparable between two imports of a text."""
    if isinstance(found, (list, tuple)):
        return type(found).__name__, [plain(one) for one in found]
    if isinstance(found, dict):
        return {key: plain(one) for key, one in found.items()}
    if isinstance(found, (types.FunctionType, types.BuiltinFunctionType)):
        return "function", found.__name__, called(found)
    if isinstance(found, type):
        return "class", found.__qualname__
    return type(found).__name__, repr(found) if not callable(found) else "callable"


def called(function: Any, *arguments: Any) -> Any:
    try:
        return plain(function(*arguments))
    except Exception as error:
        return type(error).__name__


def seen_function(found: Any) -> Dict[str, Any]:
    return {
        "call": called(found),
        "name": getattr(found, "__name__", None),
        "doc": getattr(found, "__doc__", None),
        "wraps": getattr(getattr(found, "__wrapped__", None), "__name__", None),
    }


def seen_instance(found: Any, cls: type) -> Dict[str, Any]:
    seen: Dict[str, Any] = {}
    for name in ("one", "two", "three", "base"):
        raw = next((vars(one)[name] for one in cls.__mro__ if name in vars(one)), None)
        try:
            there = getattr(found, name)
        except Exception as error:
            seen[name] = type(error).__name__
            continue
        seen[name] = type(raw).__name__, (called(there) if callable(there) else plain(there))
    return seen


def seen_class(cls: type) -> Dict[str, Any]:
    seen: Dict[str, Any] = {"bases": [base.__name__ for base in cls.__bases__], "doc": cls.__doc__}
    seen["members"] = sorted(name for name in vars(cls) if not name.startswith("__"))
    try:
        instance = cls()
    except Exception as error:
        seen["made"] = type(error).__name__
        return seen
    seen["shown"] = (
        repr(instance) if "__dataclass_fields__" in vars(cls) or isinstance(instance, tuple) else None
    )
    seen.update(seen_instance(instance, cls))
    return seen


def look(kind: str, found: Any) -> Any:
    """What somebody sees of one part."""
    if kind == "function":
        return seen_function(found)
    if kind in ("registry", "lambdas"):
        return [called(one) for one in found]
    if kind == "dispatch":
        return [called(found, one) for one in (object(), 1, "", [])]
    if kind == "class":
        return seen_class(found)
    if kind == "enum":
        return {name: (one.value, called(one.one)) for name, one in found.__members__.items()}
    return plain(found)


class Held:
    """What somebody holds of a module: its parts, instances and bound methods."""

    def __init__(self, module: types.ModuleType, text: Text) -> None:
        self.parts = {part.name: (part.kind, getattr(module, part.name)) for _, part in text}
        self.instances: Dict[str, Any] = {}
        for name, (kind, found) in self.parts.items():
            if kind == "class":
                self.instances[name] = found()

    def sees(self, name: str) -> Any:
        kind, found = self.parts[name]
        if kind == "value":
            return None  # an object that a name meant: another one is meant now
        return look(kind, found)
