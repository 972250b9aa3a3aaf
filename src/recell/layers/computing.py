"""States that layers make of a base: computed ahead, and checked when they are to be stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recell.layers.exchange import DEFAULTS, State, defaults_of, face_of

if TYPE_CHECKING:
    from recell.layers.edits import Edit
    from recell.layers.exchange import Face
    from recell.layers.stacks import Now, Stack

__all__ = ["computed", "fits", "room", "widen"]

_set_face: Any = vars(State)["face"].__set__


def computed(
    layers: tuple[Edit, ...], states: tuple[State, ...]
) -> tuple[tuple[Edit, ...], tuple[State, ...]]:
    """Return layers and the states that they make; as many as there are already are taken over."""
    if len(states) > len(layers):
        return layers, states
    made = list(states)
    for edit in layers[len(states) - 1 :]:
        try:
            made.append(edit(made[-1]))
        except (RecursionError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - what an edit cannot do over another state it leaves out
            made.append(made[-1])
    return layers, tuple(made)


def fits(new: Now, before: Now, now: Now) -> bool:
    """Return whether what was computed from `before` still holds: what came in meanwhile has left again."""
    if before[0] != now[0] or before[1][:1] != now[1][:1]:
        return False
    return new[1][0].face is None or new[1][-1].face is not None  # or all states say more by now


def room(depth: int = 25) -> None:
    """Raise RecursionError now rather than half way: what changes several things may need so many calls."""
    if depth:
        room(depth - 1)


def widen(stack: Stack, now: Now, edit: Edit, level: int, states: list[State]) -> bool:
    """Let all states say so much of a function: as it is now, where none of its layers says it; all or none.

    Returns:
        True where that was done: not where other layers came in since `now`.
    """
    known: dict[int, Face] = {}
    states = [*states, *[state.public for state in states]]
    own = defaults_of(edit.func) if edit.touches == DEFAULTS else face_of(edit.func)
    faces, wide = [state.face for state in states], []
    for face in faces:
        if face is None or level != DEFAULTS:
            wide.append(own)
        else:  # each has defaults of its own
            wide.append(known.setdefault(id(face), own._replace(defaults=face[0], kwdefaults=face[1])))
    done: list[None] = []
    try:
        # one line, so that no trace function comes between
        done += map(_set_face, states, wide) if stack.now[0] == now[0] else ()
    except BaseException:
        for state, face in zip(states, faces):
            state.face = face
        raise
    return len(done) > 0
