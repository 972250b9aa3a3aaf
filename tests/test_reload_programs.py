"""Real programs keep serving while their modules are reloaded: no request fails, each edit shows at the next one."""

from __future__ import annotations

import asyncio
import http.client
import re
import sys
import threading
import types
from http.server import ThreadingHTTPServer
from typing import Any, List

import pytest

import recell

EDITS = 10


def test_http_server_under_constant_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library's http.server, edited ten times while threads send requests: every one is answered."""
    import http.server as module

    with open(module.__file__, encoding="utf-8") as stream:
        original = stream.read()
    monkeypatch.setattr(module.BaseHTTPRequestHandler, "log_message", lambda self, *args: None)
    app = types.ModuleType("handlers")
    monkeypatch.setitem(sys.modules, "handlers", app)

    def handler(n: int) -> str:
        return (
            "import http.server\n"
            f"VERSIONS = {{}}\n"
            "def page(path):\n"
            f"    VERSIONS[path] = VERSIONS.get(path, 0) + 1\n"
            f"    return f'edit {n}: {{VERSIONS[path]}}'.encode()\n"
            + (f"def helper{n}(text): return text\n" if n else "")
            + "class Handler(http.server.BaseHTTPRequestHandler):\n"
            "    protocol_version = 'HTTP/1.1'\n"
            + (
                "    def log_message(self, *args): super().log_error\n"
                if n % 2
                else "    def log_message(self, *args): pass\n"
            )
            + "    def do_GET(self):\n"
            + (f"        text = helper{n}(page(self.path))\n" if n else "        text = page(self.path)\n")
            + "        self.send_response(200)\n"
            "        self.send_header('Content-Length', str(len(text)))\n"
            "        self.end_headers()\n"
            "        self.wfile.write(text)\n"
        )

    exec(compile(handler(0), "handlers.py", "exec", dont_inherit=True), vars(app))
    server = ThreadingHTTPServer(("127.0.0.1", 0), app.Handler)  # type: ignore[attr-defined]
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    stop, problems, answers = threading.Event(), [], [0]  # type: ignore[var-annotated]

    def ask(path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Server"), answer.read().decode()
        finally:
            connection.close()

    def client() -> None:
        while not stop.is_set():
            try:
                status, _, body = ask("/client")
                assert status == 200 and body.startswith("edit "), (status, body)
                answers[0] += 1
            except BaseException as error:
                problems.append(error)
                return

    clients = [threading.Thread(target=client, daemon=True) for _ in range(2)]
    reports: List[recell.Report] = []
    try:
        for thread in clients:
            thread.start()
        for n in range(1, EDITS + 1):
            reports.append(recell.reload(app, source=handler(n)))
            edited = re.sub(
                r'server_version = "[^"]*', f'server_version = "Edited{n}/', original, count=1
            ).replace(
                "        self.log_request(code)\n",
                f"        self.log_request(code)\n        self.edit = {n}\n",
            )
            assert f"Edited{n}" in edited and f"self.edit = {n}" in edited
            reports.append(recell.reload(module, source=edited))
            assert not any(report.refused for report in reports), reports
            status, name, body = ask(f"/{n}")
            assert (status, body) == (200, f"edit {n}: 1")
            assert name and name.startswith(f"Edited{n}")
        for report in reversed(reports):
            report.undo()
        status, name, body = ask("/last")
        assert (status, body) == (200, "edit 0: 1")
        assert name and not name.startswith("Edited")
    finally:
        stop.set()
        for thread in clients:
            thread.join(30)
        server.shutdown()
        server.server_close()
    assert not problems, problems
    assert answers[0] > 0
    assert sum(app.VERSIONS.values()) >= EDITS + answers[0]  # type: ignore[attr-defined]


SERVICE = """
import asyncio
CLIENTS = 0
GREETED = {{}}
class Session:
    count = 0
    async def lines(self, reader):
        while True:
            line = await reader.readline()
            if not line:
                return
            yield line.decode().strip()
    def answer(self, line):
        self.count += 1
        GREETED[line] = GREETED.get(line, 0) + 1
        return f"{n} {{line}} {{self.count}}"
async def serve(reader, writer):
    session = Session()
    async for line in session.lines(reader):
        await asyncio.sleep(0)
        writer.write((decorate(session.answer(line)) + "\\n").encode())
        await writer.drain()
    writer.close()
def decorate(text, mark="!" * {n}):
    return text + mark
"""


def test_asyncio_service_keeps_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """An asyncio service edited ten times: open connections stay, and their next line is answered by the new text."""
    module = types.ModuleType("service")
    monkeypatch.setitem(sys.modules, "service", module)
    exec(compile(SERVICE.format(n=0), "service.py", "exec", dont_inherit=True), vars(module))

    async def program() -> None:
        server = await asyncio.start_server(module.serve, "127.0.0.1", 0)  # type: ignore[attr-defined]
        port = server.sockets[0].getsockname()[1]
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for n in range(EDITS):
            if n:
                report = recell.reload(module, source=SERVICE.format(n=n))
                assert not report.refused, report
            if n == 5:
                connections.append(await asyncio.open_connection("127.0.0.1", port))
            for number, (reader, writer) in enumerate(connections):
                writer.write(f"line{number}\n".encode())
                await writer.drain()
                answer = (await reader.readline()).decode().rstrip("\n")
                lines = n + 1 if number < 5 else n - 4
                assert answer == f"{n} line{number} {lines}" + "!" * n
        for _, writer in connections:
            writer.close()
        await asyncio.sleep(0.05)
        server.close()
        await server.wait_closed()

    asyncio.run(asyncio.wait_for(program(), 60))
    assert module.GREETED["line0"] == EDITS  # type: ignore[attr-defined]


def test_a_web_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service on a framework from PyPI, where one is installed: handlers follow, the application stays."""
    aiohttp = pytest.importorskip("aiohttp")
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    source = (
        "from aiohttp import web\n"
        "routes = web.RouteTableDef()\n"
        "HITS = []\n"
        "@routes.get('/')\n"
        "async def index(request):\n"
        "    HITS.append(1)\n"
        "    return web.json_response({{'edit': {n}, 'hits': len(HITS)}})\n"
        "app = web.Application()\n"
        "app.add_routes(routes)\n"
    )
    module = types.ModuleType("web_service")
    monkeypatch.setitem(sys.modules, "web_service", module)
    exec(compile(source.format(n=0), "web_service.py", "exec", dont_inherit=True), vars(module))

    async def program() -> None:
        async with TestClient(TestServer(module.app)) as client:  # type: ignore[attr-defined]
            for n in range(EDITS):
                if n:
                    recell.reload(module, source=source.format(n=n))
                answer = await client.get("/")
                assert await answer.json() == {"edit": n, "hits": n + 1}

    asyncio.run(program())
    assert aiohttp and web
