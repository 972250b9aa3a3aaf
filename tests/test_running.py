"""`running`: frames, generators and coroutines that finish with the old code."""

from __future__ import annotations

import gc

import pytest

from recell import running, swap


def test_running_lists_what_finishes_with_the_old_code():
    def numbers():
        yield from (1, 2, 3)

    suspended = numbers()
    next(suspended)
    unstarted = numbers()
    with swap(numbers, lambda: iter("ab")) as change:
        assert list(numbers()) == ["a", "b"]
        assert {id(item) for item in change.running} == {id(suspended), id(unstarted)}
        assert list(suspended) == [2, 3] and list(unstarted) == [1, 2, 3]
        assert change.running == []


def test_running_finds_frames_of_all_threads():
    import threading

    entered, go = threading.Event(), threading.Event()

    def wait():
        entered.set()
        go.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    entered.wait(10)
    try:
        (frame,) = running(wait)
        assert frame.f_code is wait.__code__
    finally:
        del frame
        go.set()
        thread.join()
    assert running(wait) == [] == running(wait.__code__)

    def itself():
        return running(itself)

    assert [frame.f_code for frame in itself()] == [itself.__code__]
    with pytest.raises(TypeError):
        running(5)


def test_frozen_generators_are_not_found_and_a_warning_says_so():
    def numbers():
        yield 1

    suspended = numbers()
    next(suspended)
    gc.freeze()
    try:
        with pytest.warns(RuntimeWarning, match="objects are frozen"):
            assert running(numbers) == []
    finally:
        gc.unfreeze()
    assert running(numbers) == [suspended]


def test_a_finished_generator_runs_nothing():
    def numbers():
        yield 1

    finished = numbers()
    list(finished)
    assert running(numbers) == []
