"""The callbacks under the name that users know: `from minicnn.callbacks import EarlyStopping`."""

from minicnn.names import missing_from
from minicnn.training.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    Doctor,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Report,
    SwapEMAWeights,
    TensorBoard,
    TerminateOnNaN,
)

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "Doctor",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "Report",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]


__getattr__ = missing_from(__name__, "callbacks", __all__)
