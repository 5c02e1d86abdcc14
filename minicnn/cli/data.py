"""`minicnn data`: get pictures, count them, look at them."""

import argparse
from pathlib import Path

from minicnn import data
from minicnn.cli.common import declare, show, writing
from minicnn.cli.pictures import add_data, load
from minicnn.datasets import cache, cifar10


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command and what it does with data."""
    parser = commands.add_parser(
        "data",
        help="get pictures, count them, look at them",
        description="Get pictures, count them, look at them.",
        epilog="example: minicnn data fetch",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    parser.set_defaults(parser=parser, run=lambda _: parser.print_help() or 0)
    info = declare(
        actions,
        "info",
        "count classes, measure channels",
        "Print how many pictures there are of each class, and mean and deviation of each channel.",
        "data info --data shapes",
    )
    add_data(info)
    info.set_defaults(run=run_info)
    look = declare(
        actions,
        "show",
        "save pictures of the pictures",
        "Save the first training pictures with their classes, and a diagram of how many there are of each class.",
        "data show --data photographs/ --output look",
    )
    add_data(look)
    look.add_argument("--output", type=Path, default=Path("plots"), help="folder for the two files (default: plots)")
    look.set_defaults(run=run_show)
    fetch = declare(
        actions,
        "fetch",
        "find or download CIFAR-10",
        "Find CIFAR-10 on this machine or download it, which goes on where it was interrupted. MINICNN_OFFLINE=1 "
        "forbids the download. What --data names is found without its name from then on. Exits with 3 when it cannot "
        "be had.",
        "data fetch",
    )
    fetch.add_argument("--data", metavar="PATH", help="its tarball or folder, if you have it")
    fetch.set_defaults(run=run_fetch)


def run_info(options: argparse.Namespace) -> int:
    """Print counts and channels."""
    pictures = load(options.data or "cifar10", options.limit)
    parts = {"train": pictures.train, "validation": pictures.validation, "test": pictures.test}
    found = {name: data.describe(x, y, pictures.class_names) for name, (x, y) in parts.items() if len(x)}
    text = "\n\n".join(f"{pictures.name}, {name}: {description.to_text()}" for name, description in found.items())
    show(options, {"name": pictures.name} | {name: part.to_dict() for name, part in found.items()}, text)
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
        saved = [str(grid.save(options.output / "pictures.png")), str(bars.save(options.output / "classes.png"))]
    result = {"name": pictures.name, "saved": saved, "counts": dict(zip(pictures.class_names, counts, strict=True))}
    show(options, result, f"{bars.to_text()}\n\nSaved {' and '.join(saved)}")
    return 0


def run_fetch(options: argparse.Namespace) -> int:
    """Load CIFAR-10, so that it is kept, and say what is there."""
    (x_train, _), (x_test, _) = cifar10.fetch(options.data)
    kept = str(cache.home())
    result = {"train": len(x_train), "test": len(x_test), "kept_in": kept}
    show(options, result, f"CIFAR-10: {len(x_train):,} training and {len(x_test):,} test pictures, kept in {kept}")
    return 0
