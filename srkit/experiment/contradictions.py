"""What no single key shows: tables of one experiment that contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from srkit.experiment.schema import Experiment, LearningRates
from srkit.experiment.tree import TreePath
from srkit.experiment.typed import Typing

METRIC_KEYS = ("step", "time", "lr", "loss", "discriminator", "images_per_second", "waiting")


def find_contradictions(experiment: Experiment, typing: Typing) -> None:
    """Add every contradiction whose parts could be read to the problems."""
    for rule in _RULES:
        rule(experiment, typing)


def _patch_and_scale(experiment: Experiment, typing: Typing) -> None:
    if experiment.scale is None or experiment.data is None:
        return
    patch = experiment.data.patch_size
    if patch % experiment.scale:
        near = max(1, round(patch / experiment.scale)) * experiment.scale
        typing.add(
            ("data", "patch_size"), f"{patch} is not divisible by scale {experiment.scale}.", f"The nearest is {near}."
        )


def _opponents(experiment: Experiment, typing: Typing) -> None:
    if experiment.discriminator is not None and experiment.adversarial_loss is None:
        typing.add(
            ("discriminator",), "a discriminator without its loss.", 'Add [adversarial_loss] with use = "relativistic".'
        )
    if experiment.adversarial_loss is not None and experiment.discriminator is None:
        typing.add(
            ("adversarial_loss",),
            "an adversarial loss without a discriminator.",
            'Add [discriminator] with use = "dilated".',
        )
    if experiment.discriminator is None:
        if experiment.optimizer.discriminator is not None:
            typing.add(("optimizer", "discriminator"), "there is no [discriminator] to optimize.")
        rates = [(("lr",), experiment.lr)] + [(("stage", n, "lr"), one.lr) for n, one in enumerate(experiment.stage)]
        for path, lr in rates:
            if isinstance(lr, LearningRates) and lr.discriminator is not None:
                typing.add((*path, "discriminator"), "there is no [discriminator] that could learn.")


def _goals(experiment: Experiment, typing: Typing) -> None:
    losses = [*experiment.pixel_loss, *experiment.feature_loss]
    if not losses and experiment.adversarial_loss is None and not typing.problems:
        typing.add((), "there is no loss: nothing to learn.", 'Add [[pixel_loss]] with use = "mse".')


def _lengths(experiment: Experiment, typing: Typing) -> None:
    if not experiment.stage:
        if experiment.steps is None and not typing.is_faulty(("steps",)):
            typing.add((), "how long to train is missing.", "Write steps = 2000 at the top, or [[stage]] tables.")
        return
    for number, stage in enumerate(experiment.stage):
        if (stage.steps is None) == (stage.epochs is None) and not typing.is_faulty(("stage", number)):
            typing.add(("stage", number), "a stage has either steps or epochs.")
    total = sum(stage.steps or 0 for stage in experiment.stage)
    counted = all(stage.steps is not None for stage in experiment.stage)
    if counted and experiment.steps not in (None, total):
        typing.add(("steps",), f"steps = {experiment.steps}, and the stages add up to {total}.", "Remove one of them.")


def _learning_rates(experiment: Experiment, typing: Typing) -> None:
    if experiment.lr is not None and experiment.optimizer.lr is not None:
        typing.add(("optimizer", "lr"), "the learning rate is given twice, here and as lr at the top.", "Remove one.")


def _batches(experiment: Experiment, typing: Typing) -> None:
    if experiment.data is None:
        return
    parts = experiment.optimizer.accumulation
    if experiment.data.batch_size % parts:
        typing.add(
            ("optimizer", "accumulation"),
            f"a batch of {experiment.data.batch_size} cannot be worked through in {parts} equal parts.",
        )


def _judging(experiment: Experiment, typing: Typing) -> None:
    has_photos = experiment.data is not None and experiment.data.validate is not None
    if typing.is_faulty(("data",)):
        return
    if experiment.validation.every is not None and not has_photos and experiment.validation.photos is None:
        typing.add(("validation", "every"), "there is nothing to validate on.", "Add data.validate.")
    best = experiment.checkpoint.best
    if best is None:
        return
    if best not in experiment.validation.metrics:
        typing.add(
            ("checkpoint", "best"),
            f"{best!r} is not measured.",
            f"Measured are: {', '.join(experiment.validation.metrics)} (validation.metrics).",
        )
    if experiment.validation.every is None or not has_photos:
        typing.add(("checkpoint", "best"), "the best is known only with validations.", "Add validation.every = 500.")


def _lr_images(experiment: Experiment, typing: Typing) -> None:
    if experiment.lr_pipeline is None:
        return
    if experiment.downscaler is not None:
        typing.add(("downscaler",), "an lr_pipeline takes the downscaler's place.", "Remove one of the two.")
    if experiment.degradation:
        typing.add(("degradation",), "an lr_pipeline takes the degradations' place.", "Remove one of the two.")


def _names(experiment: Experiment, typing: Typing) -> None:
    losses = [(("pixel_loss", n), one.name) for n, one in enumerate(experiment.pixel_loss)]
    losses += [(("feature_loss", n), one.name) for n, one in enumerate(experiment.feature_loss)]
    if experiment.adversarial_loss is not None:
        adversarial = experiment.adversarial_loss
        adversarial.name = adversarial.name or str(adversarial.use).rpartition(":")[2]
        losses.append((("adversarial_loss",), adversarial.name))  # type: ignore[arg-type]
    degradations = [(("degradation", n), one.name) for n, one in enumerate(experiment.degradation)]
    for group in (losses, degradations):
        counts = Counter(name for _, name in group)
        for path, name in group:
            if counts[name] > 1:
                typing.add(path, f"the name {name!r} is used {counts[name]} times.", 'Give each a name = "...".')
            if group is losses and name in METRIC_KEYS:
                typing.add(path, f"{name!r} is the name of another column of metrics.jsonl.", 'Give it a name = "...".')


_RULES: tuple[Callable[[Experiment, Typing], None], ...] = (
    _patch_and_scale,
    _opponents,
    _goals,
    _lengths,
    _learning_rates,
    _batches,
    _judging,
    _lr_images,
    _names,
)

__all__ = ["METRIC_KEYS", "TreePath", "find_contradictions"]
