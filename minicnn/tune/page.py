"""report.html of a study: what was searched, what the trials reached, and how one is repeated."""

from html import escape
from pathlib import Path
from typing import Any

from minicnn.runs import Run
from minicnn.runs.finishing import NARROW, save_plot
from minicnn.runs.page.parts import Picture, figure, large_numbers, table
from minicnn.runs.page.template import PAGE, STYLE
from minicnn.saving.atomic import write_text
from minicnn.tune.search import shown
from minicnn.tune.study import Study
from minicnn.tune.summary import Line, Summary, described
from minicnn.wording import duration

HISTORY = (
    "What every trial reached on the pictures held out. The line is the best so far; its ring is "
    "the best of all. Crosses are trials that were ended early, at their last epoch."
)
SLICES = (
    "The same against the value of each hyperparameter. Where points rise or fall together the "
    "hyperparameter matters; where they lie anywhere it does not, as far as these trials tell."
)
OWN_STYLE = """\
.scrolled { overflow-x: auto; }
.trials th, .trials td { text-align: left; vertical-align: top; overflow-wrap: normal; }
.trials th:first-child, .trials td:first-child { width: auto; overflow-wrap: normal; }
.trials td:last-child { min-width: 14rem; white-space: normal; }
.trials .best { font-weight: 700; }
"""


def write(study: Study, found: Summary) -> Path:
    """Write the page into the study's folder; its path."""
    path = study.folder / "report.html"
    write_text(path, render(study, found))
    return path


def render(study: Study, found: Summary) -> str:
    """The page, as HTML."""
    content = [_figures(found)]
    if any(line.value is not None for line in found.trials):
        content += [f"<h2>{heading}</h2>\n{text}" for heading, text in drawn(study, found)]
    if found.best is not None:
        content += [f"<h2>The best trial</h2>\n{_best(found, found.best)}"]
    rows = [found.cells(line) for line in found.trials if line.state != "waiting"]
    content += [f"<h2>What was searched</h2>\n{_searched(study)}"]
    if rows:
        content += [f"<h2>All trials</h2>\n{_trials(found, rows)}"]
    return PAGE.substitute(
        title=escape(f"minicnn: {found.name}"),
        style=STYLE + OWN_STYLE,
        heading=escape(found.name),
        subtitle=escape(
            f"A search with the sampler {found.sampler} and "
            f"{'no pruner' if found.pruner == 'none' else f'the pruner {found.pruner}'}: "
            f"{found.tally()}"
        ),
        verdict="",
        notice="".join(f'<p class="notice">{escape(text)}</p>\n' for text in _notices(found)),
        content="\n".join(content),
    )


def _notices(found: Summary) -> list[str]:
    """What a reader must know before reading on."""
    counts, said = found.counts, []
    left = counts["running"] + counts["lost"] + counts["waiting"]
    if left:
        said.append(f"This search has not ended: {left} of {len(found.trials)} trials are left.")
    if counts["failed"]:
        whys = sorted({line.why for line in found.trials if line.state == "failed"})
        said.append(f"{counts['failed']} trials failed: {'; '.join(whys)}")
    return said


def _figures(found: Summary) -> str:
    """What a reader wants to know first, in large numbers."""
    best = found.best
    seconds = sum(line.seconds or 0 for line in found.trials)
    again = sum(line.takes > 1 for line in found.trials)
    cells = [("Trials", str(len(found.trials)), found.tally().partition(": ")[2])]
    if best is not None:
        value = shown(best.value or 0, found.metric)
        cells.insert(0, ("Best value", value, f"{found.metric} of trial {best.number}"))
    cells += [
        ("Time in epochs", duration(seconds), "of all trials together"),
        ("Taken up again", str(again), "trials whose process had been ended"),
    ]
    return large_numbers(cells)


def drawn(study: Study, found: Summary) -> list[tuple[str, str]]:
    """The plots, as sections."""
    from minicnn import plots  # matplotlib takes its time, and only this needs it
    from minicnn.plots.fitted import TELEPHONE

    files = Run(study.folder)
    trials = [
        {"number": line.number, "value": line.value, "params": line.params,
         "complete": line.state == "complete"}
        for line in found.trials
    ]  # fmt: skip
    told: dict[str, Any] = {"metric": found.metric, "maximize": found.maximize}
    axes: dict[str, Any] = {
        "logarithmic": [name for name, one in study.space.domains.items() if one.log]
    }

    narrow = plots.search_slices(trials, **told, **axes, columns=2, width=TELEPHONE)
    save_plot(files, "history", *(plots.search_history(trials, **told) for _ in range(2)))
    save_plot(files, "slices", plots.search_slices(trials, **told, **axes), narrow)

    def picture(name: str) -> Picture:
        path = files.plots / f"{name}.png"
        thin = path.with_name(f"{name}{NARROW}.png")
        text = path.with_suffix(".txt").read_text(encoding="utf-8").rstrip()
        return Picture(path.read_bytes(), thin.read_bytes(), text)

    return [
        ("What the trials reached", figure("history", picture("history"), HISTORY)),
        ("What each hyperparameter is worth", figure("slices", picture("slices"), SLICES)),
    ]


def _best(found: Summary, best: Line) -> str:
    """Its hyperparameters, and how it is used and repeated."""
    rows = [[name, f"{value:.4g}" if isinstance(value, float) else str(value)]
            for name, value in best.params.items()]  # fmt: skip
    commands = (
        f"minicnn evaluate --model {found.folder}/trials/{best.number:04d}\n"
        f"minicnn tune --storage {found.storage} --repeat {best.number}"
    )
    facts = f"Trained with seed {best.seed} for {best.epochs} epochs; SHA-256 of all bits:"
    return (
        table(f"Trial {best.number}.", ["Name", "Value"], rows)
        + f"<p>{escape(facts)} <code>{escape(best.bits or '')}</code></p>\n"
        + f'<pre class="command">{escape(commands)}</pre>'
    )


def _searched(study: Study) -> str:
    """The space."""
    rows = [[name, str(domain)] for name, domain in study.space.domains.items()]
    fixed = {
        key: value
        for (section, key), value in study.space.fixed.items()
        if section not in ("study",)
    }
    return table("What the trials choose from.", ["Name", "Values"], rows) + (
        f"<p>The same in all trials: {escape(described(fixed))}.</p>"
    )


def _trials(found: Summary, rows: list[list[str]]) -> str:
    """Every trial that was begun."""
    headings = ["Trial", "State", found.metric, "Epochs", "Time", "Hyperparameters"]
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    body = ""
    for cells in rows:
        best = found.best is not None and cells[0] == str(found.best.number)
        inner = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        body += f"<tr{' class=best' * best}>{inner}</tr>\n"
    return (
        f'<div class="scrolled"><table class="trials"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody></table></div>\n"
    )
