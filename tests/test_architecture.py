"""The house rules that a program can check: what may import what, and what every file, class and
layer must say.
"""

import ast
import inspect
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import minicnn
from minicnn import layers
from minicnn.machine import cache

ROOT = Path(minicnn.__file__).resolve().parent.parent
FILES = sorted((ROOT / "minicnn").rglob("*.py"))
LONGEST = 300  # lines of a file
WIDEST = 100  # columns of a line

# The storeys of the house and their rooms, bottom up. A module or package right under minicnn/ is a
# room. Within a storey the imports themselves say what lies above what: rooms and files import one
# another in no circle.
STOREYS = {
    "ground": "constraints errors expect initializers kernels labels machine names ranks "
    "regularizers seeds types wording",
    "parts": "activations backend data datasets layers losses metrics preprocessing schedules "
    "transforms",
    "network": "engine network optimizers saving",
    "work": "applications callbacks interchange models pruning quantize training",
    "looking": "explain lessons plots preflight report runs serve sklearn testing tune utils",
    "door": "__init__ __main__ cli",
}
STOREY_OF = {
    room: storey for storey, rooms in enumerate(STOREYS.values()) for room in rooms.split()
}


def module_name(path):
    """minicnn/layers/base.py -> minicnn.layers.base; that of __init__.py -> minicnn.layers."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def room_of(module):
    """minicnn.layers.base -> layers; minicnn itself -> __init__."""
    return (module.split(".") + ["__init__"])[1]


def imports(tree):
    """(line, module, name or None) of every import, also inside functions and of those for type
    checkers only.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            found += [(node.lineno, node.module, alias.name) for alias in node.names]
    return found


def imported_modules(tree, modules=MODULES):
    """(line, full name) of every module of this package that is imported: `from minicnn import
    losses` is losses.
    """
    for line, module, name in imports(tree):
        if module.split(".")[0] == "minicnn":
            whole = f"{module}.{name}"
            yield line, whole if whole in modules else module


def drawn(modules):
    """What each module imports, by name."""
    return {
        module: {other for _, other in imported_modules(tree, modules)}
        for module, tree in modules.items()
    }


def circles(graph):
    """The strongly connected components, sorted: sets of nodes of which each leads to each other,
    and to itself.
    """
    below = {}
    for node in graph:
        below[node], coming = set(), [node]
        while coming:
            new = graph[coming.pop()] - below[node]
            below[node] |= new
            coming += new
    return sorted(
        {tuple(sorted(other for other in below[node] if node in below[other])) for node in graph}
        - {()}
    )


def test_the_plan_of_the_house_is_complete():
    assert {room_of(module) for module in MODULES} == set(STOREY_OF)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_to_no_higher_storey(module):
    here = STOREY_OF[room_of(module)]
    wrong = [
        f"{module}, line {line}: imports {imported}, which is above it"
        for line, imported in imported_modules(MODULES[module])
        if STOREY_OF[room_of(imported)] > here
    ]
    assert not wrong


def test_no_files_import_one_another_in_a_circle():
    assert circles(drawn(MODULES)) == []


def test_no_rooms_import_one_another_in_a_circle():
    """Even where no two files do: then each room could not be understood without the other."""
    graph = {room: set() for room in STOREY_OF}
    for module, imported in drawn(MODULES).items():
        graph[room_of(module)] |= {room_of(other) for other in imported} - {room_of(module)}
    assert circles(graph) == []


def test_a_circle_is_seen_where_only_type_checkers_go_round_it():
    """And inside a function; a way down that forks and joins again is none."""
    sources = {
        "minicnn.model": "from minicnn import loop, parts",
        "minicnn.loop": "if TYPE_CHECKING:\n    from minicnn.model import Model\nfrom "
        "minicnn.parts import Part",
        "minicnn.draw": "def plot():\n    from minicnn import results",
        "minicnn.results": "import minicnn.draw\nfrom minicnn.parts import Part",
        "minicnn.parts": "import numpy",
    }
    graph = drawn({module: ast.parse(source) for module, source in sources.items()})
    assert circles(graph) == [
        ("minicnn.draw", "minicnn.results"),
        ("minicnn.loop", "minicnn.model"),
    ]


def users_of(library, at_module_level=False):
    """The modules that import a library."""
    return {
        module
        for module, tree in MODULES.items()
        for line, imported, name in imports(tree)
        if f"{imported}.{name}.".startswith(f"{library}.")
        and not (at_module_level and line not in {node.lineno for node in tree.body})
    }


