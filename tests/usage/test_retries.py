"""A retrying decorator: no test sleeps, and the decorator's arguments can be changed."""

import pytest

import recell
from usage.shop import decorated
from usage.shop.decorated import download


def test_the_decorators_sleep():
    naps = []
    with recell.override(download, {"time.sleep": naps.append}):
        with pytest.raises(OSError):
            download("u")
    assert naps == [60, 60]


def test_the_decorators_arguments():
    with recell.patch_closure(download, times=1), pytest.raises(OSError):
        download("u")
    with recell.override(download, delay=0, times=2), pytest.raises(OSError):
        download("u")


def test_until_it_works(patcher):
    answers = iter([OSError("first"), OSError("second"), "content"])

    def fake(url):
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    patcher.patch_closure(download, func=fake)
    patcher.setattr(decorated.time, "sleep", lambda seconds: None)
    assert download("u") == "content"


def test_what_is_wrapped(patcher):
    spy = patcher.spy(download.__wrapped__)
    patcher.patch_closure(download, delay=0)
    with pytest.raises(OSError):
        download("u")
    assert spy.mock.call_count == 3 and [str(error) for error in spy.raised] == ["no route to u"] * 3
