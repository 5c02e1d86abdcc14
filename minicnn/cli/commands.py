"""All commands, in the order of `minicnn --help`. What each can be told stands in *_commands.py;
what it does is `run` in the module of its name.

They load nothing that takes time, so every command prints its help at once.
"""

from minicnn.cli.data_commands import data
from minicnn.cli.engine_commands import doctor, gradcheck, profile, warmup
from minicnn.cli.lesson_commands import lesson
from minicnn.cli.model_commands import evaluate, explain, export, predict, summary, trace
from minicnn.cli.serve_commands import serve, webcam
from minicnn.cli.shrink_commands import compare, prune, quantize
from minicnn.cli.training_commands import check, lrfind, report, runs, train
from minicnn.cli.tune_commands import tune

TRAINING = (data, train, evaluate, predict, report, runs, explain, trace, lrfind, tune)
SERVING = (serve, webcam)
FILES = (summary, export, prune, quantize, compare)
COMMANDS = (*TRAINING, *SERVING, *FILES, check, gradcheck, profile, warmup, doctor, lesson)
