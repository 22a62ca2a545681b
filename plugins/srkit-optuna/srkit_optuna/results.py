"""The end of a search: its trials, the best one against the unchanged experiment, and a file to run."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial
from rich import box
from rich.table import Table
from rich.text import Text

from srkit.cli.console import messages, results
from srkit.data.placing import place_bytes
from srkit.evaluation.rows import Row, by_protocol
from srkit.evaluation.scores_file import rows_from_json, write_scores
from srkit.evaluation.table import scores_table
from srkit.experiment.resolved import CODE_FOLDER, code_copies, resolve, write_toml
from srkit.links import folder_inside
from srkit.training.folder import write_text
from srkit_optuna.announcer import shown
from srkit_optuna.question import Question
from srkit_optuna.standing import ERROR, ROWS, counts, is_unchanged, run_name, standing
from srkit_optuna.trial import values_from

BEST, SCORES = "best.toml", "scores.json"


def show(question: Question, study: optuna.Study) -> None:
    """Print the trials and the table; write `best.toml` and `scores.json` into the folder of the search."""
    trials = study.get_trials(deepcopy=False)
    best = best_of(question, trials)
    helped = _helped(question, trials, best)
    rows = _rows(trials, best)
    write_scores(question.out / SCORES, rows)
    file = write_best(question, best, helped)
    out = results()
    out.rows(trials_table(question, trials))
    for group in by_protocol(rows):
        out.print()
        out.rows(scores_table(group))
    screen = messages()
    for line in _conclusion(question, trials, best, helped, file):
        screen.print(line, highlight=False, soft_wrap=True, markup=False)


def best_of(question: Question, trials: list[FrozenTrial]) -> FrozenTrial:
    """The trial with the best score, the unchanged experiment aside; the first of equal ones."""
    done = [one for one in trials if standing(one) == "done" and not is_unchanged(one)]
    return max(done, key=lambda one: (_goodness(question, one), -one.number))


def _goodness(question: Question, trial: FrozenTrial) -> float:
    value = math.nan if trial.value is None else trial.value
    return value if question.higher_is_better else -value


def _helped(question: Question, trials: list[FrozenTrial], best: FrozenTrial) -> bool | None:
    """Whether the best trial is better than the experiment as it is; None where nothing says so."""
    unchanged = _unchanged(trials)
    return None if unchanged is None else _goodness(question, best) > _goodness(question, unchanged)


def _unchanged(trials: list[FrozenTrial]) -> FrozenTrial | None:
    return next((one for one in trials if is_unchanged(one) and standing(one) == "done"), None)


def _rows(trials: list[FrozenTrial], best: FrozenTrial) -> list[Row]:
    """The unchanged experiment, the best trial, and what all runs are held against."""
    unchanged = _unchanged(trials)
    baseline, *_ = rows_from_json({"rows": best.user_attrs[ROWS]})
    own = [rows_from_json({"rows": one.user_attrs[ROWS]})[-1] for one in (unchanged, best) if one is not None]
    return [*own, baseline]


def trials_table(question: Question, trials: list[FrozenTrial]) -> Table:
    """One line a trial: the finished ones, the best first; then the pruned and the failed."""
    listed = [one for one in trials if counts(one) or (is_unchanged(one) and standing(one) in ("done", "failed"))]
    order = {"done": 0, "pruned": 1, "failed": 2, "running": 3, "waiting": 4}
    listed.sort(key=lambda one: (order[standing(one)], -_goodness(question, one), one.number))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("trial", no_wrap=True)
    for name in short_names([one.key for one in question.space]):
        table.add_column(Text(name), overflow="fold")
    table.add_column(Text(question.metric.upper()), justify="right", no_wrap=True)
    table.add_column("")
    for one in listed:
        values = [shown_value(question, one, parameter.key) for parameter in question.space]
        figure = f"{one.value:.4f}" if standing(one) == "done" and one.value is not None else "-"
        table.add_row(run_name(one), *map(Text, values), figure, Text(_remark(one)))
    return table


def shown_value(question: Question, trial: FrozenTrial, key: str) -> str:
    """A parameter's value in the table."""
    if is_unchanged(trial):
        return "as it is"
    return shown({"": values_from(question, trial.params)[key]}).removeprefix(" = ") if key in trial.params else "-"


def short_names(keys: list[str]) -> list[str]:
    """As many of each key's last parts as tell it from the others.

    >>> short_names(["generator.channels", "optimizer.lr", "stage.1.lr"])
    ['channels', 'optimizer.lr', '1.lr']
    """
    return [_short_name(key, [other for other in keys if other != key]) for key in keys]


def _short_name(key: str, others: list[str]) -> str:
    parts = key.split(".")
    ends = (".".join(parts[-count:]) for count in range(1, len(parts)))
    return next((end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others)), key)


def _remark(trial: FrozenTrial) -> str:
    kind = standing(trial)
    if kind == "pruned":
        return f"pruned at step {trial.last_step}"
    return "" if kind == "done" else kind


def write_best(question: Question, best: FrozenTrial, helped: bool | None = True) -> Path:
    """The best trial's experiment with everything written out, ready to run; it says where it is no gain."""
    plan = question.plan_of(values_from(question, best.params))
    for file, name in code_copies(plan).items():
        target = folder_inside(question.out, CODE_FOLDER) / name
        if target.resolve() != file:
            place_bytes(target, file.read_bytes())
    head = (
        f"# {run_name(best)} of a search with srkit tune, by {question.metric}: {best.value:.4f}\n"
        f"# {shown(values_from(question, best.params))}\n"
    )
    if helped is False:
        head += "# no better than the unchanged experiment\n"
    path = question.out / BEST
    write_text(path, head + write_toml(resolve(plan, {})))
    return path


def _conclusion(
    question: Question, trials: list[FrozenTrial], best: FrozenTrial, helped: bool | None, file: Path
) -> list[str]:
    failed = [one for one in trials if standing(one) == "failed"]
    lines = [f"{run_name(one)} failed: {one.user_attrs[ERROR]}" for one in failed]
    unchanged = _unchanged(trials)
    if unchanged is None:
        lines.append("the unchanged experiment came to no score; nothing says whether the search helped")
    elif not helped:
        scores = f"{question.metric} {unchanged.value:.4f}, the best trial {best.value:.4f}"
        lines.append(f"no trial is better than the unchanged experiment ({scores}): keep the experiment as it is")
        lines.append(f"{file} has the best of the trials")
    counted = [standing(one) for one in trials if counts(one)]
    words = [f"{counted.count(kind)} {kind}" for kind in ("done", "pruned", "failed") if kind in counted]
    lines.append(f"{len(counted)} trials: {', '.join(words)}")
    lines.append(f"run folders: {question.out}")
    settings = "".join(f" --set {shlex.quote(one)}" for one in question.settings)
    advised = f"{shlex.quote(str(question.path))}{settings}" if helped is False else shlex.quote(str(file))
    lines += ["next:", f"  srkit run {advised}"]
    return lines
