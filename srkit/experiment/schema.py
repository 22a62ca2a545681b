"""The experiment file's tables as typed values. The sentence that explains a key stands beside the key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Positive = Annotated[int, Meta(ge=1)]


def _doc(text: str, **bounds: Any) -> Meta:
    return Meta(description=text, **bounds)


class Table(Struct, kw_only=True, forbid_unknown_fields=True):
    """A table with a fixed list of keys."""


class Selection(Table, kw_only=True):
    """A table that picks a component; its remaining keys are the component's options."""

    use: Annotated[str, _doc("Registered name, `dist:name`, `package.module:Name` or `./file.py:Name`.")]
    options: dict[str, Any] = field(default_factory=dict)


class Loss(Selection, kw_only=True):
    """`[[pixel_loss]]`, `[[feature_loss]]`."""

    name: Annotated[str, _doc("Its name in metrics and dotted paths; by default `use`, then `vgg16-2`.")] = ""
    weight: Annotated[float, _doc("What the loss is multiplied with; at 0 it is not computed.", ge=0)] = 1.0


class AdversarialLoss(Loss, kw_only=True):
    """`[adversarial_loss]`."""

    discriminator_steps: Annotated[Positive, _doc("Updates of the discriminator for each of the generator.")] = 1
    discriminator_batch: Annotated[
        Literal["same", "fresh"], _doc("Whether its further updates see the same pictures or fresh ones.")
    ] = "same"
    shift_crop: Annotated[
        Positive, _doc("Fake and original are shifted alike by 0..n-1 pixels before the discriminator; 1 shifts none.")
    ] = 1


class Degradation(Selection, kw_only=True):
    """`[[degradation]]`."""

    name: Annotated[str, _doc("Its name in dotted paths; by default `use`.")] = ""
    when: Annotated[
        Literal["before", "after"], _doc("Before the downscaler (on the copy that is shrunk) or after it.")
    ] = "after"


class OptimizerGroup(Table, kw_only=True):
    """`[[optimizer.group]]`: parameters with a learning rate of their own."""

    match: Annotated[
        str | list[str], _doc("Patterns of parameter names with * and ?, such as `pixel_shuffle.*`; the first wins.")
    ]
    lr_scale: Annotated[
        float, _doc("Times the learning rate; 0 freezes these parameters (batch norm's statistics go on).", ge=0)
    ] = 1.0


class OtherOptimizer(Selection, kw_only=True):
    """`[optimizer.discriminator]`, `[optimizer.losses]`."""

    use: Annotated[str, _doc("An optimizer.")] = "adam"
    lr: Annotated[float | None, _doc("Learning rate; stages change it.", gt=0)] = None
    clip_norm: Annotated[float | None, _doc("Gradients are scaled down to this norm.", gt=0)] = None
    group: Annotated[list[OptimizerGroup], _doc("Parameters with a learning rate of their own.")] = []


class Optimizer(OtherOptimizer, kw_only=True):
    """`[optimizer]`: the generator's; the discriminator's too where it has none of its own."""

    accumulation: Annotated[
        Positive, _doc("The batch is worked through in this many parts, the gradients added up.")
    ] = 1
    discriminator: Annotated[OtherOptimizer | None, _doc("The discriminator's optimizer.")] = None
    losses: Annotated[OtherOptimizer | None, _doc("The optimizer of parameters that losses hold.")] = None


class LearningRates(Table, kw_only=True):
    """`lr = { generator = 1e-4, discriminator = 1e-4 }`."""

    generator: Annotated[float | None, _doc("The generator's learning rate.", gt=0)] = None
    discriminator: Annotated[float | None, _doc("The discriminator's learning rate.", gt=0)] = None


class Data(Table, kw_only=True):
    """`[data]`."""

    train: Annotated[Selection, _doc("A dataset; a plain string or a list of strings means folders.")]
    validate: Annotated[Selection | None, _doc("The photos a run is judged by.")] = None
    patch_size: Annotated[Positive, _doc("The side of the training patches, in HR pixels.")] = 96
    batch_size: Annotated[Positive, _doc("Patches an update, over all devices together.")] = 16
    workers: Annotated[
        int | Literal["auto"], _doc("Processes that load pictures; `auto`: none where all fit into the cache.", ge=0)
    ] = "auto"
    cache: Annotated[float, _doc("Gigabytes of decoded pictures kept in memory.", ge=0)] = 2.0
    skip_broken: Annotated[bool, _doc("Leave broken pictures out instead of refusing the folder.")] = False
    repeat: Annotated[Positive, _doc("How often an epoch goes through the data.")] = 1


