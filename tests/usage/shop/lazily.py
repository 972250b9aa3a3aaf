"""Functions that import what they need themselves."""

from __future__ import annotations


def wait(seconds: float) -> str:
    from time import sleep

    sleep(seconds)
    return "waited"


def log_path() -> str:
    import os.path

    return os.path.join(os.path.expanduser("~"), "shop.log")


def exists(path: str) -> bool:
    from os import path as paths

    return paths.exists(path)


def chart(values):
    import usage_plotting_that_nobody_has as plotting  # an optional dependency

    return plotting.bars(values)


def send(text: str) -> str:
    from .gateway import charge as send_it

    def deliver():
        return send_it(text, 0)

    return deliver()


def parse(text: str):
    from json import JSONDecodeError, loads

    try:
        return loads(text)
    except JSONDecodeError:
        return None
