"""Who sees a context-local change: threads, tasks, executors, frameworks. Each row of the guide's table is a test.

The frameworks are optional (`pip install recell[contexts]`): what is not installed is skipped.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Callable, List

import pytest

from recell import local, localize

LIMIT = 10


def limit() -> int:
    return LIMIT


def in_thread(target: Callable[[], Any], **options: Any) -> Any:
    results: List[Any] = []
    thread = threading.Thread(target=lambda: results.append(target()), **options)
    thread.start()
    thread.join()
    return results[0]


class TestAsyncio:
    def test_tasks_and_callbacks(self) -> None:
        async def main() -> List[int]:
            with local.override(limit, LIMIT=1):
                task = asyncio.ensure_future(asyncio.sleep(0, limit()))
                inside = asyncio.ensure_future(later())
                called: "asyncio.Future[int]" = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().call_soon(lambda: called.set_result(limit()))
                return [await task, await inside, await called]

        async def later() -> int:
            await asyncio.sleep(0)
            return limit()

        assert asyncio.run(main()) == [1, 1, 1]

    @pytest.mark.skipif(sys.version_info < (3, 9), reason="asyncio.to_thread came with 3.9")
    def test_to_thread_sees_it_and_run_in_executor_does_not(self) -> None:
        async def main() -> List[int]:
            loop = asyncio.get_running_loop()
            with local.override(limit, LIMIT=1) as change:
                return [
                    await asyncio.to_thread(limit),
                    await loop.run_in_executor(None, limit),
                    await loop.run_in_executor(None, change.carry(limit)),
                    await loop.run_in_executor(None, copy_context().run, limit),
                ]

        assert asyncio.run(main()) == [1, 10, 1, 1]

    def test_three_tenants_at_once(self) -> None:
        async def tenant(value: int) -> List[int]:
            with local.override(limit, LIMIT=value):
                seen = []
                for _ in range(5):
                    await asyncio.sleep(0)
                    seen.append(limit())
                return seen

        async def main() -> Any:
            return await asyncio.gather(*[tenant(value) for value in (1, 2, 3)]), limit()

        assert asyncio.run(main()) == ([[1] * 5, [2] * 5, [3] * 5], 10)

    def test_a_task_that_dies_without_leaving(self) -> None:
        async def forgets() -> None:
            local.override(limit, LIMIT=1).start()
            raise LookupError

        async def main() -> int:
            await asyncio.gather(forgets(), return_exceptions=True)
            return limit()

        assert asyncio.run(main()) == 10
        with local.override(limit, LIMIT=2):
            assert limit() == 2


class TestThreads:
    inherits = getattr(sys.flags, "thread_inherit_context", 0)

    def test_threads_timers_and_executors_start_without_it(self) -> None:
        expected = 1 if self.inherits else 10
        with local.override(limit, LIMIT=1) as change:
            assert in_thread(limit) == expected
            assert in_thread(change.carry(limit)) == 1
            context = copy_context()
            assert in_thread(lambda: context.run(limit)) == 1
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(limit).result() == expected
                assert pool.submit(change.carry(limit)).result() == 1
            results: List[int] = []
            timer = threading.Timer(0, lambda: results.append(limit()))
            timer.start()
            timer.join()
            assert results == [expected]

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="Thread(context=) came with 3.14")
    def test_a_thread_with_a_context(self) -> None:
        with local.override(limit, LIMIT=1):
            assert in_thread(limit, context=copy_context()) == 1

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="-X thread_inherit_context came with 3.14")
    def test_threads_that_inherit_and_a_pool_that_was_started_before(self) -> None:
        script = """
            import threading
            from concurrent.futures import ThreadPoolExecutor
            from recell import local
            LIMIT = 10
            def limit():
                return LIMIT
            pool = ThreadPoolExecutor(1)
            assert pool.submit(limit).result() == 10
            with local.override(limit, LIMIT=1):
                seen = []
                thread = threading.Thread(target=lambda: seen.append(limit()))
                thread.start(); thread.join()
                assert seen == [1]
                assert pool.submit(limit).result() == 10
            pool.shutdown()
        """
        command = [sys.executable, "-X", "thread_inherit_context=1", "-c", textwrap.dedent(script)]
        subprocess.run(command, check=True)

    def test_a_change_entered_in_a_thread_stays_there(self) -> None:
        entered, asked = threading.Event(), threading.Event()

        def work() -> int:
            with local.override(limit, LIMIT=1):
                entered.set()
                asked.wait(10)
                return limit()

        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(work)
            entered.wait(10)
            assert limit() == 10
            asked.set()
            assert future.result() == 1


class TestFrameworks:
    def test_anyio_groups_and_threads(self) -> None:
        anyio = pytest.importorskip("anyio")
        to_thread = pytest.importorskip("anyio.to_thread")

        async def main() -> List[int]:
            seen = []

            async def child() -> None:
                seen.append(limit())

            with local.override(limit, LIMIT=1):
                async with anyio.create_task_group() as group:
                    group.start_soon(child)
                seen.append(await to_thread.run_sync(limit))
            return seen

        assert anyio.run(main) == [1, 1]

    def test_trio(self) -> None:
        trio = pytest.importorskip("trio")

        async def main() -> List[int]:
            seen = []

            async def child() -> None:
                seen.append(limit())

            with local.override(limit, LIMIT=1):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(child)
                seen.append(await trio.to_thread.run_sync(limit))
            return seen

        assert trio.run(main) == [1, 1]

    def test_asgiref(self) -> None:
        sync = pytest.importorskip("asgiref.sync")

        async def main() -> int:
            result: int = await sync.sync_to_async(limit)()
            return result

        with local.override(limit, LIMIT=1):
            assert sync.async_to_sync(main)() == 1

    def test_starlette_and_fastapi_test_clients(self) -> None:
        pytest.importorskip("httpx")
        client = pytest.importorskip("starlette.testclient")
        fastapi = pytest.importorskip("fastapi")
        app = fastapi.FastAPI()

        @app.get("/sync")
        def sync_route() -> int:
            return limit()

        @app.get("/async")
        async def async_route() -> int:
            return limit()

        with client.TestClient(app) as web:
            assert web.get("/sync").json() == 10
        with local.override(limit, LIMIT=1):
            web = client.TestClient(app)
            assert (web.get("/sync").json(), web.get("/async").json()) == (1, 1)

    def test_three_tenants_of_a_service_at_once(self) -> None:
        httpx = pytest.importorskip("httpx")
        fastapi = pytest.importorskip("fastapi")
        app = fastapi.FastAPI()
        versions = {"one": 1, "two": 2, "three": 3}

        @app.middleware("http")
        async def versioned(request: Any, call_next: Any) -> Any:
            version = versions.get(request.headers.get("tenant"))
            if version is None:
                return await call_next(request)
            with local.override(limit, LIMIT=version):
                return await call_next(request)

        @app.get("/limit")
        async def route() -> List[int]:
            seen = []
            for _ in range(5):
                await asyncio.sleep(0.001)
                seen.append(limit())
            return seen

        async def main() -> Any:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
                tenants = ["one", "two", "three", "none"] * 5
                answers = await asyncio.gather(*[web.get("/limit", headers={"tenant": t}) for t in tenants])
            return [(tenant, answer.json()) for tenant, answer in zip(tenants, answers)]

        with localize(limit):
            for tenant, answer in asyncio.run(main()):
                assert answer == [versions.get(tenant, 10)] * 5

    def test_gevent_does_not_see_it(self) -> None:
        gevent = pytest.importorskip("gevent")
        with local.override(limit, LIMIT=1) as change:
            assert gevent.spawn(limit).get() == 10
            assert gevent.spawn(change.carry(limit)).get() == 1

    def test_greenlets_do_not_see_it(self) -> None:
        greenlet = pytest.importorskip("greenlet")
        with local.override(limit, LIMIT=1) as change:
            assert greenlet.greenlet(limit).switch() == 10
            assert greenlet.greenlet(change.carry(limit)).switch() == 1

    def test_django_s_test_client(self) -> None:
        pytest.importorskip("django")
        script = """
            import django
            from django.conf import settings
            from recell import local
            settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", DATABASES={})
            django.setup()
            from django.http import HttpResponse
            from django.test import AsyncClient, Client
            from django.urls import path
            import asyncio
            LIMIT = 10
            def limit():
                return LIMIT
            def view(request):
                return HttpResponse(str(limit()))
            async def async_view(request):
                return HttpResponse(str(limit()))
            urlpatterns = [path("sync", view), path("async", async_view)]
            with local.override(limit, LIMIT=1):
                assert Client().get("/sync").content == b"1"
                assert Client().get("/async").content == b"1"
                assert asyncio.run(AsyncClient().get("/sync")).content == b"1"
            assert Client().get("/sync").content == b"10"
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


class TestUnittest:
    def test_isolated_asyncio_test_case(self) -> None:
        seen = {}

        class Case(unittest.IsolatedAsyncioTestCase):
            def setUp(self) -> None:
                if self._testMethodName == "test_setup":
                    change = local.override(limit, LIMIT=1).start()
                    self.addCleanup(change.undo)

            async def asyncSetUp(self) -> None:
                if self._testMethodName == "test_async_setup":
                    change = local.override(limit, LIMIT=1).start()
                    self.addCleanup(change.undo)

            async def test_setup(self) -> None:
                seen["setUp"] = limit()

            async def test_async_setup(self) -> None:
                seen["asyncSetUp"] = limit()

        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
        assert result.wasSuccessful(), (result.errors, result.failures)
        assert seen == {"setUp": 1 if sys.version_info >= (3, 11) else 10, "asyncSetUp": 1}
        assert limit() == 10
