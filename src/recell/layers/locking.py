"""The lock under which all in-place changes are entered and left, and what `fork` makes of it.

It is re-entrant: a finalizer, a signal's handler, an audit hook or a trace function may make a change in the middle
of another. Whoever forks takes it first, so that no change of another thread is half done in the child. That wait is
bounded, because the thread that has the lock may itself be waiting for the forking one; the child's lock is free
whatever happened.
"""

from __future__ import annotations

import os
import sys
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AFTER_FORK", "FORK_WAITS", "LOCK", "acquire", "count", "let_go", "release"]

LOCK: Any = RLock()
acquire: Callable[..., bool] = LOCK.acquire
release: Callable[[], None] = LOCK.release  # a `with` statement costs twice as much

FORK_WAITS = 2.0
"""Seconds that a fork waits for the change of another thread."""

AFTER_FORK: list[Callable[[], None]] = []
"""Called in a child that was forked in the middle of another thread's change."""


def count() -> int:
    """How often this thread has the lock."""
    if not LOCK._is_owned():
        return 0
    return int(repr(LOCK).partition("count=")[2].split()[0])


def let_go() -> None:
    """Give the lock back where a signal's handler raised right behind its acquiring, or right before its release.

    Whoever has it says so in a local variable `held`; so it is had once too often where the thread's calls say less.
    """
    frame: Any = sys._getframe(1)
    said = 0
    while frame is not None:
        if frame.f_globals.get("acquire") is acquire and frame.f_locals.get("held"):
            said += 1
        frame = frame.f_back
    if count() > said:
        release()


# thread -> whether it got the lock ahead of its fork
_forking: dict[int, bool] = {}


def _before_fork() -> None:
    _forking[get_ident()] = False
    _forking[get_ident()] = acquire(timeout=FORK_WAITS)


def _after_fork() -> None:
    if _forking.pop(get_ident(), False):
        release()


def _in_child() -> None:
    if _forking.pop(get_ident(), False):
        release()
    elif not LOCK._is_owned():
        if hasattr(LOCK, "_at_fork_reinit"):
            LOCK._at_fork_reinit()
        else:
            LOCK._release_save()  # up to 3.8; it does not ask who has the lock
        for tidy in AFTER_FORK:
            tidy()
    _forking.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
