"""What `import minicnn` loads and offers: little at once, the rest when asked for, under Keras'
names.
"""

import ast
import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from programs import PATIENCE

import minicnn
import minicnn as keras

PACKAGE = Path(minicnn.__file__).parent


def run(script: str) -> str:
    """What a script prints in a fresh process in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_neither_plots_nor_other_frameworks():
    """Nor what the cifar10 reader, the report or a file format may need."""
    loaded = run(
        """
        import sys, minicnn
        heavy = {"matplotlib", "PIL", "sklearn", "pandas", "tensorflow", "keras", "torch", "h5py",
                 "onnx", "pytest", "hypothesis", "minicnn.plots", "minicnn.report",
                 "minicnn.testing", "minicnn.cli"}
        minicnn.Sequential, minicnn.layers, minicnn.callbacks, minicnn.models
        minicnn.datasets, minicnn.optimizers
        print(*sorted(heavy & set(sys.modules)))
        """
    )
    assert loaded == ""


def test_help_is_there_before_numpy_could_be_loaded():
    """Of every command: a fifth of a second, not one and more."""
    loaded = run(
        """
        import contextlib, io, sys
        from minicnn.cli import commands, main
        names = [command.__name__ for command in commands.COMMANDS]
        assert len(names) > 10
        for words in [[], *([name] for name in names), ["data", "info"]]:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
                main([*words, "--help"])
            assert f"usage: {' '.join(['minicnn', *words])} [-h]" in printed.getvalue(), words
        print(*sorted({"numpy", "numba", "tqdm"} & set(sys.modules)))
        """
    )
    assert loaded == ""


def test_training_and_saving_load_no_matplotlib_either(tmp_path):
    loaded = run(
        f"""
        import sys, numpy as np, minicnn as keras
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(np.eye(4), np.arange(4) % 2, verbose=0)
        model.save({str(tmp_path / "m.safetensors")!r})
        model.summary(print_fn=str)
        print(*sorted({{"matplotlib", "PIL", "sklearn"}} & set(sys.modules)))
        """
    )
    assert loaded == ""


def test_plots_load_matplotlib_when_asked_for_and_never_pyplot():
    printed = run(
        """
        import sys, minicnn
        before = "matplotlib" in sys.modules
        minicnn.plots
        after = "matplotlib" in sys.modules or "minicnn.plots" in sys.modules
        print(before, after, "matplotlib.pyplot" in sys.modules)
        """
    )
    assert printed == "False True False"


def test_importing_leaves_the_process_as_it_was():
    """No change of NumPy's global generator, warning filters, signal handlers or working directory;
    no output.
    """
    printed = run(
        """
        import os, random, signal, warnings
        import numpy as np
        def look():
            return (str(np.random.get_state()), random.getstate(), list(warnings.filters),
                    np.geterr(), signal.getsignal(signal.SIGINT), os.getcwd())
        import numba, safetensors.numpy, tqdm  # whatever these do is theirs
        before = look()
        import minicnn
        for name in minicnn.__all__:
            getattr(minicnn, name)
        print(look() == before)
        """
    )
    assert printed == "True"


NAMES = {
    "": "Sequential Input layers callbacks datasets losses metrics models optimizers initializers "
    "utils "
    "plots report testing __version__",
    "layers": "Layer Conv2D ReLU LeakyReLU GELU Softmax Activation MaxPooling2D MaxPool2D "
    "AveragePooling2D "
    "GlobalAveragePooling2D GlobalMaxPooling2D BatchNormalization Dense Dropout Flatten "
    "ZeroPadding2D Rescaling "
    "Normalization Input",
    "callbacks": "Callback EarlyStopping ReduceLROnPlateau ModelCheckpoint LearningRateScheduler "
    "CSVLogger "
    "TerminateOnNaN LambdaCallback History",
    "losses": "CategoricalCrossentropy SparseCategoricalCrossentropy",
    "metrics": "Accuracy CategoricalAccuracy SparseCategoricalAccuracy TopKCategoricalAccuracy "
    "SparseTopKCategoricalAccuracy",
    "models": "Sequential load_model",
    "optimizers": "SGD Adam AdamW",
    "initializers": "GlorotUniform HeNormal Zeros Ones",
    "utils": "to_categorical set_random_seed load_img img_to_array array_to_img save_img normalize "
    "image_dataset_from_directory plot_model PyDataset Sequence",
    "datasets": "cifar10 cifar100 fashion_mnist mnist shapes",
    "datasets.cifar10": "load_data CLASS_NAMES",
    "datasets.shapes": "load_data CLASS_NAMES",
}


@pytest.mark.parametrize("module", NAMES)
def test_the_promised_names_exist(module):
    thing = keras
    for part in filter(None, module.split(".")):
        thing = getattr(thing, part)
    missing = [name for name in NAMES[module].split() if not hasattr(thing, name)]
    assert not missing


def test_everything_in_all_exists_and_is_documented():
    for module in (minicnn, minicnn.layers, minicnn.callbacks, minicnn.models):
        for name in module.__all__:
            assert getattr(module, name).__doc__, name


def test_model_methods_are_keras_methods():
    promised = (
        "add build summary count_params get_layer compile fit evaluate predict train_on_batch "
        "forward backward get_weights set_weights save save_weights load_weights parameters"
    )
    assert not [
        name for name in promised.split() if not callable(getattr(keras.Sequential, name, None))
    ]


def test_one_class_under_all_its_names():
    assert keras.Sequential is keras.models.Sequential
    assert keras.Input is keras.layers.Input
    assert keras.layers.MaxPool2D is keras.layers.MaxPooling2D


def test_an_attribute_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'minicnn' has no attribute 'ops'"):
        keras.ops  # noqa: B018  the look-up is the test
    assert not hasattr(keras, "ops")


def test_every_module_imports_on_its_own():
    """Whichever comes first: a circle of imports works from one end only."""
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
    ]
    modules = [name.removesuffix(".__init__") for name in modules if not name.endswith("__main__")]
    assert len(modules) > 40
    for name in (
        "minicnn.training.loop",
        "minicnn.saving.weights",
        "minicnn.layers.softmax",
        "minicnn.labels",
    ):
        assert name in modules
        run(f"import {name}")
    for name in modules:
        importlib.import_module(name)


def test_the_library_prints_through_summary_and_progress_alone():
    """The word occurs in the progress display, as summary's default, where folders of pictures are
    looked through, as Keras does, and in the commands, nowhere else.
    """
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id == "print"
    }
    assert {"network/summary.py", "training/progress.py"} <= found
    found -= {str(path.relative_to(PACKAGE)) for path in PACKAGE.glob("cli/*.py")}
    folders = {"preprocessing/directory_flow.py", "preprocessing/from_directory.py"}
    assert (
        found
        <= {"network/summary.py", "training/progress.py", "runs/program.py", "__main__.py"}
        | folders
    )


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").is_file()
