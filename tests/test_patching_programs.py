"""Programs as users write them: each test is one, with the tools that they have at hand."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock
from urllib.request import urlopen

import pytest

import recell
from recell import Patcher, closure, override, patch_closure, swap, wrap

RETRIES = 3


def fetch(url):
    for _ in range(RETRIES):
        try:
            with urlopen(url, timeout=5) as response:
                return json.loads(response.read())
        except OSError:
            time.sleep(1)
    raise TimeoutError(url)


class Response:
    def __init__(self, text):
        self.text = text

    def read(self):
        return self.text

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None


# 1. -- fake what one function calls ------------------------------------------------------------------------


def test_a_request_is_faked_for_one_function():
    seen = []

    def fake(url, timeout):
        seen.append((url, timeout))
        return Response('{"a": 1}')

    with override(fetch, urlopen=fake):
        assert fetch("http://x") == {"a": 1}
    assert seen == [("http://x", 5)]


def test_retries_without_waiting():
    with override(
        fetch, {"urlopen": mock.Mock(side_effect=OSError), "time.sleep": mock.DEFAULT}, RETRIES=2
    ) as fakes:
        with pytest.raises(TimeoutError):
            fetch("http://x")
    assert fakes["time.sleep"].call_count == 2 and fakes["urlopen"].call_count == 2


# 2. -- async tests and fixtures ----------------------------------------------------------------------------


async def afetch(url):
    await asyncio.sleep(0)
    return urlopen(url).read()


@pytest.fixture
def event_loop_run():
    return asyncio.run


def test_an_async_test(event_loop_run):
    @override(afetch, urlopen=lambda url: Response("faked"))
    async def test():
        return await asyncio.gather(afetch("a"), afetch("b"))

    assert event_loop_run(test()) == ["faked", "faked"]


def test_an_async_fixture(event_loop_run):
    @override(afetch, urlopen=lambda url: Response("fixture"))
    async def fixture():
        yield "ready"

    async def test():
        values = fixture()
        assert await values.__anext__() == "ready"
        try:
            return await afetch("a")
        finally:
            await values.aclose()

    assert event_loop_run(test()) == "fixture"
    assert not isinstance(closure(test).get("nothing"), Response)


# 3. -- pytest's own ways -----------------------------------------------------------------------------------


@pytest.mark.parametrize("retries", [1, 2])
@override(fetch, {"time.sleep": lambda seconds: None})
def test_a_decorated_parametrized_test(retries, tmp_path):
    """The signature that pytest sees is the test's own: parameters and fixtures are found."""
    assert tmp_path.exists()
    broken = mock.Mock(side_effect=OSError)
    with override(fetch, urlopen=broken, RETRIES=retries), pytest.raises(TimeoutError):
        fetch("http://x")
    assert broken.call_count == retries


@pytest.fixture
@override(fetch, urlopen=lambda url, timeout: Response("5"))
def faked_fetch():
    yield fetch


def test_a_decorated_fixture(faked_fetch):
    assert faked_fetch("http://x") == 5


@override(fetch, urlopen=lambda url, timeout: Response("7"))
class TestDecorated:
    def test_one(self):
        assert fetch("http://x") == 7

    @pytest.mark.parametrize("n", [1, 2])
    def test_two(self, n):
        assert fetch("http://x") == 7


def test_with_monkeypatch(monkeypatch):
    """An override wins inside its function; monkeypatch is seen by everybody else, and both end in any order."""

    def limit():
        return RETRIES

    def other():
        return RETRIES

    change = override(limit, RETRIES=1).start()
    monkeypatch.setattr(sys.modules[__name__], "RETRIES", 50)
    assert (limit(), other()) == (1, 50)
    change.undo()
    assert (limit(), other()) == (50, 50)
    monkeypatch.undo()
    assert (limit(), other()) == (3, 3)


def test_with_mock_patch():
    with mock.patch(f"{__name__}.urlopen") as everywhere:
        everywhere.return_value = Response("1")
        with override(fetch, urlopen=lambda url, timeout: Response("2")):
            assert fetch("x") == 2
        assert fetch("x") == 1
    with override(fetch, RETRIES=1), mock.patch.object(fetch, "__defaults__", ("http://d",)):
        with override(fetch, urlopen=lambda url, timeout: Response("3")):
            assert fetch() == 3
    assert fetch.__defaults__ is None


