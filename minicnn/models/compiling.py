"""compile: how a model is to be trained, in the forms in which Keras' scripts say it.

Models have it as a method of the same name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from minicnn import losses, optimizers
from minicnn import metrics as metric_types
from minicnn.machine.threads import one_at_a_time
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.training import step


@known_arguments
@one_at_a_time
def compile(
    model: Network,
    optimizer: str | optimizers.Optimizer | type[optimizers.Optimizer] | Mapping = "adam",
    loss: Any = "categorical_crossentropy",
    metrics: Any = None,
) -> None:
    """Choose how to train: optimizer, loss and metrics, by name, as objects or as functions.

    Args:
        optimizer: see optimizers.get.
        loss: see losses.get. A function of one's own is called with (y_true, y_pred) and returns
            the loss of each sample and its gradient with respect to y_pred.
        metrics: a list of what metrics.get takes. A function of one's own is called with (y_true,
            y_pred), and what it returns is averaged.

    Of its only output a model also takes loss and metrics as [loss] and {name of the output: loss}.

    Raises ValueError for unknown names, for losses of several outputs, and for a loss from logits
    on a model that ends in a softmax or sigmoid.
    """
    model.optimizer = optimizers.get(optimizer)
    model.metrics = chosen_metrics(model, metrics)
    model.loss = losses.get(of_the_output(model, loss, "loss"))
    if model.layers and model.outputs:
        step.check_logits(model)


def chosen_metrics(model: Network, given: Any) -> list[metric_types.Metric]:
    """Metrics of a list, alone, or by output. Raises ValueError for two of one name."""
    found = of_the_output(model, given, "metrics") if isinstance(given, Mapping) else given
    if isinstance(found, list | tuple) and len(found) == 1 and isinstance(found[0], list | tuple):
        found = found[0]
    several = isinstance(found, Iterable) and not isinstance(found, str | Mapping)
    listed: Iterable[Any] = found if several else [] if found is None else [found]
    made = [metric_types.get(metric) for metric in listed]
    names = [metric.name for metric in made]
    for name in names:
        if names.count(name) > 1 or name == "loss":
            raise ValueError(
                f"compile expected metrics of different names, received {', '.join(names)}: give "
                "them names, such as metrics.Precision(name='precision_at_30', thresholds=0.3)"
            )
    return made


def of_the_output(model: Network, given: Any, what: str) -> Any:
    """What is given for a model's only output, alone, as a list of one, or by the output's name."""
    if isinstance(given, list | tuple):
        if len(given) != 1:
            raise ValueError(
                f"compile expected one {what}, received {len(given)}: a model is trained on one "
                "output, make a Model of the output that is meant"
            )
        return given[0]
    if not isinstance(given, Mapping) or "class_name" in given:
        return given
    name = model.layers[-1].name if model.is_chain and model.layers else model.head.name
    if list(given) != [name]:
        raise ValueError(
            f"compile expected {what} by the name of the output, {{{name!r}: ...}}, received the "
            f"names {', '.join(map(repr, given)) or '(none)'}"
        )
    return given[name]
