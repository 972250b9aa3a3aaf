"""How an edit of the table is written down: what a module's text was, what lives, what the text becomes, and what must hold then.

Each edit is played by `test_reload_edits.py`, and through other reloaders by the benchmark of `reload`.
`then` holds before the edit and again after it was undone, `now` after it; `live` binds what lives meanwhile.
"""

from __future__ import annotations

import textwrap
from typing import Any, Dict, List, NamedTuple


class Edit(NamedTuple):
    """One edit of a module."""

    title: str
    before: str
    live: str
    after: str
    then: Dict[str, Any]
    now: Dict[str, Any]
    report: Dict[str, Any]


EDITS: List[Edit] = []


def edit(
    title: str,
    before: str,
    after: str,
    live: str = "",
    then: Dict[str, Any] = {},
    now: Dict[str, Any] = {},
    **report: Any,
) -> None:
    before, live, after = (textwrap.dedent(text).strip("\n") + "\n" for text in (before, live, after))
    EDITS.append(Edit(title, before, live, after, then, now, report))
