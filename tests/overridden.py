"""Functions that read names in every kind of scope, to be overridden."""

from __future__ import annotations

import datetime
import time

LIMIT = 10


def everything(n):
    """Reads a global, a builtin in every kind of nested scope."""

    class K:
        y = LIMIT

        def m(self):
            return LIMIT

        z = [LIMIT for _ in range(2)]

    def deep():
        return (lambda: LIMIT * 10)()

    def gen():
        for _ in range(n):
            yield LIMIT

    return (
        LIMIT,
        len("ab"),
        K.y,
        K().m(),
        K.z,
        deep(),
        list(gen()),
        {LIMIT: 1},
        list(x + LIMIT for x in (1, 2)),
    )


def make():
    shared = 1
    other = "o"

    def first():
        return shared, other, (lambda: shared)(), [shared for _ in "a"]

    def second():
        return shared

    def third():
        nonlocal shared
        shared += 1
        return shared

    return first, second, third


def body():
    class K:
        LIMIT = LIMIT + 1
        more = LIMIT

    return K.LIMIT, K.more


def fetch(url):
    time.sleep(5)
    return f"{url} at {time.monotonic() > 0}"


def now():
    today = datetime.datetime(2020, 1, 2)
    return (
        isinstance(today, datetime.datetime), datetime.datetime.now(), datetime.datetime.max.year,
        issubclass(datetime.datetime, datetime.date), today == datetime.datetime(2020, 1, 2),
    )  # fmt: skip
