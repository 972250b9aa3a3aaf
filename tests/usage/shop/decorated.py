"""Decorators as every project has them, and what they decorate."""

from __future__ import annotations

import functools
import time

CALLS: list = []
HANDLERS: dict = {}


def logged(func):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        CALLS.append(func.__name__)
        return func(*args, **kwargs)

    return wrapper


def retried(times: int, delay: float = 60):
    def decorate(func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            for left in reversed(range(times)):
                try:
                    return func(*args, **kwargs)
                except OSError:
                    if not left:
                        raise
                    time.sleep(delay)

        return wrapper

    return decorate


def handler(event: str):
    def register(func):
        HANDLERS[event] = func
        return func

    return register


def emit(event: str, *args):
    return HANDLERS[event](*args)


@logged
def pay() -> str:
    return "REAL money"


@logged
def pay_nothing() -> str:
    return "nothing"


@retried(times=3)
def download(url: str) -> str:
    raise OSError(f"no route to {url}")


@handler("paid")
def on_paid(receipt: str) -> str:
    return f"a real letter about {receipt}"


def counter(start: int = 0, step: int = 1):
    count = start

    def advance() -> int:
        nonlocal count
        count += step
        return count

    def current() -> int:
        return count

    return advance, current


advance, current = counter()
