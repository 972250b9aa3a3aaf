"""Small programs, one for each construct, each with a function `f` that can be called without arguments.

`LIMIT`, `other`, `items` and `noise` are globals of every program. A test edits `f` and compares what it does.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any

PROGRAMS: dict[str, str] = {}
NEEDS = {"match": 10, "except star": 11, "generic": 12, "inlined": 12, "annotate": 14, "template": 14}

PROGRAMS["plain"] = """
def f():
    return LIMIT + other(2), len(items), LIMIT.real, noise.LIMIT if noise else None
"""
PROGRAMS["called"] = """
def f():
    return other(other(LIMIT)), max(LIMIT, other(1)), print.__name__, isinstance(LIMIT, int)
"""
PROGRAMS["nested"] = """
def f(a=1, *, b=2):
    def g(c=a, *, d: int = b):
        def h():
            return LIMIT + c + d
        return h
    return g()(), (lambda: LIMIT)(), (lambda q=LIMIT: q + LIMIT)(), a and (lambda: LIMIT)() or (lambda: other(1))()
"""
PROGRAMS["closures"] = """
def make(fv, unused=0):
    def f(a=5):
        mine = a
        def g():
            nonlocal mine
            mine += LIMIT
            return fv + mine + LIMIT
        return g() + g(), fv
    return f
f = make(7)
"""
PROGRAMS["comprehensions"] = """
def f():
    return (
        [x + LIMIT for x in items],
        {x: LIMIT for x in items if x < LIMIT},
        {other(x) for x in items},
        list(y + LIMIT for x in items for y in range(LIMIT)),
        [[LIMIT * x for x in range(y)] for y in items],
        [lambda: x + LIMIT for x in items][0](),
        [i for i in items], [items for items in items],
    )
"""
PROGRAMS["class body"] = """
def f():
    class K:
        x = LIMIT
        y = [LIMIT for _ in range(2)]
        z = other(x)
        def m(self):
            return LIMIT + self.x, __class__.__name__, super().__repr__ is not None
        class Inner:
            w = LIMIT
            def n(self):
                return LIMIT
    return K.x, K.y, K.z, K().m(), K.Inner.w, K.Inner().n(), K.__module__, K.__qualname__
"""
PROGRAMS["class body storing"] = """
def f():
    class K:
        LIMIT = LIMIT
        before = other
        other = 3
        after = other
    class L:
        if LIMIT > 100:
            LIMIT = 0
        seen = LIMIT
    class M:
        seen = len
        len = 5
        again = len
        del len
        back = len(items)
    return K.LIMIT, K.before(1), K.after, L.seen, M.again, M.back
"""
PROGRAMS["globals assigned"] = """
def f():
    global LIMIT, fresh, gone
    LIMIT = LIMIT + 1
    fresh = 5
    def g():
        global fresh, gone
        fresh += 1
        gone = 1
        del gone
        return fresh
    class K:
        global fresh
        fresh = 9
        seen = fresh
    try:
        gone
    except NameError:
        r = "gone"
    g(); LIMIT += 1
    import sys as fresh
    r2 = fresh.__name__
    for fresh in items:
        pass
    return LIMIT, g(), K.seen, r, r2, fresh
"""
PROGRAMS["generators"] = """
def f():
    def gen():
        for i in range(LIMIT):
            got = yield i + LIMIT
            if got:
                yield other(got)
        return LIMIT
    def outer():
        result = yield from gen()
        yield result, LIMIT
    g = gen()
    return list(gen()), list(outer()), next(g), g.send(2), g.send(None)
"""
PROGRAMS["generator"] = """
def gen():
    try:
        for i in range(LIMIT):
            yield i + LIMIT, len(items)
    finally:
        items.append(other(1))
f = gen
"""
PROGRAMS["coroutines"] = """
import asyncio
async def inner(n):
    await asyncio.sleep(0)
    return n + LIMIT
async def agen():
    for i in range(LIMIT):
        yield i
        await asyncio.sleep(0)
class Manager:
    async def __aenter__(self): return LIMIT
    async def __aexit__(self, *a): return False
async def main():
    async def local():
        return [x async for x in agen()], await inner(LIMIT)
    async with Manager() as m:
        return await local(), m, [await inner(x) for x in items], LIMIT