def test_a_patcher_over_everything(monkeypatch):
    with Patcher() as patcher:
        patcher.setattr(sys.modules[__name__], "RETRIES", 1)
        patcher.override(fetch, {"time.sleep": lambda s: None}, urlopen=mock.Mock(side_effect=OSError))
        patcher.setitem(os.environ, "RECELL_TEST", "yes")
        patcher.enter_context(mock.patch.object(time, "time", lambda: 0))
        with pytest.raises(TimeoutError):
            fetch("x")
        assert os.environ["RECELL_TEST"] == "yes" and time.time() == 0
    assert "RECELL_TEST" not in os.environ and RETRIES == 3 and time.time() > 0


# 4. -- unittest --------------------------------------------------------------------------------------------


class TestWithUnittest(unittest.TestCase):
    def setUp(self):
        change = override(fetch, urlopen=lambda url, timeout: Response("1"))
        change.start()
        self.addCleanup(change.undo)

    def test_it(self):
        self.assertEqual(fetch("x"), 1)

    @override(fetch, json=json)
    def test_decorated(self):
        self.assertEqual(fetch("x"), 1)


# 5. -- views and decorators --------------------------------------------------------------------------------


def login_required(view):
    @functools.wraps(view)
    def wrapper(request):
        if not request.get("user"):
            return "redirect"
        return view(request)

    return wrapper


@login_required
def dashboard(request):
    return f"hello {request['user']}, {RETRIES}"


def test_a_wrapped_view():
    """The view itself is held in the wrapper's closure: it can be replaced there, or changed in itself."""
    with patch_closure(dashboard, view=lambda request: "faked"):
        assert dashboard({"user": "Ada"}) == "faked" and dashboard({}) == "redirect"
    with override(dashboard.__wrapped__, RETRIES=0):
        assert dashboard({"user": "Ada"}) == "hello Ada, 0"
    with pytest.raises(recell.ScopeError, match="`dashboard.__wrapped__` reads it"):
        override(dashboard, RETRIES=0)


def test_a_flask_view():
    flask = pytest.importorskip("flask")
    app = flask.Flask("shop")

    def register(rate):
        @app.route("/price/<int:net>")
        def price(net):
            return str(net * rate)

        return price

    price = register(2)
    client = app.test_client()
    with patch_closure(price, rate=10):
        assert client.get("/price/3").get_data(as_text=True) == "30"
    with swap(app.view_functions["price"], lambda net: "swapped"):
        assert client.get("/price/3").get_data(as_text=True) == "swapped"
    assert client.get("/price/3").get_data(as_text=True) == "6"


def test_a_django_view():
    django = pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure(DEBUG=True, ALLOWED_HOSTS=["*"])
        django.setup()
    from django.http import HttpResponse
    from django.test import RequestFactory
    from django.views.decorators.http import require_GET

    def make(greeting):
        @require_GET
        def view(request):
            return HttpResponse(greeting)

        return view

    view = make("hello")
    with patch_closure(view.__wrapped__, greeting="patched"):
        assert view(RequestFactory().get("/")).content == b"patched"
    assert view(RequestFactory().get("/")).content == b"hello"


@functools.lru_cache(maxsize=None)
def price_of(item):
    return (item, RETRIES)


def test_a_cached_function():
    """The function in it is meant."""
    for target in (price_of, price_of.__wrapped__):
        price_of.cache_clear()
        with override(target, RETRIES=1):
            assert price_of("a") == ("a", 1)
        price_of.cache_clear()
        assert price_of("a") == ("a", 3)


class Account:
    interest = 0.5

    def __init__(self, balance):
        self.balance = balance

    def grown(self):
        return self.balance * (1 + self.interest) + RETRIES


def test_a_bound_method():
    """The class's function is meant: all instances."""
    one, two = Account(10), Account(20)
    with override(one.grown, RETRIES=0):
        assert (one.grown(), two.grown()) == (15, 30)
    with swap(one.grown, lambda self: "swapped"):
        assert two.grown() == "swapped"
    assert one.grown() == 18


