"""The names of the front door, as editors and type checkers see them; `__init__.py` serves them lazily."""

from recell.cells import EMPTY as EMPTY
from recell.cells import Closure as Closure
from recell.cells import SharedCell as SharedCell
from recell.cells import closure as closure
from recell.cells import make_cell as make_cell
from recell.cells import owners as owners
from recell.cells import sharing as sharing
from recell.classes.verbs import Repointed as Repointed
from recell.classes.verbs import attach as attach
from recell.classes.verbs import repoint as repoint
from recell.errors import BuiltinsMismatchError as BuiltinsMismatchError
from recell.errors import ChangeError as ChangeError
from recell.errors import ClosureMismatchError as ClosureMismatchError
from recell.errors import EmptyCellError as EmptyCellError
from recell.errors import FreeVariableError as FreeVariableError
from recell.errors import InterferenceError as InterferenceError
from recell.errors import RecellError as RecellError
from recell.errors import ScopeError as ScopeError
from recell.errors import SourceError as SourceError
from recell.errors import UnsafeCodeError as UnsafeCodeError
from recell.errors import UnsupportedCodeError as UnsupportedCodeError
from recell.errors import UnsupportedPythonError as UnsupportedPythonError
from recell.frames import running as running
from recell.functions.cloning import clone as clone
from recell.functions.make_function import make_function as make_function
from recell.functions.rebinding import rebind as rebind
from recell.functions.replacing import replace as replace
from recell.functions.substituting import substitute as substitute
from recell.layers.changes import Change as Change
from recell.layers.changes import active_changes as active_changes
from recell.nested.inner import inner as inner
from recell.nested.verbs import patch_inner as patch_inner
from recell.nested.verbs import replace_inner as replace_inner
from recell.patcher import Patcher as Patcher
from recell.patching.closures import patch_closure as patch_closure
from recell.patching.defaults import patch_defaults as patch_defaults
from recell.patching.overriding import Override as Override
from recell.patching.overriding import override as override
from recell.patching.swapping import Swap as Swap
from recell.patching.swapping import swap as swap
from recell.patching.swapping import wrap as wrap
from recell.reloading.verbs import Report as Report
from recell.reloading.verbs import reload as reload
from recell.scopes.freezing import freeze as freeze
from recell.scopes.promoting import demote as demote
from recell.scopes.promoting import promote as promote
from recell.scopes.scope import Scope as Scope
from recell.scopes.scope import scope as scope
from recell.scopes.stateless import stateless as stateless
from recell.source.verbs import build_function as build_function
from recell.source.verbs import define as define
from recell.source.verbs import forward as forward
from recell.verifier.verify import verify as verify

__version__: str
__all__: list[str]