class Augment(Table, kw_only=True):
    """`[augment]`: changes of the training patches that keep them real."""

    flip: Annotated[bool, _doc("Mirror at random, left-right.")] = True
    rotate: Annotated[bool, _doc("Turn by 0, 90, 180 or 270 degrees at random.")] = True
    channel_shuffle: Annotated[bool, _doc("Permute the colours at random.")] = False
    mixup: Annotated[float, _doc("Share of samples blended with another of the batch, LR and HR.", ge=0, le=1)] = 0.0
    cutmix: Annotated[float, _doc("Share of samples with a rectangle of another, LR and HR.", ge=0, le=1)] = 0.0
    cutblur: Annotated[
        float, _doc("Share of samples whose LR has a rectangle (or all around it) of the original.", ge=0, le=1)
    ] = 0.0
    mixup_alpha: Annotated[float, _doc("Blends are drawn from Beta(alpha, alpha).", gt=0)] = 1.2
    cut_ratio: Annotated[float, _doc("Sides of the rectangles as a share of the patch's.", gt=0, le=1)] = 0.7


class Target(Selection, kw_only=True):
    """`[target]`: a change of the original, such as sharpening, for some losses; the LR is made of the plain one."""

    use: Annotated[str, _doc("A degradation that keeps the size, such as `usm-sharpen`.")]
    losses: Annotated[
        list[str] | None, _doc("Names of the losses that see the change; by default all but the adversarial one.")
    ] = None


class Stage(Table, kw_only=True):
    """`[[stage]]`: one part of the training; what it sets holds for this stage alone."""

    steps: Annotated[Positive | None, _doc("The stage's length in generator updates.")] = None
    epochs: Annotated[float | None, _doc("The stage's length in times through the data.", gt=0)] = None
    lr: Annotated[float | LearningRates | None, _doc("Learning rates, one for both or by role.", gt=0)] = None
    lr_per_sample: Annotated[bool | None, _doc("In place of `lr_per_sample` at the top.")] = None
    optimizer_state: Annotated[
        Literal["kept", "anew"],
        _doc("Whether the optimizers go on with their moments, or forget them as the stage begins. Schedules go on."),
    ] = "kept"
    set: Annotated[dict[str, Any], _doc("Dotted paths and the values they have in this stage.")] = field(
        default_factory=dict
    )


class Checkpoint(Table, kw_only=True):
    """`[checkpoint]`."""

    every: Annotated[Positive, _doc("Steps between checkpoints.")] = 1000
    keep: Annotated[Positive, _doc("How many of the last ones stay, beside the best and the final one.")] = 3
    best: Annotated[str | None, _doc("A metric; the checkpoint that is best by it stays.")] = None


class Validation(Table, kw_only=True):
    """`[validation]`."""

    every: Annotated[Positive | None, _doc("Steps between validations; there is always one at the end.")] = None
    images: Annotated[Positive | None, _doc("At most this many photos, the first ones.")] = None
    samples: Annotated[
        int, _doc("Of how many images samples and strips are written, the first ones; all are judged.", ge=0)
    ] = 8
    photos: Annotated[Path | None, _doc("A folder of real LR pictures without original, upscaled each time.")] = None
    metrics: Annotated[list[str], _doc("What is measured.")] = field(default_factory=lambda: ["psnr-y", "ssim-y"])

    @property
    def measured(self) -> list[str]:
        """What each metric is called in scores and in `checkpoint.best`: its name alone where no other has it."""
        names = [one.rpartition(":")[2] for one in self.metrics]
        return [name if names.count(name) == 1 else one for name, one in zip(names, self.metrics, strict=True)]

    def called(self, metric: str) -> str:
        """What a metric that is written here is called in scores; any other name as it is."""
        return dict(zip(self.metrics, self.measured, strict=True)).get(metric, metric)


class Log(Table, kw_only=True):
    """`[log]`."""

    every: Annotated[
        Positive,
        _doc("Steps between lines of metrics.jsonl; by default fewer in a short run, for about 40 lines."),
    ] = 50
    tensorboard: Annotated[bool, _doc("Write TensorBoard events.")] = True