def test_matplotlib_is_imported_by_plots_alone_and_never_pyplot():
    assert {room_of(module) for module in users_of("matplotlib", at_module_level=True)} == {"plots"}
    assert users_of("matplotlib.pyplot") == set()


def test_numba_stays_in_the_machine_and_the_engine():
    """And its compiler flags in the decorator alone."""
    assert {room_of(module) for module in users_of("numba") | users_of("llvmlite")} == {
        "machine",
        "engine",
    }
    assert {module for module, tree in MODULES.items() if "njit" in ast.unparse(tree)} == {
        "minicnn.machine.jit"
    }


@pytest.mark.parametrize(
    "library", ["pickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"]
)
def test_nothing_is_unpickled(library):
    """CIFAR-10's batches are pickles, but their opcodes are read by datasets/unpickle.py, which
    runs none of them.
    """
    assert users_of(library) == set()
    assert users_of("pickletools") == {"minicnn.datasets.unpickle"}


def test_kernels_import_nothing_but_numpy_math_and_the_decorator():
    for module, tree in MODULES.items():
        if room_of(module) == "kernels":
            allowed = {"numpy", "math", "minicnn.machine.jit"}
            if module.startswith("minicnn.kernels.twins"):  # which the decorator chooses
                allowed = {
                    *("numpy", "math", "collections.abc", "minicnn.types"),
                    *(name for name in MODULES if room_of(name) == "kernels"),
                }
            assert {imported for _, imported, _ in imports(tree)} <= allowed, module


def test_the_cache_knows_every_room_that_makes_kernels():
    """Otherwise it would hand out kernels that were made from other sources."""
    decorators = {"jit", "jit_part", "parallel_jit", "task_jit", "kernel", "intrinsic"}
    made = {
        room_of(module)
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and decorators & {ast.unparse(made_by) for made_by in node.decorator_list}
    }
    assert made == set(cache.ROOMS)


@pytest.mark.parametrize(
    "path", [*FILES, *(ROOT / "examples").glob("*.py")], ids=lambda path: path.name
)
def test_no_file_is_long_without_a_reason_at_its_top(path):
    """A longer one says in its docstring why it has more than 300 lines."""
    text = path.read_text(encoding="utf-8")
    lines, top = text.count("\n"), ast.get_docstring(ast.parse(text)) or ""
    assert lines <= LONGEST or f"{LONGEST} lines" in top, f"{path.name} has {lines} lines"


@pytest.mark.parametrize("folder", ["minicnn", "tests", "benchmarks", "examples", "docs"])
def test_no_line_is_wide(folder):
    """But for what is said at its end to ruff and mypy."""
    wide = [
        f"{path.relative_to(ROOT)}, line {number}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(re.sub(r" +# (noqa|type: ignore)\b.*", "", line)) > WIDEST
    ]
    assert not wide


def public_things():
    """("minicnn.losses.get", object) of every class and function that a public name in its own
    module stands for.
    """
    without = () if find_spec("optuna") else ("minicnn.tune",)  # which cannot be imported then
    for module in MODULES:
        # importing it runs the command
        if module != "minicnn.__main__" and not module.startswith(without):
            for name, thing in vars(import_module(module)).items():
                is_own = getattr(thing, "__module__", None) == module and not name.startswith("_")
                if is_own and (inspect.isclass(thing) or inspect.isfunction(thing)):
                    yield f"{module}.{name}", thing


def test_every_public_class_and_function_has_a_docstring():
    things = dict(public_things())
    assert len(things) > 100
    assert not [name for name, thing in things.items() if not (thing.__doc__ or "").strip()]


@pytest.mark.parametrize(
    "layer", dict.fromkeys(layers.LAYERS.values()), ids=lambda layer: layer.__name__
)
def test_every_layer_states_its_shapes(layer):
    assert "\nShapes: " in inspect.cleandoc(layer.__doc__)


def test_nothing_is_printed_but_by_commands_summary_progress_and_the_compiler():
    printing = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write")
    }
    commands = {module for module in MODULES if room_of(module) == "cli"}
    assert printing <= commands | {
        "minicnn.network.summary",
        "minicnn.training.progress",
        "minicnn.machine.compiling",
        "minicnn.preprocessing.directory_flow",  # what has been found, as Keras does
        "minicnn.preprocessing.from_directory",
        "minicnn.ranks.failing",  # a last word before MPI ends the process
        "minicnn.ranks.waiting",
        "minicnn.runs.program",  # the examples are commands as well
    }
