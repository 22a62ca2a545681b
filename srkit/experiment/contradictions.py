"""What no single key shows: tables of one experiment that contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from srkit.experiment.names import short_name
from srkit.experiment.schema import Experiment, LearningRates
from srkit.experiment.tree import TreePath
from srkit.experiment.typed import Typing

METRIC_KEYS = (
    *("step", "time", "lr", "loss", "discriminator", "images_per_second", "waiting", "weighted", "share"),
    *("gradient_norm", "zero_gradients", "updates", "skipped", "colour_shift"),
)


def find_contradictions(experiment: Experiment, typing: Typing) -> None:
    """Add every contradiction whose parts could be read to the problems."""
    for rule in _RULES:
        rule(experiment, typing)


def _patch_and_scale(experiment: Experiment, typing: Typing) -> None:
    if experiment.scale is None or experiment.data is None or typing.is_faulty(("data", "patch_size")):
        return
    patch = experiment.data.patch_size
    if patch % experiment.scale:
        near = max(1, round(patch / experiment.scale)) * experiment.scale
        typing.contradict(
            ("data", "patch_size"), f"{patch} is not divisible by scale {experiment.scale}.", f"The nearest is {near}."
        )


def _opponents(experiment: Experiment, typing: Typing) -> None:
    has_discriminator = experiment.discriminator is not None or typing.is_faulty(("discriminator",))
    has_loss = experiment.adversarial_loss is not None or typing.is_faulty(("adversarial_loss",))
    if has_discriminator and not has_loss:
        typing.contradict(
            ("discriminator",), "a discriminator without its loss.", 'Add [adversarial_loss] with use = "relativistic".'
        )
    if has_loss and not has_discriminator:
        typing.contradict(
            ("adversarial_loss",),
            "an adversarial loss without a discriminator.",
            'Add [discriminator] with use = "dilated".',
        )
    if not has_discriminator:
        _no_opponent(experiment, typing)


def _no_opponent(experiment: Experiment, typing: Typing) -> None:
    hint = "Add [discriminator], or remove this."
    if experiment.init is not None and experiment.init.discriminator is not None:
        typing.contradict(("init", "discriminator"), "there is no [discriminator] to begin with it.", hint)
    if experiment.optimizer.discriminator is not None:
        typing.contradict(("optimizer", "discriminator"), "there is no [discriminator] to optimize.", hint)
    rates = [(("lr",), experiment.lr)] + [(("stage", n, "lr"), one.lr) for n, one in enumerate(experiment.stage)]
    for path, lr in rates:
        if isinstance(lr, LearningRates) and lr.discriminator is not None:
            typing.contradict((*path, "discriminator"), "there is no [discriminator] that could learn.", hint)


def _goals(experiment: Experiment, typing: Typing) -> None:
    tables = ("pixel_loss", "feature_loss", "adversarial_loss")
    if not any(getattr(experiment, table) or typing.is_faulty((table,)) for table in tables):
        typing.contradict((), "there is no loss: nothing to learn.", 'Add [[pixel_loss]] with use = "mse".')


def _lengths(experiment: Experiment, typing: Typing) -> None:
    if not experiment.stage:
        if experiment.steps is None and not (typing.is_faulty(("steps",)) or typing.is_faulty(("stage",))):
            typing.contradict(
                (), "how long to train is missing.", "Write steps = 2000 at the top, or [[stage]] tables."
            )
        return
    for number, stage in enumerate(experiment.stage):
        if typing.is_faulty(("stage", number)):
            continue
        if stage.steps is None and stage.epochs is None:
            typing.contradict(
                ("stage", number), "how long the stage is, is missing.", "Write steps = 1000, or epochs = 10."
            )
        if stage.steps is not None and stage.epochs is not None:
            typing.contradict(("stage", number), "a stage has either steps or epochs.", "Remove one of the two.")
    total = sum(stage.steps or 0 for stage in experiment.stage)
    counted = all(stage.steps is not None and stage.epochs is None for stage in experiment.stage)
    if counted and experiment.steps not in (None, total) and not typing.is_faulty(("stage",)):
        typing.contradict(
            ("steps",),
            f"steps = {experiment.steps}, and the stages add up to {total}.",
            f"Remove it, or write {total}.",
        )


def _learning_rates(experiment: Experiment, typing: Typing) -> None:
    optimizer = experiment.optimizer
    own = optimizer.discriminator
    if optimizer.lr is not None and gives_rate(experiment.lr, "generator"):
        typing.contradict(
            ("optimizer", "lr"), "the learning rate is given twice, here and as lr at the top.", "Remove one."
        )
    if own is not None and own.lr is not None and gives_rate(experiment.lr, "discriminator"):
        typing.contradict(
            ("optimizer", "discriminator", "lr"),
            "the discriminator's learning rate is given twice, here and as lr at the top.",
            "Remove one.",
        )


def gives_rate(lr: float | LearningRates | None, role: str) -> bool:
    """Whether an `lr` holds the learning rate of a role."""
    return getattr(lr, role) is not None if isinstance(lr, LearningRates) else lr is not None


def _batches(experiment: Experiment, typing: Typing) -> None:
    if experiment.data is None or typing.is_faulty(("data", "batch_size")):
        return
    parts, batch = experiment.optimizer.accumulation, experiment.data.batch_size
    if batch % parts:
        fitting = [one for one in range(1, batch + 1) if batch % one == 0]
        typing.contradict(
            ("optimizer", "accumulation"),
            f"a batch of {batch} cannot be worked through in {parts} equal parts.",
            f"It can in {', '.join(map(str, fitting[:8]))}.",
        )


def _judging(experiment: Experiment, typing: Typing) -> None:
    has_photos = experiment.data is None or experiment.data.validate is not None
    has_photos = has_photos or typing.is_faulty(("data", "validate"))
    every = experiment.validation.every
    if every is not None and not has_photos and experiment.validation.photos is None:
        typing.contradict(("validation", "every"), "there is nothing to validate on.", "Add data.validate.")
    best = experiment.checkpoint.best
    if best is None:
        return
    if experiment.validation.called(best) not in experiment.validation.measured and not typing.is_faulty(
        ("validation", "metrics")
    ):
        measured = ", ".join(experiment.validation.measured) or "nothing"
        typing.contradict(("checkpoint", "best"), f"{best!r} is not measured.", f"validation.metrics has: {measured}.")
    if every is None and not typing.is_faulty(("validation", "every")):
        typing.contradict(
            ("checkpoint", "best"), "the best is known only with validations.", "Add validation.every = 500."
        )
    if not has_photos:
        typing.contradict(("checkpoint", "best"), "the best is known only with originals.", "Add data.validate.")


def _beginnings(experiment: Experiment, typing: Typing) -> None:
    init = experiment.init
    if init is not None and init.generator is None and init.discriminator is None and not typing.is_faulty(("init",)):
        typing.contradict(("init",), "it names no weights.", 'Write init = "runs/x", a run or a file.')


def _lr_images(experiment: Experiment, typing: Typing) -> None:
    if experiment.lr_pipeline is None:
        return
    if experiment.downscaler is not None:
        typing.contradict(("downscaler",), "an lr_pipeline takes the downscaler's place.", "Remove one of the two.")
    if experiment.degradation:
        typing.contradict(("degradation",), "an lr_pipeline takes the degradations' place.", "Remove one of the two.")


def _names(experiment: Experiment, typing: Typing) -> None:
    losses: list[tuple[TreePath, str]] = [(("pixel_loss", n), one.name) for n, one in enumerate(experiment.pixel_loss)]
    losses += [(("feature_loss", n), one.name) for n, one in enumerate(experiment.feature_loss)]
    if experiment.adversarial_loss is not None:
        adversarial = experiment.adversarial_loss
        adversarial.name = adversarial.name or short_name(str(adversarial.use))
        losses.append((("adversarial_loss",), adversarial.name))
    degradations: list[tuple[TreePath, str]] = [
        (("degradation", n), one.name) for n, one in enumerate(experiment.degradation)
    ]
    for group in (losses, degradations):
        counts = Counter(name for _, name in group)
        for path, name in group:
            if counts[name] > 1:
                typing.contradict(path, f"the name {name!r} is used {counts[name]} times.", 'Give each a name = "...".')
            if set(name) & {".", "/"}:
                typing.contradict(path, f"the name {name!r} holds a dot or a slash.", 'Give it a plain name = "...".')
            if group is losses and name in METRIC_KEYS:
                typing.contradict(
                    path, f"{name!r} is the name of another column of metrics.jsonl.", 'Give it a name = "...".'
                )


def _target(experiment: Experiment, typing: Typing) -> None:
    """Which losses see the changed original; runs after the names were found."""
    target = experiment.target
    tables = ("pixel_loss", "feature_loss", "adversarial_loss")
    if target is None or any(typing.is_faulty((table,)) for table in tables):
        return
    own = [loss.name for loss in (*experiment.pixel_loss, *experiment.feature_loss)]
    adversarial = experiment.adversarial_loss
    known = own + ([adversarial.name] if adversarial is not None else [])
    if target.losses is None:
        target.losses = own
    for name in target.losses:
        if name not in known:
            typing.contradict(
                ("target", "losses"), f"no loss is called {name!r}.", f"The losses are: {', '.join(known)}."
            )
    if not target.losses:
        typing.contradict(
            ("target", "losses"), "no loss sees the changed original.", f"Name some of {', '.join(known)}."
        )


def _mixing(experiment: Experiment, typing: Typing) -> None:
    augment = experiment.augment
    shares = augment.mixup + augment.cutmix + augment.cutblur
    if shares > 1 + 1e-9:
        typing.contradict(
            ("augment",), f"mixup, cutmix and cutblur come to {shares:g} of the samples.", "Together at most 1."
        )
    for key in ("mixup", "cutmix"):
        if getattr(augment, key) and experiment.data is not None and experiment.data.batch_size == 1:
            typing.contradict(
                ("augment", key), "a batch of one sample has no partner to mix with.", "Raise data.batch_size."
            )


def _loss_scaling(experiment: Experiment, typing: Typing) -> None:
    precisions = [experiment.precision, *(stage.set.get("precision") for stage in experiment.stage)]
    if not experiment.loss_scaling and "fp16" not in precisions:
        typing.contradict(("loss_scaling",), "losses are scaled in fp16 only.", 'Remove it, or precision = "fp16".')


_RULES: tuple[Callable[[Experiment, Typing], None], ...] = (
    _patch_and_scale,
    _opponents,
    _goals,
    _lengths,
    _learning_rates,
    _batches,
    _judging,
    _beginnings,
    _lr_images,
    _names,
    _target,
    _mixing,
    _loss_scaling,
)

__all__ = ["METRIC_KEYS", "TreePath", "find_contradictions"]
