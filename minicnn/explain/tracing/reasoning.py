"""What the numbers of a recorded step are: what explainers say of each row, and what is the same of
all of them, sums of gradients and weights that move.
"""

from typing import Any

import numpy as np

from minicnn.explain.tracing import reasons as _registered  # noqa: F401
from minicnn.explain.tracing.place import EXPLAINERS, Explainer, Place
from minicnn.explain.tracing.recording import Recording
from minicnn.explain.tracing.rows import Row
from minicnn.explain.tracing.updating import Moved
from minicnn.training import penalties

Reasons = dict[str, dict[str, Any]]
# what a class must not have changed for its parent's explainer to be its own
WORK = ("forward", "backward", "update", "update_all", "each", "each_of_logits", "compare")


def explainer_of(thing: Any) -> Explainer | None:
    """That of its class, or of the one that it has its work from."""
    for parent in type(thing).__mro__:
        if parent in EXPLAINERS:
            same = all(getattr(type(thing), n, 0) is getattr(parent, n, 0) for n in WORK)
            return EXPLAINERS[parent] if same else None
    return None


def give_reasons(recording: Recording, moved: dict[str, Moved]) -> Reasons:
    """The reasons of all arrays that have one, by name."""
    reasons: Reasons = {}
    for row in recording.network.rows:
        explain_row(recording, row, reasons)
    explain_averages(recording, reasons)
    explain_loss(recording, reasons)
    explain_gradients(recording, reasons)
    for name, how in moved.items():
        explain_step(recording, name, how, reasons)
    return reasons


def explain_row(recording: Recording, row: Row, reasons: Reasons) -> None:
    """What a layer computes."""
    arrays, layer = recording.arrays, row.layer
    read = [recording.names[n] for n in row.reads]
    given = {f"x{place}" if row.several else "x": name for place, name in enumerate(read)}
    given |= {weight: f"{row.path}/{weight}/before" for weight in layer.params}
    owner = row.name if row.shared else row.path  # each place of a layer moves its averages
    given |= {state: f"{owner}/{state}/before" for state in layer.state}
    made = {"y": f"{row.name}/output"}
    made |= {f"{state}_after": f"{owner}/{state}/after" for state in layer.state}
    made |= kept(recording, row)
    back = {f"d{weight}": recording.gradient_name(row, weight) for weight in layer.grads}
    back |= {f"d{short}": f"{row.name}/d{short}" for short in given if short.startswith("x")}
    names = given | made | back | {"dy": f"{row.name}/dy"}
    place = Place(layer, {"name": row.name}, arrays, names, reasons)
    explainer = explainer_of(layer)
    if explainer is not None:
        explainer(place)
    for state in layer.state:
        before, after = place[state], place[f"{state}_after"]
        if f"{owner}/{state}/after" not in reasons and np.array_equal(before, after):
            place.depends(f"{state}_after", [f"{owner}/{state}/before"])  # it stays as it is
    for shorts, method, more in ((made, "forward", []), (back, "backward", [f"{row.name}/dy"])):
        for short in shorts:
            if short in place and place.full[short] not in reasons:
                weight = short.removeprefix("d")
                of_weight = method == "backward" and weight in layer.grads
                line = f'self.grads["{weight}"]' if of_weight else "return"
                place.depends(short, [*more, *given.values()], (method, line))


def kept(recording: Recording, row: Row) -> dict[str, str]:
    """What a row keeps for backward, by its short names."""
    prefix, others = f"{row.name}/", ("output", "dy", "dx")
    names = [name.removeprefix(prefix) for name in recording.arrays if name.startswith(prefix)]
    return {
        name: f"{prefix}{name}" for name in names if "/" not in name and not name.startswith(others)
    }


def explain_averages(recording: Recording, reasons: Reasons) -> None:
    """Averages of a layer at several places: each goes on where the one before it ended."""
    last: dict[str, str] = {}  # of every average, the array that it is in so far
    for row in recording.network.rows:
        for state in row.layer.state if row.shared else ():
            name = f"{row.path}/{state}"
            before = last.get(name, f"{name}/before")
            total(f"{row.name}/{state}/before", [before], recording.arrays, reasons)
            last[name] = f"{row.name}/{state}/after"
    for name, after in last.items():
        total(f"{name}/after", [after], recording.arrays, reasons)