def test_counting_calls_everywhere():
    """Every reference made before counts, also those in containers and default arguments."""

    def area(a, b):
        return a * b

    references = {"f": area, "bound": functools.partial(area, 2)}

    def use(func=area):
        return func(1, 2)

    calls = []

    def counted(func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            calls.append(args)
            return func(*args, **kwargs)

        return wrapper

    with wrap(area, counted):
        assert (references["f"](2, 3), references["bound"](3), use()) == (6, 6, 2)
    assert calls == [(2, 3), (2, 3), (1, 2)] and use() == 2 and len(calls) == 3


def test_retrying_in_place():
    attempts = []

    def flaky():
        attempts.append(1)
        if len(attempts) < 3:
            raise OSError
        return "done"

    def retry(func):
        def again(*args):
            for _ in range(5):
                try:
                    return func(*args)
                except OSError:
                    continue
            raise TimeoutError

        return again

    with wrap(flaky, retry):
        assert flaky() == "done"
    assert len(attempts) == 3


def test_a_recursive_function():
    """Inside, the name means something else only for the function itself: its own calls, too."""

    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    real = fib
    seen = []

    def spy(n):
        seen.append(n)
        return real(n)

    with override(fib, fib=spy):
        assert fib(3) == 2
    assert seen == [2, 1, 0, 1]
    assert fib(10) == 55


def test_a_generator_consumed_after_leaving():
    """It was made inside, and keeps what it was made with."""

    def lines(path):
        for line in open_lines(path):
            yield line.strip(), RETRIES

    with override(lines, open_lines=lambda path: [" a ", " b "], RETRIES=1):
        values = lines("/no/such/file")
    assert list(values) == [("a", 1), ("b", 1)]


def open_lines(path):
    with open(path) as file:
        return list(file)


def test_overridden_for_one_function_while_another_thread_goes_on():
    """The module is untouched: another thread really sleeps."""

    def nap():
        time.sleep(30)
        return "napped"

    stop, naps = threading.Event(), []

    def other():
        while not stop.is_set():
            start = time.perf_counter()
            time.sleep(0.005)
            naps.append(time.perf_counter() - start)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        with override(nap, {"time.sleep": lambda seconds: None}):
            assert nap() == "napped"
            time.sleep(0.03)
    finally:
        stop.set()
        thread.join()
    assert naps and min(naps) >= 0.004


def test_cloudpickle_of_an_overridden_function():
    cloudpickle = pytest.importorskip("cloudpickle")

    def make(rate):
        def price(n):
            return n * rate + RETRIES

        return price

    price = make(2)
    with override(price, RETRIES=100, rate=5):
        there = cloudpickle.loads(cloudpickle.dumps(price))
        assert there(1) == 105
    assert price(1) == 5 and there(1) == 105
    with swap(price, len):
        assert cloudpickle.loads(cloudpickle.dumps(price))("abc") == 3


def test_the_standard_library_from_inside():
    """A name that a function of the standard library uses, faked for it alone."""
    with override(json.loads, {"_default_decoder.decode": lambda text: "faked"}):
        assert json.loads("[1]") == "faked"
    assert json.loads("[1]") == [1]
    with override(os.path.expanduser, {"os.environ": {"HOME": "/faked", "USERPROFILE": "/faked"}}):
        assert os.path.expanduser("~").endswith("faked")


def test_a_loop_like_that_of_an_interactive_session():
    """Code executed cell by cell in one namespace: functions defined earlier are changed later."""
    session = {"recell": recell}
    cells = [
        "LIMIT = 10\ndef check(n):\n    return n < LIMIT",
        "keep = check",
        "change = recell.override(check, LIMIT=1).start()",
        "inside = keep(5)",
        "change.undo()",
        "after = keep(5)",
        "def check2(n):\n    return 'new'",
        "handle = recell.swap(check, check2); swapped = keep(5)",
        "handle.undo()",
    ]
    for cell in cells:
        exec(compile(cell, "<cell>", "exec"), session)
    assert (session["inside"], session["after"], session["swapped"], session["keep"](50)) == (
        False,
        True,
        "new",
        False,
    )


def test_ipython_runs_it():
    pytest.importorskip("IPython")
    code = (
        "from IPython.core.interactiveshell import InteractiveShell as S\n"
        "s = S.instance()\n"
        "s.run_cell('import recell, time\\ndef nap():\\n    time.sleep(9)\\n    return 1')\n"
        "s.run_cell('with recell.override(nap, {\"time.sleep\": lambda n: None}): result = nap()')\n"
        "assert s.user_ns['result'] == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
