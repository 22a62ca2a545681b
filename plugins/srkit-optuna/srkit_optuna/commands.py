"""`srkit tune`: what is typed, and the hand-over to the search; nothing heavy is imported before."""

from __future__ import annotations

from pathlib import Path

import click

from srkit.cli.trusting import trust_option, user_trust


@click.command("tune")
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option(
    "--param",
    "params",
    multiple=True,
    required=True,
    metavar="KEY=VALUES",
    help="What to search: KEY=A,B,C or KEY=LOW..HIGH; repeatable. Keys as in --set.",
)
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True, help="How many to try in all.")
@click.option("--metric", help="What is sought; by default the first that the experiment measures.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value of the file for all runs.")
@click.option("--out", type=click.Path(path_type=Path), help="The folder of the search; by default runs/tune-NAME.")
@click.option("--storage", metavar="URL", help="A database for several machines; by default study.db in the folder.")
@click.option("--device", help="cpu, cuda, cuda:1 or mps; by default the best there is.")
@trust_option
def tune(
    experiment: Path,
    params: tuple[str, ...],
    trials: int,
    metric: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    storage: str | None,
    device: str | None,
    trust: bool,
) -> None:
    """Search an experiment's options for the best score.

    Called again, or in a second process, it goes on with the same search.

    \b
    Examples:
      srkit tune espcn.toml --param generator.channels=32,64 --param lr=1e-5..1e-3 --trials 30
      srkit tune espcn.toml --param optimizer.use=adam,adamw --metric ssim-y --out runs/which
    """
    from srkit_optuna.space import parse_parameters

    space = parse_parameters(params)
    from srkit_optuna.question import ask
    from srkit_optuna.results import show
    from srkit_optuna.tuning import tune as search

    question = ask(
        experiment, settings, space, trials=trials, metric=metric, out=out, device=device, trust=user_trust(trust)
    )
    show(question, search(question, storage))