class Init(Table, kw_only=True):
    """`init`: weights to begin with, of a run, one of its checkpoints, or a file; a mere path is the generator's."""

    generator: Annotated[Path | None, _doc("A run or a file; averaged weights where there are any.")] = None
    discriminator: Annotated[Path | None, _doc("A run or a file; without it the discriminator starts anew.")] = None
    partial: Annotated[
        bool, _doc("Take the weights whose name and shape fit and list the others, instead of refusing.")
    ] = False


class OnNan(Table, kw_only=True):
    """`[on_nan]`: what happens when a loss or a weight is not finite; without it the run ends."""

    rollback: Annotated[
        Positive, _doc("How often, at most, it goes back to its last good checkpoint, with other random numbers.")
    ]


class Ema(Table, kw_only=True):
    """`[ema]`: an averaged copy of the generator, validated and exported in its place."""

    decay: Annotated[float, _doc("How much of the average stays at each step.", ge=0, lt=1)] = 0.999


class Experiment(Table, kw_only=True):
    """A whole experiment file."""

    scale: Annotated[int, _doc("How many times larger the picture gets.", ge=1, le=16)]
    seed: Annotated[int, _doc("The number all randomness comes from.", ge=0)] = 0
    precision: Annotated[
        Precision, _doc("fp32, bf16, fp16; `auto`: bf16 where the hardware computes in it, else fp32.")
    ] = "auto"
    deterministic: Annotated[bool, _doc("On CUDA: only algorithms that repeat bit for bit.")] = False
    steps: Annotated[Positive | None, _doc("Generator updates; with stages their sum.")] = None
    lr: Annotated[float | LearningRates | None, _doc("Learning rates where a stage gives none.", gt=0)] = None
    lr_per_sample: Annotated[
        bool, _doc("Every learning rate is for one sample: times the stage's batch size it is that of an update.")
    ] = False
    loss_scaling: Annotated[bool, _doc("In fp16, scale the loss so that small gradients do not vanish.")] = True
    data: Annotated[Data, _doc("Where the pictures come from.")]
    augment: Annotated[Augment, _doc("Changes of the patches.")] = field(default_factory=Augment)
    downscaler: Annotated[Selection | None, _doc("What makes the LR picture.")] = None
    degradation: Annotated[list[Degradation], _doc("What spoils the LR picture, in order.")] = []
    lr_pipeline: Annotated[Selection | None, _doc("Takes the place of downscaler and degradations.")] = None
    target: Annotated[Target | None, _doc("A change of the original that some losses see.")] = None
    generator: Annotated[Selection, _doc("The network that is trained.")]
    init: Annotated[Init | None, _doc("Weights to begin with, of a run or a file.")] = None
    pixel_loss: Annotated[list[Loss], _doc("Losses on pixels.")] = []
    feature_loss: Annotated[list[Loss], _doc("Losses on what a frozen network sees.")] = []
    discriminator: Annotated[Selection | None, _doc("The generator's opponent.")] = None
    adversarial_loss: Annotated[AdversarialLoss | None, _doc("The two players' goals.")] = None
    optimizer: Annotated[Optimizer, _doc("What changes the weights.")] = field(default_factory=Optimizer)
    schedule: Annotated[Selection, _doc("What the learning rates are multiplied with.")] = field(
        default_factory=lambda: Selection(use="constant")
    )
    stage: Annotated[list[Stage], _doc("Parts of the training, one after another.")] = []
    ema: Annotated[Ema | None, _doc("An averaged copy of the generator.")] = None
    on_nan: Annotated[OnNan | None, _doc("What happens when a number is not finite.")] = None
    validation: Annotated[Validation, _doc("Judging along the way.")] = field(default_factory=Validation)
    checkpoint: Annotated[Checkpoint, _doc("Saving along the way.")] = field(default_factory=Checkpoint)
    log: Annotated[Log, _doc("Numbers along the way.")] = field(default_factory=Log)


KIND_OF_TABLE = {
    "data.train": "datasets",
    "data.validate": "datasets",
    "downscaler": "downscalers",
    "degradation": "degradations",
    "lr_pipeline": "lr_pipelines",
    "target": "degradations",
    "generator": "generators",
    "pixel_loss": "pixel_losses",
    "feature_loss": "feature_losses",
    "discriminator": "discriminators",
    "adversarial_loss": "adversarial_losses",
    "optimizer": "optimizers",
    "optimizer.discriminator": "optimizers",
    "optimizer.losses": "optimizers",
    "schedule": "schedules",
}
"""Which kind of component a table picks."""
