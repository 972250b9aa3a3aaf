"""`CodesLayer`: new code for many functions at once, without a stack for each.

A reload that changes ten thousand functions stores ten thousand code objects; a stack for each would cost ten times
that. So one layer stands for all of them until somebody wants another layer over one of its functions: then
`stack_of` has it `spread`, which fills in that function's stack as if the code had been entered there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from recell.layers.exchange import State, needs_no_other_threads
from recell.layers.function_layers import FunctionLayer, stack_of
from recell.layers.values import BATCHES, Layer
from recell.reloading.following import Follow, layered

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FunctionType

    from recell.layers.function_layers import FunctionStack

__all__ = ["CodesLayer"]

_WHAT = "setting a function's code or closure"


class CodesLayer(Layer):
    """Code over that of functions which have no closure and get none.

    Args:
        functions: at least one, each once, of one module.
        codes: what each is to run.
    """

    __slots__ = (
        "__weakref__",
        "_after",
        "_before",
        "_functions",
        "_later",
        "_own",
        "_positions",
        "_stacked",
        "_stored",
    )

    def __init__(self, functions: Sequence[FunctionType], codes: Sequence[CodeType]) -> None:
        self._functions = functions
        self._after = codes
        self._before: list[CodeType] = []
        self._stored = 0  # so many functions have their new code
        self._stacked: set[int] = set()  # positions of those that had a stack before it was their turn
        self._own: dict[int, FunctionLayer] = {}  # position -> its layer, where the function has a stack
        self._positions: dict[int, int] = {}  # id of a function -> its position, filled in on first need
        # entered over this one: they say what is in force while it is active
        self._later: list[CodesLayer] = []

    def enter(self) -> None:
        """Stores every code; when one raises, those before it are put back."""
        needs_no_other_threads(_WHAT)
        functions = self._functions
        self._before[:] = [function.__code__ for function in functions]
        self._stored = 0
        there = layered()
        self._stacked = (
            {n for n, function in enumerate(functions) if id(function) in there} if there else set()
        )
        self._register()
        try:
            for position in range(len(functions)):
                self._put(position)
                self._stored = position + 1
        except BaseException:
            at = self._stored
            if at < len(functions) and (at in self._own or functions[at].__code__ is self._after[at]):
                self._stored += 1  # interrupted behind the store
            while self._stored:
                self._take(self._stored - 1)
                self._stored -= 1
            self._forget()
            raise

    def check(self) -> None:
        """Raises InterferenceError where somebody assigned a function's code away."""
        own = self._own
        for position, (function, code) in enumerate(zip(self._functions, self._after)):
            if position in own:
                own[position].check()
            elif function.__code__ is not code:
                stack_of(function).check()  # another reload is over this one, or somebody else was there

    def leave(self) -> None:
        """Puts every code back that was there, from beneath other layers too."""
        needs_no_other_threads(_WHAT)
        self.check()
        try:
            while self._stored:
                self._take(self._stored - 1)
                self._stored -= 1
        except BaseException:  # pragma: no cover - audit hooks: in child processes
            for position in range(max(self._stored - 1, 0), len(self._functions)):
                if (
                    position not in self._own
                    and self._functions[position].__code__ is not self._after[position]
                ):
                    self._put(position)
                self._stored = position + 1
            raise
        self._forget()

    def spread(self, function: FunctionType, stack: FunctionStack) -> None:
        """Fills in the new stack of a function, where it is one of these."""
        if not self._positions:
            self._positions = {id(one): position for position, one in enumerate(self._functions)}
        position = self._positions.get(id(function))
        if position is None:
            return
        if position >= self._stored and function.__code__ is not self._after[position]:
            self._stacked.add(position)
            return
        edit = Follow(self._after[position], {})
        stack.lay(edit, State(self._before[position], function.__closure__))
        self._own[position] = FunctionLayer(function, edit)

    def codes(self) -> tuple[Sequence[CodeType], Sequence[CodeType]]:
        """The code objects that it holds."""
        return self._before, self._after

    def _put(self, position: int) -> None:
        function, code = self._functions[position], self._after[position]
        if position in self._stacked:
            layer = FunctionLayer(function, Follow(code, {}))
            layer.enter()
            self._own[position] = layer
        else:
            function.__code__ = code

    def _take(self, position: int) -> None:
        function, own = self._functions[position], self._own
        if position not in own and function.__code__ is not self._after[position]:
            stack_of(function)  # pragma: no cover - somebody assigned it while this one was entering
        if position in own:
            own[position].leave()
            del own[position]
            self._stacked.add(position)
        else:
            function.__code__ = self._before[position]

    def _register(self) -> None:
        namespace = self._functions[0].__globals__
        for one in list(BATCHES):
            other = one()
            if other is None:
                BATCHES.remove(one)
            elif other._functions[0].__globals__ is namespace:
                other._later.append(self)
        BATCHES.append(ref(self))

    def _forget(self) -> None:
        for one in list(BATCHES):
            other = one()
            if other is self:
                BATCHES.remove(one)
            elif other is not None and self in other._later:
                other._later.remove(self)
        self._later.clear()
