"""Times and dates."""

from __future__ import annotations

import datetime as dt
import time
from datetime import date, datetime, timedelta


def stamp() -> float:
    return round(time.time())


def greeting() -> str:
    return "good morning" if datetime.now().hour < 12 else "good afternoon"


def age(born) -> timedelta:
    """Of a date or a datetime."""
    if type(born) is datetime:
        return datetime.now() - born
    if isinstance(born, date):
        return datetime.now().date() - born
    raise TypeError(f"neither a date nor a datetime: {born!r}")


def tomorrow() -> dt.date:
    return dt.date.today() + dt.timedelta(days=1)


def parsed(text: str):
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
