"""Celery: the function of a task is its `run`."""

import re

import pytest

import recell

celery = pytest.importorskip("celery")


def deliver(address):
    raise ConnectionError("a real letter was sent")


app = celery.Celery("shop", set_as_current=False)
app.conf.task_always_eager = True
app.conf.task_eager_propagates = True


@app.task
def send(address):
    return deliver(address)


@app.task(bind=True, max_retries=0)
def send_bound(self, address):
    return self.name.rpartition(".")[2], deliver(address)


def test_a_name_in_a_task(patcher):
    patcher.override(send.run, deliver=lambda address: f"to {address}")
    assert send.delay("Ada").get() == "to Ada"
    assert send("Ada") == "to Ada"


def test_a_bound_task():
    with recell.override(send_bound.run, deliver=lambda address: address):
        assert send_bound.delay("Ada").get() == ("send_bound", "Ada")
    with pytest.raises(ConnectionError):
        send_bound.delay("Ada").get()


def test_the_task_itself():
    with recell.swap(send.run, lambda address: address * 2):
        assert send.delay("Ada").get() == "AdaAda"


def test_a_task_is_no_function():
    """The error names the attribute that holds the function, and that one is what works."""
    with pytest.raises(TypeError, match=r"pass its `\.(\w+)`") as told:
        recell.override(send, deliver=None)
    attribute = re.search(r"`\.(\w+)`", str(told.value)).group(1)
    with recell.override(getattr(send, attribute), deliver=lambda address: address):
        assert send.delay("Ada").get() == "Ada"


def test_spied_upon(patcher):
    patcher.swap(deliver, lambda address: address)
    spy = patcher.spy(send.run)
    send.delay("Ada")
    spy.mock.assert_called_once_with("Ada")
