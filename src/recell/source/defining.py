"""From a text to a function: the plain way for a text that stands by itself, the tree where it needs a scope.

A text without closure or class goes to the compiler as it is. One that needs free variables or a class's name
mangling is parsed, put into functions that bind the names, and compiled from the tree, so that lines and columns
stay those of the text.
"""

from __future__ import annotations

import builtins
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from recell.cells import EMPTY, cell_for, cells_of
from recell.errors import FreeVariableError, SourceError, hint_nearest, listed, nearest, short
from recell.flags import NESTED
from recell.functions.arguments import check_globals, check_identifier
from recell.functions.building import build
from recell.source.definitions import only_definition, reads, ready_defaults, stands_alone
from recell.source.sourcelines import Lines, held_inside, holding, registered
from recell.source.textlines import ONLY_AST, flush, label_of, syntax_problem

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from recell.source.definitions import Defaults

__all__ = ["Definition"]

# Names of the scaffold around a definition. No text can spell them, so none can clash with a user's.
_BINDER, _MAKER, _RESULT = "<binder>", "<maker>", "<result>"


class Definition:
    """One text on its way to a function: checked and compiled by `made`, and nothing registered on failure.

    Args:
        text: the caller's text.
        globals: the new function's globals, or None for a namespace of its own.
        closure: free variable -> value, or None.
        name: the function's name, or None for the one in the text.
        filename: the file name, or None for a new one.
        class_name: the class whose method it is to be, or None.
        strict: whether a name in `closure` that the text does not use is an error.
        verb: what the caller was asked to do, for errors.
    """

    name: str | None
    class_name: str | None
    own_globals: bool
    globals: dict[str, Any]
    label: str
    prefix: str

    def __init__(
        self,
        text: str,
        globals: dict[str, Any] | None,
        closure: Mapping[str, object] | None,
        name: str | None,
        filename: str | None,
        class_name: str | None,
        strict: bool = True,
        verb: str = "define",
    ) -> None:
        if not isinstance(text, str):
            msg = f"define needs the source as a string, not {short(text)}"
            raise TypeError(msg)
        if globals is not None:
            check_globals(globals, verb)
        if filename is not None and not isinstance(filename, str):
            msg = f"the file name must be a string, not {short(filename)}"
            raise TypeError(msg)
        self.text = text
        self.name = None if name is None else check_identifier(name, "the function's name")
        self.class_name = None if class_name is None else check_identifier(class_name, "the class's name")
        self.values: dict[str, object] | None = None
        if closure is not None:
            if not hasattr(closure, "items"):
                msg = f"closure must be a mapping of free variables, not {short(closure)}"
                raise TypeError(msg)
            self.values = {}
            for key, value in cells_of(closure).items():
                spelled = self.mangled(check_identifier(key, "a free variable"))
                if spelled in self.values:
                    msg = f"closure gives the free variable `{spelled}` twice: {listed(closure)} are spelled alike"
                    raise SourceError(msg, name=spelled)
                self.values[spelled] = value
        self.prefix = "" if self.class_name is None else self.class_name + "."
        self.own_globals = globals is None
        self.globals = {} if globals is None else globals
        self.strict = strict
        self.bare: bool = False  # whether the globals had no builtins
        self.filename = filename

    def made(self) -> Any:
        """The function; whatever its decorators return, where it has some."""
        label = self.name or label_of(self.text)
        lines = registered(self.text, label, self.filename)
        name = lines.filename
        plain = (
            self.values is None and self.class_name is None and self.name is None and stands_alone(self.text)
        )
        try:
            if plain:
                module = self.compiled(self.text, name)
                module = module.replace(co_consts=held_inside(module, lines))
            else:
                code, cells, ready = self.scaffolded(self.compiled(flush(self.text), name, ONLY_AST), lines)
        except BaseException:
            lines.forget()  # the error's traceback keeps the lines alive
            raise
        if "__builtins__" not in self.globals:
            self.globals["__builtins__"] = builtins.__dict__
            self.bare = True
        try:
            if plain:
                namespace: dict[str, Any] = {}
                exec(module, self.globals, namespace)
                # of a name that is not ASCII the compiler takes the normal form
                stored = label if label in namespace else [*namespace][-1]
                made = namespace[stored]
            elif ready is None:
                stored = self.label
                made = build(code, self.globals, code.co_name, None, cells)()
            else:
                stored = self.label
                made = build(code, self.globals, stored, ready[0], cells, ready[1])
                made.__qualname__ = self.prefix + stored
        except BaseException:  # a default or a decorator of the text's own
            self.put_back()
            raise
        if self.own_globals and type(made) is FunctionType and reads(made.__code__, stored):
            self.globals[stored] = made  # a function that calls itself finds itself
        return made

    def put_back(self) -> None:
        """Take away what the definition put into the caller's globals."""
        if self.bare:
            self.globals.pop("__builtins__", None)

    # -- compiling ------------------------------------------------------------------------------

    def compiled(self, source: Any, name: str, flags: int = 0) -> Any:
        feature = self.globals.get("annotations")  # the module's `from __future__ import annotations`
        if type(feature).__module__ == "__future__":
            flags |= feature.compiler_flag  # type: ignore[union-attr]
        try:
            return compile(source, name, "exec", flags, True)
        except (SyntaxError, ValueError) as error:
            raise syntax_problem(error, self.text, name) from None

    # -- the scaffold ---------------------------------------------------------------------------

    def scaffolded(
        self, tree: ast.Module, lines: Lines
    ) -> tuple[CodeType, tuple[CellType, ...] | None, Defaults | None]:
        """The code of the function defined, the cells for its free variables, and its defaults.

        Where its head has to run (decorators, annotations, defaults that are no constants), the code is that of a
        function that returns the one defined, and there are no defaults.
        """
        import ast

        name = lines.filename
        node = only_definition(tree, self.text, name)
        place = {"lineno": node.lineno, "col_offset": 0, "end_lineno": node.lineno, "end_col_offset": 0}
        ready = None
        if isinstance(node, ast.Lambda):
            self.label = "<lambda>"
            body: list[Any] = [ast.Return(value=node, **place)]
        else:
            self.label = self.name or node.name
            node.name = _RESULT
            body = [node]
            ready = ready_defaults(node)
            if ready is None:
                body.append(ast.Return(value=ast.Name(id=_RESULT, ctx=ast.Load(), **place), **place))
        if ready is None:
            body = [_function(_MAKER, [], body, place)]
        bound = list(self.values or ())
        if self.class_name is not None and "__class__" not in bound:
            bound.append("__class__")
        outer: ast.stmt = _function(_BINDER, bound, body, place)
        if self.class_name is not None:
            outer = ast.ClassDef(
                name=self.class_name,
                bases=[],
                keywords=[],
                body=[outer],
                decorator_list=[],
                type_params=[],
                **place,
            )
        statements: list[ast.stmt] = [line for line in tree.body if isinstance(line, ast.ImportFrom)]
        statements.append(outer)
        module = self.compiled(ast.Module(body=statements, type_ignores=[]), name)
        code = _inside(module, self.class_name) if self.class_name is not None else module
        code = _inside(_inside(code, _BINDER), _MAKER if ready is None else _RESULT)
        cells = self.cells(code)
        if ready is None:
            return self.finished(code, lines), cells, None
        defaults, keywords = ready
        if keywords is not None:
            keywords = {self.mangled(key): value for key, value in keywords.items()}
        code = self.as_if_alone(code, f"{_BINDER}.<locals>.", code.co_freevars, lines)
        return code, cells, (defaults, keywords)

    def as_if_alone(self, code: CodeType, scaffold: str, bound: tuple[str, ...], lines: Lines) -> CodeType:
        """Code with all names in it as if its definition stood by itself, and its lines held."""
        code = _renamed(code, self.prefix + scaffold, self.prefix, self.label, lines)
        if any(name != "__class__" for name in bound):
            return code
        return code.replace(co_flags=code.co_flags & ~NESTED)  # nothing is bound around it

    def finished(self, maker: CodeType, lines: Lines) -> CodeType:
        """The maker's code, with what it makes as if that stood by itself."""
        prefix, inside = self.prefix, f"{_BINDER}.<locals>.{_MAKER}.<locals>."
        scaffold = prefix + inside
        consts = []
        for const in maker.co_consts:
            if type(const) is CodeType:
                const = self.as_if_alone(const, inside, maker.co_freevars, lines)
            elif type(const) is str and const.startswith(scaffold):
                const = prefix + const[len(scaffold) :].replace(_RESULT, self.label)
            consts.append(const)
        if self.label == "<lambda>" and self.name is not None:
            at = max(index for index, const in enumerate(consts) if type(const) is CodeType)
            old, self.label = prefix + self.label, self.name
            consts[at] = _renamed(consts[at], old, prefix + self.name, "", lines).replace(co_name=self.name)
            consts[at:] = [prefix + self.name if const == old else const for const in consts[at:]]
        return maker.replace(co_consts=tuple(consts), co_name="<module>")

    def cells(self, code: CodeType) -> tuple[CellType, ...] | None:
        names = code.co_freevars
        values = self.values or {}
        for key in values if self.strict else ():
            if key not in names and (key != "__class__" or self.class_name is None):
                msg = (
                    f"`{key}` is in closure=, and the text that defines `{self.label}` does not use it as a free "
                    f"variable (it is unused there, or bound in the function); those it uses are: {listed(names)}"
                ) + (hint_nearest(key, names) or "; strict=False ignores what is not used")
                target = f"the text that defines {self.label}"
                raise FreeVariableError(
                    msg, name=key, names=names, nearest=nearest(key, names), target=target
                )
        return tuple(cell_for(values.get(key, EMPTY)) for key in names) or None

    def mangled(self, name: str) -> str:
        """A private name as a method of the class spells it (the language reference's "private name mangling")."""
        if self.class_name is None or not name.startswith("__") or name.endswith("__"):
            return name
        class_name = self.class_name.lstrip("_")
        return f"_{class_name}{name}" if class_name else name


