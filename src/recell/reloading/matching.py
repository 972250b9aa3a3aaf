"""The pairing of the statements of a new text with those of the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recell.reloading.forms import Forms
    from recell.reloading.statements import Statement

__all__ = ["matched"]


def matched(
    forms: Forms, olds: Sequence[Statement], news: Sequence[Statement]
) -> tuple[dict[int, int], list[int]]:
    """Pair the statements of two texts.

    First by equal content in order (the longest common subsequence), then by content anywhere; then those of one kind
    that bind the same names: with equal headers in order, the others from the end, because the last binding is what
    the name means.

    Returns:
        The position of a new statement -> that of its old one; and the positions of old ones without a new one.
    """
    return _Matching(forms, olds, news).done()


class _Matching:
    def __init__(self, forms: Forms, olds: Sequence[Statement], news: Sequence[Statement]) -> None:
        self.forms, self.olds, self.news = forms, olds, news
        self.pairs: dict[int, int] = {}
        self.used: set[int] = set()

    def done(self) -> tuple[dict[int, int], list[int]]:
        content = self.forms.statement
        self._in_order(list(map(content, self.olds)), list(map(content, self.news)))
        self._rest(content)
        self._rest(
            lambda one: (one.kind, one.deletes, *one.names, self.forms.header(one)) if one.names else None
        )
        self._rest(lambda one: (one.kind, one.deletes, *one.names) if one.names else None, backwards=True)
        return self.pairs, [at for at in range(len(self.olds)) if at not in self.used]

    def _pair(self, new: int, old: int) -> None:
        self.pairs[new] = old
        self.used.add(old)

    def _in_order(self, olds: list[int], news: list[int]) -> None:
        start, end_old, end_new = 0, len(olds), len(news)
        while start < end_old and start < end_new and olds[start] == news[start]:
            self._pair(start, start)
            start += 1
        while end_old > start and end_new > start and olds[end_old - 1] == news[end_new - 1]:
            end_old, end_new = end_old - 1, end_new - 1
            self._pair(end_new, end_old)
        if start in (end_old, end_new) or not set(olds[start:end_old]) & set(news[start:end_new]):
            return
        from difflib import SequenceMatcher

        matcher = SequenceMatcher(None, olds[start:end_old], news[start:end_new], autojunk=False)
        for old, new, size in matcher.get_matching_blocks():
            for step in range(size):
                self._pair(start + new + step, start + old + step)

    def _rest(self, key: Callable[[Statement], Any], backwards: bool = False) -> None:
        """Pairs what is left by a key; statements whose key is None stay."""
        waiting: dict[Any, list[int]] = {}
        for at, one in enumerate(self.olds):
            if at not in self.used:
                waiting.setdefault(key(one), []).append(at)
        waiting.pop(None, None)
        if not waiting:
            return
        order = range(len(self.news))
        for at in reversed(order) if backwards else order:
            if at not in self.pairs:
                there = waiting.get(key(self.news[at]))
                if there:
                    self._pair(at, there.pop(-1 if backwards else 0))
