"""A training in a folder of its own: how it was begun, how it went, and what has come of it.

    runs/<name>/config.json         options, data, model, versions, processor
                history.csv         a line per epoch
                checkpoint/         what an interrupted training continues from
                model.safetensors   the best model so far
                metrics.json        its evaluation on pictures that it has not been trained on
                plots/              every picture, and beside it the same as text
                report.html         all of this on one page

All but the last three are written while the model trains, so that a training that was killed can be
read as well. `runs/latest` is a link to the run that was trained last (minicnn/runs/latest.py).
"""

from minicnn.runs.begin import config, next_steps, unused_folder
from minicnn.runs.finishing import best_epoch, finish, write_page
from minicnn.runs.folder import BEFORE, OPTIONS, Run, create, discard, rewrite, to_json
from minicnn.runs.history_file import HistoryFile
from minicnn.runs.latest import LATEST, find, model_file
from minicnn.runs.program import Program

__all__ = [
    "BEFORE",
    "LATEST",
    "OPTIONS",
    "HistoryFile",
    "Program",
    "Run",
    "best_epoch",
    "config",
    "create",
    "discard",
    "find",
    "finish",
    "model_file",
    "next_steps",
    "rewrite",
    "to_json",
    "unused_folder",
    "write_page",
]
