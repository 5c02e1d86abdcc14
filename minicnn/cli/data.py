"""`minicnn data`: get pictures, count them, look at them."""

import argparse

from minicnn import data
from minicnn.cli.common import show, writing
from minicnn.cli.pictures import load
from minicnn.datasets import cache, cifar10


def run(options: argparse.Namespace) -> int:
    """Do what was asked for; without a word of it, print the help."""
    if options.action is None:
        options.parser.print_help()
        return 0
    return ACTIONS[options.action](options)


def run_info(options: argparse.Namespace) -> int:
    """Print counts and channels."""
    pictures = load(options.data or "cifar10", options.limit)
    parts = {"train": pictures.train, "validation": pictures.validation, "test": pictures.test}
    found = {
        name: data.describe(x, y, pictures.class_names) for name, (x, y) in parts.items() if len(x)
    }
    text = "\n\n".join(
        f"{pictures.name}, {name}: {description.to_text()}" for name, description in found.items()
    )
    show(
        options,
        {"name": pictures.name} | {name: part.to_dict() for name, part in found.items()},
        text,
    )
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Save two plots and print where they are, and what they show."""
    from minicnn import plots  # matplotlib takes its time, and most commands do without

    pictures = load(options.data or "cifar10", options.limit)
    counts = data.describe(*pictures.train, pictures.class_names).counts
    grid = plots.image_grid(*pictures.train, pictures.class_names, title=pictures.name)
    bars = plots.class_distribution(counts, pictures.class_names)
    with writing(options.output):
        options.output.mkdir(parents=True, exist_ok=True)
        saved = [
            str(grid.save(options.output / "pictures.png")),
            str(bars.save(options.output / "classes.png")),
        ]
    result = {
        "name": pictures.name,
        "saved": saved,
        "counts": dict(zip(pictures.class_names, counts, strict=True)),
    }
    show(options, result, f"{bars.to_text()}\n\nSaved {' and '.join(saved)}")
    return 0


def run_fetch(options: argparse.Namespace) -> int:
    """Load CIFAR-10, so that it is kept, and say what is there."""
    (x_train, _), (x_test, _) = cifar10.fetch(options.data)
    kept, name = str(cache.home()), cifar10.called(options.data)
    result = {"train": len(x_train), "test": len(x_test), "kept_in": kept}
    show(
        options,
        result,
        f"{name}: {len(x_train):,} training and {len(x_test):,} test pictures, kept in {kept}",
    )
    return 0


ACTIONS = {"info": run_info, "show": run_show, "fetch": run_fetch}
