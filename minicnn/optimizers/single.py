"""The optimizers that change all weights alike, by their names."""

from minicnn.optimizers.adadelta import Adadelta
from minicnn.optimizers.adagrad import Adagrad
from minicnn.optimizers.adam import Adam, AdamW
from minicnn.optimizers.adamax import Adamax
from minicnn.optimizers.base import Optimizer
from minicnn.optimizers.lion import Lion
from minicnn.optimizers.muon import Muon
from minicnn.optimizers.nadam import Nadam
from minicnn.optimizers.rmsprop import RMSprop
from minicnn.optimizers.sgd import SGD

ALL = (SGD, Adam, AdamW, RMSprop, Nadam, Adagrad, Adadelta, Adamax, Lion, Muon)
SINGLE: dict[str, type[Optimizer]] = {cls.__name__: cls for cls in ALL}
