"""Changes that one context sees: `textwrap.fill` for this thread, task or request alone."""

from __future__ import annotations

import recell
from recell.tour import Stage, Step


def change_one_context(stage: Stage) -> None:
    """textwrap.fill shouts here; in another context, as every thread, task and request has, it does not."""
    import textwrap
    from contextvars import Context

    def shout(text: str, width: int = 70, **options: object) -> str:
        return text.upper()

    prepared = recell.localize(textwrap.fill)  # from here on nothing is stored in the function
    stage.did("prepared = recell.localize(textwrap.fill)", prepared)
    with prepared:
        code = textwrap.fill.__code__
        with recell.local.swap(textwrap.fill, shout) as change:
            stage.did("with recell.local.swap(textwrap.fill, shout)", change)
            here, there = textwrap.fill("one"), Context().run(textwrap.fill, "one")
            stage.did('textwrap.fill("one"), Context().run(textwrap.fill, "one")', (here, there))
            stage.check("it shouts here, and nowhere else", (here, there) == ("ONE", "one"))
            carried = change.carry(textwrap.fill)
            stage.check(
                "another context sees it where it is carried there", Context().run(carried, "one") == "ONE"
            )
            stage.check("its code is as it was", textwrap.fill.__code__ is code)
        stage.check("undone", textwrap.fill("one") == "one")

    @recell.localized
    def poll(times: int) -> str:
        return f"polled {times} times, {shout('late')}"

    with recell.local.override(poll, shout=lambda text: "a fake"):
        stage.did("with recell.local.override(poll, shout=fake)", poll(2))
        stage.check("a function of one's own, decorated with localized", poll(2) == "polled 2 times, a fake")
        stage.check("the other context has the real one", Context().run(poll, 1) == "polled 1 times, LATE")


STEPS = [Step("For this context alone: textwrap.fill", ("localize", "localized"), change_one_context)]
