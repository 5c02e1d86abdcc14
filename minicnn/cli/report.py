"""`minicnn report`: a run on one page."""

import argparse
from pathlib import Path

from minicnn import runs
from minicnn.cli.common import show
from minicnn.cli.messages import say


def run(options: argparse.Namespace) -> int:
    """Write the page and print where it is."""
    found = runs.find(options.run_folder)
    if Path(options.run_folder).name == runs.LATEST:
        say(options, f"the latest run is {found.folder}")
    runs.write_page(found)
    show(options, {"page": str(found.page)}, found.page)
    return 0
