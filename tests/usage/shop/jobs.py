"""Coroutines, generators and threads."""

from __future__ import annotations

import asyncio
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from usage.shop import gateway


async def poll(url: str, *, every: float = 30) -> str:
    while True:
        state = await ask(url)
        if state == "done":
            return state
        await asyncio.sleep(every)


async def ask(url: str) -> str:
    raise ConnectionError(f"the real {url} was asked")


async def everything(*urls):
    return await asyncio.gather(*(poll(url) for url in urls))


async def watch(card: str):
    async for event in gateway.events(card):
        yield event.upper()


def batches(rows, size: int = 2):
    """Lists of `size` rows; a number sent in changes the size; returns how many there were."""
    count = 0
    rows = list(rows)
    while rows:
        batch, rows = rows[:size], rows[size:]
        count += 1
        new = yield batch
        if new:
            size = new
    return count


def best_rate() -> float:
    return max(rate for _, rate in gateway.rates())


def in_threads(urls):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(load, urls))


def load(url: str) -> str:
    raise ConnectionError(f"the real {url} was loaded")


def revision() -> str:
    return subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()


def home() -> str:
    return os.environ["SHOP_HOME"]


def here() -> str:
    return os.getcwd()
