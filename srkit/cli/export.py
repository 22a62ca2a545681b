"""`srkit export`: a trained model as a file for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from srkit.cli.saying import say
from srkit.cli.trusting import trust_option, user_trust
from srkit.errors import UserError
from srkit.links import is_link
from srkit.registry import Registry

if TYPE_CHECKING:
    from srkit.inference.named import NamedModel

ENDINGS = {"safetensors": ".safetensors", "pth": ".pth", "onnx": ".onnx", "torchscript": ".ts"}


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format", "kind", type=click.Choice(list(ENDINGS)), default="safetensors", show_default=True, help="Of the file."
)
@click.option("--out", type=click.Path(path_type=Path), help="The file to make; by default NAME with its ending, here.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
@click.option("--with-paths", is_flag=True, help="Keep folders of this machine, not only their names.")
@trust_option
def export_command(run: Path, kind: str, out: Path | None, overwrite: bool, with_paths: bool, trust: bool) -> None:
    """Write a trained model as one file, with a model card.

    \b
    Examples:
      srkit export runs/espcn
      srkit export runs/espcn --format onnx --out espcn-x2.onnx
    """
    from srkit.inference.run_models import is_checkpoint
    from srkit.training.folder import is_run

    if not is_run(run) and not is_checkpoint(run):
        raise UserError(f"{run}: this is neither a run folder nor one of its checkpoints (runs/x/checkpoints/step-...)")
    home = run.resolve() if is_run(run) else run.resolve().parent.parent
    target = _target(out, f"{home.name}{ENDINGS[kind]}", kind)
    card = target.with_name(f"{target.name}.md")
    if not overwrite:
        _require_free(target, card, kind)
    registry = Registry.installed(user_trust(trust))
    _export(run, home, kind, target, card, registry, with_paths=with_paths)


def _require_free(target: Path, card: Path, kind: str) -> None:
    """Refuse to write over anything but one half of an export that was cut off between its two files.

    Raises:
        UserError: a file is there already.
    """
    from srkit.inference.export.card import is_card
    from srkit.inference.exported import is_exported

    there = [file for file in (target, card) if file.exists() or is_link(file)]
    if not there:
        return
    is_half = there == [card] and is_card(card, target.name)
    if there == [target] and kind in ("safetensors", "pth"):
        is_half = is_exported(target)
    if not is_half:
        raise UserError(f"{there[0]} is there already; --overwrite replaces it")
    say(f"{there[0]} is what an export left that was cut off; it is made anew", err=True)


def _target(out: Path | None, name: str, kind: str) -> Path:
    """Raises: UserError: the name has another format's ending, so that nothing could read it again."""
    if out is None:
        return Path(name)
    if out.is_dir():
        return out / name
    if out.suffix != ENDINGS[kind]:
        raise UserError(f"--out {out}: a {kind} file ends in {ENDINGS[kind]}")
    return out


def _export(
    run: Path, home: Path, kind: str, target: Path, card: Path, registry: Registry, *, with_paths: bool
) -> None:
    from srkit.cli.training_places import keep_place
    from srkit.inference.export.card import write_card
    from srkit.inference.naming import named_model
    from srkit.inference.own_words import own_words

    model = named_model(str(run), registry)
    assert model.scale is not None and model.trained_on is not None  # a run's
    for sentence in model.complaints:
        say(f"warning: {sentence}", err=True)
    network = model.load(model.scale)
    texts = own_words(model.trained_on, model.name, with_paths=with_paths, registry=registry)
    parameters = sum(one.numel() for one in network.parameters())
    facts = (target.name, home.name, model.scale, parameters, model.trained_on, home)
    had_card = card.exists()
    write_card(card, *facts, registry, with_paths=with_paths)  # first: a card without its file is known for what it is
    try:
        _write(kind, target, network, model, texts, registry)
    except BaseException:
        if not had_card:
            card.unlink(missing_ok=True)
        raise
    keep_place(model.trained_on)
    say(f"card: {card}")


def _write(
    kind: str, target: Path, network: Any, model: NamedModel, texts: Mapping[str, str], registry: Registry
) -> None:
    from srkit.inference.export.graphs import write_onnx, write_script
    from srkit.inference.exported import save_exported, save_pth
    from srkit.inference.own_code import code_line, own_names

    assert model.trained_on is not None  # a run's
    if kind in ("safetensors", "pth"):
        save = save_exported if kind == "safetensors" else save_pth
        save(target, network.state_dict(), texts)
        say(f"{target}: x{model.scale}, {target.stat().st_size / 1e6:.3g} MB")
        if own_names(model.trained_on.experiment["generator"], registry):
            say(f"warning: the generator is own code, which the file does not hold: {code_line(target)}", err=True)
        return
    gap = (write_onnx if kind == "onnx" else write_script)(target, network, texts)
    say(f"{target}: x{model.scale}, {target.stat().st_size / 1e6:.3g} MB; differs from the network by {gap:.1g}")