def _function(name: str, parameters: list[str], body: list[Any], place: dict[str, Any]) -> ast.FunctionDef:
    import ast

    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(arg=parameter, annotation=None, **place) for parameter in parameters],
        vararg=None,
        kwonlyargs=[],
        kw_defaults=[],
        kwarg=None,
        defaults=[],
    )
    return ast.FunctionDef(
        name=name, args=arguments, body=body, decorator_list=[], returns=None, type_params=[], **place
    )


def _inside(code: CodeType, name: str) -> CodeType:
    return next(const for const in code.co_consts if type(const) is CodeType and const.co_name == name)


def _renamed(code: CodeType, scaffold: str, prefix: str, label: str, lines: Lines) -> CodeType:
    """A code object and those nested in it, without the scaffold in their names."""
    fields = holding(lines, code.co_names, code)
    consts = []
    for const in code.co_consts:
        if type(const) is CodeType:
            const = _renamed(const, scaffold, prefix, label, lines)
        # a class's name, before 3.11 a function's too
        elif type(const) is str and const.startswith(scaffold):
            const = prefix + const[len(scaffold) :].replace(_RESULT, label)
        consts.append(const)
    if _RESULT in code.co_name:
        fields["co_name"] = code.co_name.replace(_RESULT, label)
    qualname = getattr(code, "co_qualname", "")  # 3.11+
    if qualname.startswith(scaffold):
        fields["co_qualname"] = prefix + qualname[len(scaffold) :].replace(_RESULT, label)
    return code.replace(co_consts=tuple(consts), **fields)
