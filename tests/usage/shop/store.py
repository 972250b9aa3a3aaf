"""A database behind context managers."""

from __future__ import annotations

import contextlib


@contextlib.contextmanager
def connect(url: str = "db://real"):
    if url.startswith("db://"):
        raise ConnectionError(f"the real database was opened: {url}")
    yield []


@contextlib.contextmanager
def transaction(connection):
    before = list(connection)
    try:
        yield connection
    except BaseException:
        connection[:] = before
        raise


@contextlib.asynccontextmanager
async def connect_later():
    raise ConnectionError("the real database was opened")
    yield []


def save(*rows) -> int:
    with connect() as connection, transaction(connection):
        connection.extend(rows)
        return len(connection)


async def save_later(row) -> int:
    async with connect_later() as connection:
        connection.append(row)
        return len(connection)