def explain_loss(recording: Recording, reasons: Reasons) -> None:
    """What the loss is, and the gradient that backward begins with."""
    names = {"x": recording.takes, "dx": "loss/dx", "value": "loss/value"}
    names["targets"] = "loss/targets"
    row = {"name": "loss", "from_logits": recording.from_logits}
    place = Place(recording.criterion, row, recording.arrays, names, reasons)
    explainer = explainer_of(recording.criterion)
    if explainer is not None:
        explainer(place)
    for short in ("value", "dx"):
        if place.full[short] not in reasons:
            place.depends(short, [recording.takes, "loss/targets"], ("each", "return"))


def explain_gradients(recording: Recording, reasons: Reasons) -> None:
    """Gradients that are sums of others: of a value over its users, of a weight over its places,
    and of a weight with a penalty.
    """
    arrays = recording.arrays
    for value, gives in recording.gives.items():
        dy = f"{recording.names[value].removesuffix('/output')}/dy"
        total(dy, gives, arrays, reasons)
    for path, layer in recording.network.layers.items():
        for weight in layer.grads if layer.trainable else ():
            name = f"{path}/{weight}/gradient"
            parts = [
                f"{row.name}/{weight}/gradient"
                for row in recording.network.rows
                if row.path == path and row.shared and weight in row.layer.grads
            ]
            if weight in layer.regularizers:
                of_loss = f"{name}/of_loss"
                total(of_loss, parts, arrays, reasons)
                penalty = f"{name}/of_penalty"
                total(name, [of_loss, penalty], arrays, reasons)
                place = Place(
                    layer.regularizers[weight], {"name": name}, arrays, {"g": penalty}, reasons
                )
                place.depends("g", [f"{path}/{weight}/before"], ("gradient", "return"))
            else:
                total(name, parts, arrays, reasons)


def total(name: str, parts: list[str], arrays: dict, reasons: Reasons) -> None:
    """Say that an array is the sum of others of its shape, if there are any."""
    if name not in arrays or not parts:
        return
    short = {f"part{n}": part for n, part in enumerate(parts)}
    place = Place(None, {"name": name}, arrays, {"all": name, **short}, reasons)
    for one in place.names.copy():
        place.view(one, (arrays[name].size,))
    place.because("all", "n", *[f"{one}[n]" for one in short])


def explain_step(recording: Recording, name: str, moved: Moved, reasons: Reasons) -> None:
    """How one weight moves."""
    arrays, one, slots = recording.arrays, moved.optimizer, moved.slots
    clipped = f"{name}/gradient/clipped"
    taken = clipped if clipped in arrays else f"{name}/gradient"
    names = {"value": f"{name}/before", "g": taken} | {
        short: f"{name}/{short}" for short in ("step", "after")
    }
    for slot in slots:
        names |= {slot: f"{name}/{slot}/after", f"{slot}_before": f"{name}/{slot}/before"}
    row = {"name": name, "step": moved.step, "learning_rate": moved.rate}
    place = Place(one, row, arrays, names, reasons)
    path, _, weight = name.rpartition("/")
    constrained = weight in recording.network.layers[path].constraints
    explainer = explainer_of(one)
    if explainer is not None:
        explainer(place)
    if constrained:
        reasons.pop(f"{name}/step", None)
    remembered = [f"{name}/{slot}/before" for slot in slots]
    for short in (*slots, "step"):
        if place.full[short] not in reasons:
            place.depends(short, [taken, f"{name}/before", *remembered], ("update", "def "))
    if constrained:
        place.depends("after", [f"{name}/before", taken], (penalties.constrain, "constraint("))
    else:
        for short in ("after", "value", "step"):
            place.view(short, (arrays[f"{name}/before"].size,))
        place.because("after", "n", "value[n]", "step[n]")
    if taken == clipped:
        Place(one, row, arrays, {"g": clipped}, reasons).depends(
            "g", [f"{name}/gradient"], ("_clipped", "clipping")
        )
