"""All commands, in the order of `minicnn --help`. What each can be told stands in *_commands.py;
what it does is `run` in the module of its name.

They load nothing that takes time, so every command prints its help at once.
"""

from minicnn.cli.data_commands import data
from minicnn.cli.engine_commands import doctor, gradcheck, profile, warmup
from minicnn.cli.model_commands import evaluate, explain, predict, summary
from minicnn.cli.prune_commands import prune
from minicnn.cli.training_commands import check, lrfind, report, runs, train

TRAINING = (data, train, evaluate, predict, report, runs, explain, lrfind, prune)
COMMANDS = (*TRAINING, summary, check, gradcheck, profile, warmup, doctor)
