"""The house rules that a program can check: what may import what, and what every file, class and layer must say."""

import ast
import inspect
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

import minicnn
from minicnn import layers

ROOT = Path(minicnn.__file__).resolve().parent.parent
FILES = sorted((ROOT / "minicnn").rglob("*.py"))
LONGEST = 300  # lines

# The floors of the house, top first. A module may import from lower floors and from its own room (a package, such as
# layers), and from nowhere else. A module that is named here is a room of its own, also inside a package.
FLOORS = [
    ["__main__"],
    ["cli"],
    ["__init__"],  # the public names; it alone imports for others' sake
    ["runs"],
    ["page", "preflight"],
    ["explain", "testing", "profiling"],
    ["plots"],
    ["report"],
    ["models", "callbacks"],  # Keras' names for what lies below
    ["sequential"],
    ["summary", "prediction", "transfer"],
    ["training"],
    ["persistence"],
    ["saving"],
    ["network"],
    ["losses", "optimizers", "metrics"],
    ["schedules"],
    ["execution"],
    ["engine"],
    ["preprocessing", "transforms"],
    ["layers"],
    ["initializers"],
    ["kernels"],
    ["data"],
    ["datasets"],
    ["utils"],
    ["labels"],
    ["names"],
    ["expect"],
    ["errors", "wording", "types"],
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def module_name(path):
    """minicnn/layers/base.py -> minicnn.layers.base; minicnn/layers/__init__.py -> minicnn.layers."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def room_of(module):
    """minicnn.layers.base -> layers; minicnn itself -> __init__."""
    return (module.split(".") + ["__init__"])[1]


def imports(tree):
    """(line, module, name or None) of every import, also inside functions, but not those for type checkers only."""
    found, nodes = [], [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
        elif isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            found += [(node.lineno, node.module, alias.name) for alias in node.names]
        else:
            nodes += ast.iter_child_nodes(node)
    return found


def imported_modules(tree):
    """(line, full name) of every module of this package that is imported: `from minicnn import losses` is losses."""
    for line, module, name in imports(tree):
        if module.split(".")[0] == "minicnn":
            whole = f"{module}.{name}"
            yield line, whole if whole in MODULES else module


def test_the_plan_of_the_house_is_complete():
    assert {room_of(module) for module in MODULES} == set(FLOOR_OF)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module):
    here = room_of(module)
    wrong = [
        f"{module}, line {line}: imports {imported}, which is not below it"
        for line, imported in imported_modules(MODULES[module])
        if room_of(imported) != here and FLOOR_OF[room_of(imported)] <= FLOOR_OF[here]
    ]
    assert not wrong


def test_no_module_imports_itself_in_a_circle():
    """Inside a room too, where the floors say nothing."""
    graph = {module: {imported for _, imported in imported_modules(tree)} for module, tree in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)  # CycleError names the circle


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


DECORATOR = {f"minicnn.kernels.{part}" for part in ("jit", "cache", "threads")}


def test_numba_stays_in_the_kernels_decorator_and_the_engine():
    """And its compiler flags in the decorator alone."""
    engine = {module for module in MODULES if room_of(module) == "engine"}
    assert users_of("numba") - engine == DECORATOR
    assert {module for module, tree in MODULES.items() if "njit" in ast.unparse(tree)} == {"minicnn.kernels.jit"}


@pytest.mark.parametrize("library", ["pickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"])
def test_nothing_is_unpickled(library):
    """CIFAR-10's batches are pickles, but their opcodes are read by datasets/unpickle.py, which runs none of them."""
    assert users_of(library) == set()
    assert users_of("pickletools") == {"minicnn.datasets.unpickle"}


def test_kernels_import_nothing_but_numpy_math_and_the_decorator():
    for module, tree in MODULES.items():
        if room_of(module) == "kernels" and module not in DECORATOR | {"minicnn.kernels", "minicnn.kernels.compiling"}:
            assert {imported for _, imported, _ in imports(tree)} <= {"numpy", "math", "minicnn.kernels.jit"}, module


@pytest.mark.parametrize("path", [*FILES, *(ROOT / "examples").glob("*.py")], ids=lambda path: path.name)
def test_no_file_is_long_without_a_reason_at_its_top(path):
    """A longer one says in its docstring why it has more than 300 lines."""
    text = path.read_text(encoding="utf-8")
    lines, top = text.count("\n"), ast.get_docstring(ast.parse(text)) or ""
    assert lines <= LONGEST or f"{LONGEST} lines" in top, f"{path.name} has {lines} lines"


def public_things():
    """("minicnn.losses.get", object) of every class and function that a public name in its own module stands for."""
    for module in MODULES:
        if module != "minicnn.__main__":  # importing it runs the command
            for name, thing in vars(import_module(module)).items():
                is_own = getattr(thing, "__module__", None) == module and not name.startswith("_")
                if is_own and (inspect.isclass(thing) or inspect.isfunction(thing)):
                    yield f"{module}.{name}", thing


def test_every_public_class_and_function_has_a_docstring():
    things = dict(public_things())
    assert len(things) > 100
    assert not [name for name, thing in things.items() if not (thing.__doc__ or "").strip()]


@pytest.mark.parametrize("layer", dict.fromkeys(layers.LAYERS.values()), ids=lambda layer: layer.__name__)
def test_every_layer_states_its_shapes(layer):
    assert "\nShapes: " in inspect.cleandoc(layer.__doc__)


def test_nothing_is_printed_but_by_commands_summary_progress_and_the_compiler():
    printing = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write")
    }
    commands = {module for module in MODULES if room_of(module) == "cli"}
    assert printing <= commands | {"minicnn.summary", "minicnn.training.progress", "minicnn.kernels.compiling"}