def f():
    return asyncio.run(main())
"""
PROGRAMS["coroutine itself"] = """
import asyncio
async def f():
    async def agen():
        for i in range(LIMIT):
            yield i
    total = 0
    async for x in agen():
        total += x + LIMIT
    try:
        await asyncio.sleep(0)
    finally:
        total += other(1)
    return total, [x async for x in agen()]
"""
PROGRAMS["handlers"] = """
def f():
    seen = []
    for i in items:
        try:
            if i == LIMIT:
                raise ValueError(LIMIT)
            seen.append(1 // (i - 1))
        except ZeroDivisionError as error:
            seen.append((type(error).__name__, LIMIT))
            continue
        except (ValueError, KeyError) as error:
            seen.append((other(LIMIT), error.args))
        else:
            seen.append("else")
        finally:
            seen.append((lambda: LIMIT)())
    while True:
        with noise_manager() as m:
            seen.append(m + LIMIT)
            break
    try:
        try:
            undefined_name
        finally:
            seen.append([LIMIT for _ in "ab"])
    except NameError as error:
        seen.append(isinstance(error, NameError))
    return seen
import contextlib
@contextlib.contextmanager
def noise_manager():
    yield 1
"""
PROGRAMS["long jumps"] = """
def f():
    total = 0
    for i in items:
        if i > LIMIT:
            total += 1
            continue
{body}
        while total > 10 ** 9:
            total -= (lambda: LIMIT)()
    return total
""".format(body="\n".join(f"        total += i * {n} + LIMIT" for n in range(300)))
PROGRAMS["many names"] = """
def f():
    total = 0
{body}
    class K:
        x = LIMIT
        m = lambda self: LIMIT + n7
    def g():
        global LIMIT
        return LIMIT + n299
    return total + LIMIT, K.x, K().m(), g()
""".format(body="\n".join(f"    total += n{n}" for n in range(300)))
PROGRAMS["many locals"] = """
def make():
    {free} = range(300)
    def f({args}):
        {locals} = range(300)
        def g():
            nonlocal v3, v299
            v3 += LIMIT
            return v299 + LIMIT + {sum}
        return LIMIT + other(v3) + {sum}, g(), [LIMIT + v299 for v3 in items], LIMIT
    return f
f = make()
""".format(
    free=", ".join(f"v{n}" for n in range(300)),
    args=", ".join(f"a{n}={n}" for n in range(200)),
    locals=", ".join(f"l{n}" for n in range(300)),
    sum=" + ".join(f"v{n}" for n in range(300)),
).replace("nonlocal v3, v299\n            v3 += LIMIT\n", "nonlocal v3\n            v3 += LIMIT\n")
PROGRAMS["many constants"] = """
def f():
    total = sum([{body}])
    def g():
        return LIMIT + 1.5
    return total + LIMIT + len("text"), g(), (lambda: other(LIMIT))(), 7777.25
""".format(body=", ".join(f"{n}.5" for n in range(700)))
PROGRAMS["decorators"] = """
import functools
def f():
    @functools.lru_cache(maxsize=LIMIT)
    def g(n): return n + LIMIT
    @other
    def h(): return LIMIT
    class K:
        @property
        def p(self): return LIMIT
        @p.setter
        def p(self, value): items.append(value + LIMIT)
        @staticmethod
        def s(): return LIMIT
    k = K(); k.p = 2
    return g(1), K.s(), k.p, items[-1], functools.reduce(lambda a, b: a + b + LIMIT, items)
def other(f): return 1
"""
PROGRAMS["two variables of one name"] = """
def make(LIMIT_):
    def f():
        def g(LIMIT=1):
            def h():
                def k():
                    global LIMIT
                    return LIMIT
                return LIMIT, k()
            return h()
        return g(), LIMIT, LIMIT_
    return f
f = make(4)
"""
PROGRAMS["walrus and lambdas"] = """
def f():
    if (n := other(LIMIT)) > 1:
        return [m := n + LIMIT, m, (lambda *a, **k: (a, k, LIMIT))(1, b=n)], sorted(items, key=lambda v: -v * LIMIT)
"""
PROGRAMS["match"] = """
def f():
    out = []
    for item in [0, LIMIT, [1, 2, 3], {"k": LIMIT}, "text", noise]:
        match item:
            case 0: out.append(LIMIT)
            case int() if item == LIMIT: out.append(other(item))
            case [a, *rest]: out.append((a, rest, LIMIT))
            case {"k": v}: out.append([v for _ in range(LIMIT)])
            case str(): out.append((lambda: LIMIT)())
            case _: out.append(None)
    return out
"""
PROGRAMS["except star"] = """
def f():
    out = []
    try:
        raise ExceptionGroup("g", [ValueError(LIMIT), TypeError(2), KeyError(3)])
    except* ValueError as group:
        out.append((LIMIT, len(group.exceptions)))
    except* (TypeError, KeyError) as group:
        out.append((lambda: LIMIT)())
    finally:
        out.append(other(1))
    return out
"""
PROGRAMS["generic"] = """
def f():
    def g[T: int](x: T, y: LIMIT = LIMIT) -> T:
        return x + LIMIT, T.__name__, y
    class K[T](list[T]):
        here = LIMIT
        kind = T
        def m[U](self, u: U) -> tuple[T, U, LIMIT]:
            return LIMIT, u, T.__name__, U.__name__
        type A = tuple[T, LIMIT]
    type B[T] = list[T] | tuple[LIMIT]
    return g(1), K.here, K().m(2), B.__value__ is not None, K.A.__value__ is not None
"""
# (a comprehension's own cell of the same name as a free variable: CPython itself compiles that wrongly, gh-121377)
PROGRAMS["inlined"] = """
def make(k):
    def f():
        a = [LIMIT for LIMIT in items]
        b = [k for k in items]
        c = [lambda: (q, LIMIT, k) for q in items][-1]()
        d = [[(k, LIMIT, x) for x in items] for LIMIT in range(2)]
        e = {x: [y for y in range(x)] for x in items if [z for z in items if z > LIMIT] or True}
        class K:
            v = [k for _ in range(2)]
            w = [LIMIT for LIMIT in items]
            u = [(lambda: LIMIT + q + k)() for q in items]
        try:
            [1 // 0 for LIMIT in items]
        except ZeroDivisionError:
            pass
        return a, b, c, d, e, LIMIT, k, K.v, K.w, K.u, (lambda: LIMIT + k)()
    return f
f = make(5)
"""
PROGRAMS["annotate"] = """
def f():
    def g(x: LIMIT, y: other) -> items: return LIMIT
    class K:
        a: LIMIT
        b: K_own
        K_own = 3
        def m(self, z: LIMIT, w: K_own): return LIMIT
    if LIMIT:
        class L:
            if LIMIT > 0:
                c: LIMIT = 4
    return (
        g.__annotations__["x"], g.__annotations__["return"], K.__annotations__, K.m.__annotations__, L.__annotations__, g(1, 2),
    )
"""
PROGRAMS["template"] = """
def f():
    t = t"{LIMIT} and {other(2)!r:>{LIMIT}}"
    return [i if isinstance(i, str) else (i.value, i.format_spec) for i in t]
"""


def namespace() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "program", "LIMIT": 3, "items": [1, 2, 3, 4], "noise": None}
    exec("def other(n): return n * 10", space)
    space.update((f"n{n}", n) for n in range(300))
    return space


def available() -> list[str]:
    return [name for name in PROGRAMS if sys.version_info >= (3, NEEDS.get(name, 8))]


def load(name: str) -> FunctionType:
    """The function of a program, in a namespace of its own."""
    space = namespace()
    exec(compile(PROGRAMS[name], f"<{name}>", "exec"), space)
    return space["f"]


def outcome(func: FunctionType) -> object:
    """What a call gives, generators and coroutines run to their end, or what it raises."""
    try:
        result = func()
        if hasattr(result, "send") and hasattr(result, "gi_frame"):
            result = list(result)
        elif hasattr(result, "cr_frame"):
            import asyncio

            result = asyncio.run(result)
    except Exception as error:
        return type(error).__name__, type(error) is not NameError and str(error)
    return plain(result)


def plain(value: object) -> object:
    """Comparable across two runs: functions by name."""
    if isinstance(value, (list, tuple)):
        return type(value)(plain(each) for each in value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value.__qualname__ if callable(value) and hasattr(value, "__qualname__") else value
