"""Functions for the mutation fuzzer: every construct that compilers have, small, harmless and quick.

Each is called with the arguments in CALLS. Nothing here touches files, processes or the network, so that a mutant
can do no harm but to its own process.
"""

from __future__ import annotations

import asyncio
import bisect
import colorsys
import contextlib
import copy
import difflib
import fnmatch
import fractions
import functools
import heapq
import inspect
import posixpath
import shlex
import statistics
import string
import textwrap
import types


def arithmetic(a, b=2, *rest, c=3, **more):
    total = a + b * c - len(rest)
    for key in more:
        total += more[key] ** 2 % 7
    total = -total if total < 0 else +total
    return (total, a // b, a / b, a << 1, a & b, a | b, a ^ b, not a, ~a)


def strings(name, width):
    text = f"{name!r:>{width}} and {width:03d}" + "%s-%s" % (name, width)
    return text[1:-1].upper().split(), text[::2], "x" in text, text is not None


def containers(n):
    numbers = [i * i for i in range(n) if i % 2]
    table = {i: str(i) for i in numbers}
    unique = {x % 3 for x in numbers}
    pairs = [(a, b) for a in numbers for b in unique if a != b]
    first, *middle, last = [*numbers, *unique, n, n + 1, n + 2]
    numbers[1:2] = [7, 8, 9]
    del numbers[0]
    merged = {**table, "k": (first, last)}
    return pairs[:3], middle, merged, numbers, sum(x for x in numbers)


def loops(limit):
    found = []
    i = 0
    while True:
        i += 1
        if i > limit:
            break
        if i % 3 == 0:
            continue
        for j in range(i):
            if j == 4:
                break
        else:
            found.append(i)
    return found or None


def guarded(value):
    result = []
    try:
        try:
            result.append(10 // value)
            result.append([][value])
        except ZeroDivisionError as error:
            result.append(str(error))
            raise ValueError("again") from error
        except (IndexError, TypeError):
            result.append("index")
        else:
            result.append("else")
        finally:
            result.append("finally")
    except ValueError:
        result.append("outer")
        return result
    finally:
        result.append("end")
        for _ in range(2):
            try:
                continue
            finally:
                result.append("loop")
    return result


@contextlib.contextmanager
def quiet(*kinds):
    try:
        yield kinds
    except kinds:
        pass


def managed(value):
    seen = []
    with quiet(ZeroDivisionError) as kinds, contextlib.ExitStack() as stack:
        stack.callback(seen.append, 1)
        seen.append(kinds)
        seen.append(1 // value)
        with quiet(KeyError):
            return seen
    for item in (1, 2):
        with quiet(KeyError):
            if item == 2:
                return seen
            {}[item]
    return seen


def closures(start, step=1):
    count = start

    def bump(by=step, *, times=1):
        nonlocal count
        for _ in range(times):
            count += by
        return [lambda: (count, x) for x in (1, 2)]

    def peek():
        return count, step, [count + x for x in range(2)], bump

    bump()
    functions = bump(times=3)
    del step
    step = 4
    return peek()[0], functions[0](), functions[1]()


def deleted(flag):
    value = 1
    cell = 2
    if flag:
        del value
    try:
        found = value
    except UnboundLocalError:
        found = None
    del cell
    try:
        return (lambda: cell)(), found
    except NameError:
        return found


def classes(base):
    class Made(base):
        limit = 3
        names = [limit, *[x for x in range(limit)]]

        def __init__(self, value):
            super().__init__()
            self.value = value

        def get(self):
            return __class__.__name__, self.value, [self.value for _ in (1, 2)]

        @property
        def doubled(self) -> int:
            return 2 * self.value

    made = Made(4)
    made.value += 1
    return made.get(), made.doubled, Made.names, Made.limit


def generator(n):
    received = []
    for i in range(n):
        try:
            got = yield i
            if got is not None:
                received.append(got)
        except KeyError:
            received.append("key")
        finally:
            received.append(i)
    result = yield from (x + 1 for x in received if isinstance(x, int))
    return result


def delegating(n):
    total = yield from generator(n)
    try:
        yield total
    except GeneratorExit:
        raise
    yield [*generator(2)]


class Waiting:
    def __init__(self, n):
        self.n = n

    def __await__(self):
        for i in range(self.n):
            yield i
        return self.n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        await Waiting(1)
        return self.n

    async def __aenter__(self):
        await Waiting(1)
        return self

    async def __aexit__(self, *args):
        return args[0] is KeyError


async def coroutine(n):
    got = await Waiting(n)
    async for x in Waiting(2):
        got += x
        if x == 5:
            break
    else:
        got += 1
    async with Waiting(1) as w, Waiting(2):
        got += w.n
        raise KeyError(got)
    found = [y async for y in Waiting(3) if y] + [await Waiting(1) for _ in range(2)]
    try:
        await Waiting(1)
    finally:
        await Waiting(1)
    return found, got


async def asynchronous_generator(n):
    try:
        for i in range(n):
            await Waiting(1)
            got = yield i
            if got:
                yield got
    finally:
        await Waiting(1)


def imports(name):
    import os.path as path
    from string import ascii_letters as letters
    from string import digits

    assert name, f"no {name}"
    return path.join(digits[0], letters[0]), getattr(path, name, None)


def annotated(x: int, y: str = "a") -> tuple:
    z: int = x

    def inner(a: int, *b: str, c: float = 1.0) -> None:
        return a, b, c

    return inner(z, y), inner.__annotations__ if isinstance(inner.__annotations__, dict) else None


def calls(f, *args, **kwargs):
    a = f(*args)
    b = f(*args, **kwargs)
    c = f(1, *args, key=2, **kwargs)
    d = f(1, 2, 3, a=4, b=5)
    return a, b, c, d, "".join([str(x) for x in args])


def chained(a, b, c):
    return a < b <= c != a, a if b else c, (a and b) or c, a is b, a not in (b, c)


def wide(n):
    (a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9) = range(20)
    a0 = a1 = b9 = n
    return a0 + a5 + b0 + b9, [a9, b1, b2], {b3: b4, b5: b6}, (b7, b8, a2, a3, a4, a6, a7, a8)


NEWER = (
    """
def matched(subject):
    match subject:
        case 0 | 1:
            return "small"
        case [x, y, *rest] if x:
            return x, y, rest
        case {"key": value, **others}:
            return value, others
        case str() as text:
            return text
        case complex(real=r, imag=0):
            return r
        case (a, (b, c)):
            return a, b, c
        case _:
            return None
""",
    """
def grouped(kind):
    seen = []
    try:
        raise ExceptionGroup("g", [kind("a"), TypeError(1), ExceptionGroup("h", [KeyError(2)])])
    except* ValueError as group:
        seen.append(group.exceptions)
    except* (TypeError, KeyError):
        seen.append("other")
        try:
            raise OSError
        except* OSError:
            seen.append("inner")
    for _ in range(2):
        try:
            raise ExceptionGroup("x", [kind()])
        except* kind:
            seen.append(1)
    return seen
""",
    """
def generic(x):
    def first[T: int](a: T, b: list[T] = (), *, c: T = 3) -> T:
        return a, b, c
    class Box[S, *Ts, **P]:
        item: S
        def get[U](self, u: U) -> S:
            return [u, *(S for _ in range(2))]
    type Pair[A] = tuple[A, A]
    return first(x), Box().get(x), Pair.__value__ if x else None, [y for y in [x] for z in (lambda: y,) if z()]
def shadowed(k):
    values = [k for k in [k, 5]] + [(lambda: k)() for k in range(2)]
    def inner():
        return k, [k for k in [5]], {j: k for j in range(2)}
    return values, inner()
""",
    """
def templated(a, b):
    t = t"x {a!r:>{b}} y {b}"
    return t.strings, [i.value for i in t.interpolations], any(x for x in t.values), all(x == 1 for x in t.values)
""",
)


class _Subject:
    pass


CALLS = [
    (arithmetic, (7, 3), {"d": 4}),
    (strings, ("abc", 6), {}),
    (containers, (7,), {}),
    (loops, (9,), {}),
    (guarded, (0,), {}),
    (guarded, (2,), {}),
    (managed, (0,), {}),
    (managed, (1,), {}),
    (closures, (3,), {}),
    (deleted, (True,), {}),
    (classes, (dict,), {}),
    (generator, (3,), {}),
    (delegating, (2,), {}),
    (coroutine, (2,), {}),
    (asynchronous_generator, (3,), {}),
    (imports, ("join",), {}),
    (annotated, (1,), {}),
    (calls, (lambda *args, **more: (args, more), 1, 2), {"z": 3}),
    (chained, (1, 2, 3), {}),
    (wide, (3,), {}),
    (textwrap.dedent, ("  a\n   b\n",), {}),
    (textwrap.fill, ("some words to wrap here", 10), {}),
    (
        difflib.SequenceMatcher.find_longest_match,
        (difflib.SequenceMatcher(None, "abcd", "bcde"), 0, 4, 0, 4),
        {},
    ),
    (difflib._calculate_ratio, (1, 2), {}),
    (statistics._sum, ([1, 2.5, 3],), {}),
    (statistics.median, ([3, 1, 2],), {}),
    (heapq.merge, ([1, 3], [2, 4]), {}),
    (heapq._heappop_max if hasattr(heapq, "_heappop_max") else heapq.nsmallest, (2, [3, 1, 2]), {}),
    (bisect.insort, ([1, 3], 2), {}),
    (colorsys.rgb_to_hls, (0.1, 0.2, 0.3), {}),
    (copy.deepcopy, ({"a": [1, (2, 3)]},), {}),
    (fnmatch.translate, ("*.p[yo]?",), {}),
    (fractions.Fraction._richcmp, (fractions.Fraction(1, 2), 3, max), {}),
    (functools.cmp_to_key, (max,), {}),
    (functools.update_wrapper, (lambda: 1, arithmetic), {}),
    (posixpath.normpath, ("/a/../b//c/.",), {}),
    (posixpath.commonpath, (["/a/b", "/a/c"],), {}),
    (shlex.shlex.read_token, (shlex.shlex("a 'b c' d"),), {}),
    (string.capwords, ("some words",), {}),
    (string.Formatter().vformat.__func__, (string.Formatter(), "{0}{a}", (1,), {"a": 2}), {}),
    (inspect.cleandoc, (" a\n  b\n",), {}),
    (asyncio.iscoroutinefunction, (coroutine,), {}),
    (types.DynamicClassAttribute.__get__, (types.DynamicClassAttribute(len), [1]), {}),
]

for _source in NEWER:
    _made = {"__name__": __name__}
    try:
        exec(compile(_source, "<specimen>", "exec", dont_inherit=True), _made)
    except SyntaxError:
        continue
    for _name, _args in (
        ("matched", ([1, 2, 3],)),
        ("matched", ({"key": 1, "a": 2},)),
        ("grouped", (ValueError,)),
        ("generic", (1,)),
        ("shadowed", (4,)),
        ("templated", (1, 9)),
    ):
        if _name in _made:
            CALLS.append((_made[_name], _args, {}))
CALLS = [(func, args, more) for func, args, more in CALLS if isinstance(func, types.FunctionType)]
