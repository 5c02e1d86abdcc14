"""`minicnn report`: a run on one page."""

import argparse
from pathlib import Path

from minicnn import runs
from minicnn.cli.common import RUN, declare, say, show


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "report",
        "write a run's page anew",
        "Write report.html of a run from the files in its folder, also while it trains or after it was killed.",
        "report runs/latest",
    )
    parser.add_argument("run_folder", nargs="?", default=RUN, metavar="RUN", help=f"a run folder (default: {RUN})")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    found = runs.find(options.run_folder)
    if Path(options.run_folder).name == runs.LATEST:
        say(options, f"the latest run is {found.folder}")
    runs.write_page(found)
    show(options, {"page": str(found.page)}, found.page)
    return 0
