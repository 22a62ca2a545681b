"""What each kind of component is called with and gives back. Nothing here imports torch when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from srkit.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

__all__ = [
    "AdversarialLoss",
    "Block",
    "Claims",
    "Dataset",
    "Degradation",
    "Discriminator",
    "DiscriminatorOutput",
    "Downscaler",
    "Draws",
    "Factory",
    "FeatureLoss",
    "Foreign",
    "Generator",
    "GeneratorOutput",
    "Job",
    "JobState",
    "Launcher",
    "LrPipeline",
    "Metric",
    "NeedsTrust",
    "Optimizer",
    "PixelLoss",
    "Provenance",
    "Schedule",
    "Shared",
    "Views",
]

T_co = TypeVar("T_co", covariant=True)


# --- values ---------------------------------------------------------------------------------------------------------


@dataclass
class GeneratorOutput:
    """A generator's result when it has more to say than the picture.

    Attributes:
        sr: (B, 3, h * scale, w * scale), unclamped.
        extras: whatever a loss may want, by name; found again in `Views.extras`.
    """

    sr: Tensor
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class DiscriminatorOutput:
    """A discriminator's result: logits at one or several scales, and features for feature-matching losses."""

    logits: list[Tensor]
    features: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Provenance:
    """What a component settled by itself when it was built; a component says so in an attribute `provenance`.

    Attributes:
        resolved: options whose `auto` had an outcome; written into the resolved experiment file.
        facts: what the manifest keeps, such as the file of the weights used and its hash.
        warning: one sentence where something was substituted; shown once, kept in manifest and tables.
    """

    resolved: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""


@dataclass(frozen=True)
class Claims:
    """What a component says of itself to the conformance kit (`srkit.testing`), in its factory's attribute `claims`.

    Attributes:
        options: what the kit builds it with, as an experiment file would write it: what has no default, or is smaller.
        exports: the formats it can be exported to, "torchscript" or "onnx"; each is then tried.
        border: LR pixels (of a block: pixels) from which on the inside does not depend on what lies beyond the border,
            so that a picture may be worked on in tiles; None claims nothing.
        excused: rule -> the reason why it does not hold here; shown in the report in the place of a failure.
        needs: what it cannot do without and the kit is to offer, by these names. "extras": names of what the generator
            gives beside the image, each offered as an image with graph, or a function (sr, lr) -> these by name.
            "features": how many feature maps the discriminator gives, 3 where nothing is said. "lr": how many times
            smaller LR images are, else 2. "files": options that name a file -> "images" (a folder of some), "model" (a
            trained x2 model), or a function (folder) -> path that writes what is to be read.

    Example:
        >>> Claims(needs={"extras": ["mask"], "files": {"path": "images"}}).needs["extras"]
        ['mask']
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    exports: tuple[str, ...] = ()
    border: int | None = None
    excused: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Foreign:
    """A file of weights from elsewhere that a network knows for its own.

    A generator or discriminator may offer a static method `recognize(weights, ordered) -> Foreign | None`, which
    `srkit import` asks with a file's tensors by name; `ordered` says whether they stand in the order in which the
    network that was saved has them. Names it does not know it passes on as they are: whether all of them fit is found
    out by building the network.

    Attributes:
        layout: whose layout it is, in a few words.
        options: what builds the network, `scale` among them where it is a generator.
        weights: all of the file's tensors, under the network's own names.
        assumed: a sentence each on what the file does not say.
    """

    layout: str
    options: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    assumed: tuple[str, ...] = ()


JobState = Literal["waiting", "running", "done", "failed", "lost"]
"""In what state a launcher's job is.

- "waiting": it has not begun.
- "running": it has.
- "done": the command ended with exit code 0.
- "failed": the command ended with another exit code of its own; its log says why. It is not tried again.
- "lost": it ended without saying anything (a signal, a machine that is gone), or with exit code 130, as a run does that
  was told to stop. The study submits the rest of the run as a new job, which begins at the last checkpoint.
"""


@dataclass(frozen=True)
class Job:
    """A run of a study as a launcher is handed it: a command, and where what it prints goes.

    Attributes:
        name: the run's, unique in its study; letters, digits and dashes.
        arguments: of `python -m srkit`, in the environment the study was started in. Paths are absolute, so that it
            does not matter in which folder the command begins; a launcher of other machines needs them to see the same
            files.
        log: the file to which all that the command prints is appended; its folder exists.
        device: the device that was asked for by name, which is among the arguments already; None where the run takes
            the best it finds, so that a launcher may choose by what it lets the run see (CUDA_VISIBLE_DEVICES).
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    device: str | None = None


class Draws(Protocol):
    """One random stream for each sample of a batch, keyed by (seed, attempt, step, substep, sample, entry's name).

    Everything is drawn on the CPU: results do not depend on the device or on which samples share the batch. Each call
    advances the streams.
    """

    def __len__(self) -> int:
        """The number of samples."""

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(B,) float32, a value a sample in [low, high)."""

    def integers(self, low: int, high: int) -> Tensor:
        """(B,) int64, a value a sample in low..high, both included."""

    def choice(self, options: Sequence[Any], weights: Sequence[float] | None = None) -> list[Any]:
        """One of the options for each sample."""

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape) float32, standard normal."""

    def child(self, name: str) -> Draws:
        """Independent streams of the same samples under a further name."""

    def generators(self) -> list[torch.Generator]:
        """The streams themselves, one a sample, for whatever the calls above do not cover."""


@dataclass
class Views:
    """One step's images and what a loss or metric may need. All images are float, (B, 3, H, W), nominally in [0, 1].

    Where several processes train together the images are this one's equal share of the batch, and losses' gradients and
    numbers are averaged afterwards: right for whatever is a mean over samples. A mean of the batch that is used inside
    a loss, as relativistic averages are, has to be taken over all processes there and back (in the forward and in the
    backward pass); `srkit.components.adversarial_losses.averages` shows how, by torch.distributed alone.

    Attributes:
        sr: the generator's picture, unclamped.
        hr: the original.
        lr: the generator's input.
        step: the generator's update this is, from 1.
        draws: random streams that belong to this entry alone.
        extras: what the generator gave beside the picture.
        layers: what those layers of the generator gave that a loss names in an attribute `needs_layers`, such as
            `("body.3",)`, by these names and with graph; `srkit check` holds the names against the generator.
        downscale: the experiment's downscaler as a function of a batch; None where an LR pipeline takes its place, and
            for a metric also where the LR images it judges by came as files. Of an image that wants a gradient it
            gives one, or raises a UserError that says why there is none: downscalers that work on decoded images,
            pillow's among them, have none. A loss that needs the gradient says so by an attribute
            `needs_downscale = True`, and `srkit check` then holds the experiment's downscaler against it.
        discriminator: the discriminator, with the two images of a step shifted alike where the experiment says so.
            In the generator's step its weights take no gradient and the original's logits come from a cache.
        notes: numbers to be logged beside the losses; a loss fills it with `note`.
    """

    sr: Tensor
    hr: Tensor
    lr: Tensor
    step: int
    draws: Draws
    extras: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Tensor] = field(default_factory=dict)
    downscale: Callable[[Tensor], Tensor] | None = None
    discriminator: Callable[[Tensor], DiscriminatorOutput] | None = None
    make_ema_sr: Callable[[], Tensor] | None = None
    notes: dict[str, Tensor] = field(default_factory=dict)

    @property
    def ema_sr(self) -> Tensor:
        """The picture of the averaged generator, computed when first asked for, without graph."""
        if self.make_ema_sr is None:
            raise UserError("a loss compares with the averaged generator, and this run keeps none: add an [ema] table")
        return self.make_ema_sr()

    def note(self, name: str, value: Tensor) -> None:
        """Log a number (a scalar tensor, no gradient) under `<entry's name>/<name>`."""
        self.notes[name] = value.detach()


class Shared(Protocol):
    """What several components of one run build once and use together.

    A factory that names a parameter `shared` is handed this. `shared(("vgg16", weights), build)` calls `build` the
    first time a key is seen and gives the same object afterwards.
    """

    def __call__(self, key: Any, build: Callable[[], Any]) -> Any: ...


class NeedsTrust(Protocol):
    """A factory some of whose options do more than read: download, write, reach for other machines.

    Attributes:
        needs_trust: each such option with the values that are harmless. A file sets others only in a trusted folder;
            what is typed on the command line needs no trust.
    """

    needs_trust: Mapping[str, Sequence[Any]]


class Factory(Protocol[T_co]):
    """An option that is itself a component: annotate it `Factory[Block]`, write `block = { use = "dilated" }`.

    The parent calls it with what the kind is given (`channels` for a block) as often as it likes.
    """

    def __call__(self, **given: Any) -> T_co: ...


# --- kinds ----------------------------------------------------------------------------------------------------------


class Generator(Protocol):
    """Built with `scale` and its options; makes the large picture.

    One whose windows take sides of certain multiples alone says so by an attribute `multiple_of` (LR pixels):
    validation, `upscale`, `bench` and `inspect` then pad LR images by reflection at right and bottom and cut SR, tiles
    begin at multiples, exported graphs pad by themselves, and `srkit check` holds `data.patch_size` against it.
    """

    def __call__(self, lr: Tensor) -> Tensor | GeneratorOutput:
        """LR (B, 3, h, w) float in [0, 1] -> SR (B, 3, h * scale, w * scale), unclamped."""


class Block(Protocol):
    """Built with `channels` and its options; keeps the shape."""

    def __call__(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, channels, h, w)."""


class Discriminator(Protocol):
    """Built with its options; tells originals from fakes. A `forward` that takes `lr` is handed the LR too."""

    def __call__(self, image: Tensor) -> Tensor | DiscriminatorOutput:
        """(B, 3, H, W) -> logits (B, 1, H', W') or (B, 1)."""


class PixelLoss(Protocol):
    """A module `(sr, hr)` or `(views)` -> scalar, or a dict of named parts whose sum is the loss.

    It reads what it is handed and does not write into it. A loss that is silent in a step gives 0; any other number
    without a gradient ends the run, because nothing would be learned from it.
    """

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor | dict[str, Tensor]: ...


class FeatureLoss(Protocol):
    """As a pixel loss; compares what a frozen network sees. May take `shared` to build that network once.

    Networks that a loss or discriminator only looks through are none of its own: it names them in an attribute, such as
    `borrowed = ("teacher",)`, and they are frozen, stay in eval mode, and are no part of checkpoints and optimizers.
    `srkit.load` reads a trained model; its hash belongs into `provenance`, where `--resume` compares it.
    """

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor | dict[str, Tensor]: ...


class AdversarialLoss(Protocol):
    """Both players' terms, each a scalar or a dict of named parts; asks `views.discriminator` for logits.

    In the generator's term the discriminator's weights take no gradient. In the discriminator's, `views.sr` comes
    without a graph. It may be a module, and is then saved and moved to the device as losses are; what it learns, it
    learns in the generator's term alone. An attribute `of_whole_batch = True` says that its terms are no mean over
    samples: then a run that accumulates gradients over parts of a batch warns that each part is a batch by itself.
    """

    def generator_term(self, views: Views) -> Tensor | dict[str, Tensor]: ...

    def discriminator_term(self, views: Views) -> Tensor | dict[str, Tensor]: ...


class Downscaler(Protocol):
    """Built with `scale` and its options; HR -> LR. Sizes the scale does not divide are cropped at right and bottom.

    `works_on = "image"`: one decoded picture, numpy uint8 (H, W, 3) -> uint8 (h, w, 3), in the loader's workers.
    `works_on = "batch"`: float (B, 3, H, W) in [0, 1] -> float (B, 3, h, w), on the device. One whose call names a
    second parameter `draws` is handed random streams, one a sample.
    """

    works_on: Literal["image", "batch"]

    def __call__(self, hr: Any) -> Any: ...


class Degradation(Protocol):
    """Spoils a batch, each sample with its own parameters; randomness only from `draws`. May change the size."""

    def __call__(self, batch: Tensor, draws: Draws) -> Tensor:
        """(B, 3, h, w) float in [0, 1] -> (B, 3, h', w') float."""


class LrPipeline(Protocol):
    """Built with `scale` and its options; takes the place of downscaler and degradations."""

    def __call__(self, hr: Tensor, draws: Draws) -> Tensor:
        """(B, 3, H, W) float in [0, 1] -> (B, 3, H / scale, W / scale) float."""


@runtime_checkable
class Dataset(Protocol):
    """An indexable set of pictures.

    May offer `files() -> Sequence[Path]`, one file a sample: then the data's fingerprint covers their sizes and times
    and `check` looks for broken ones.

    One whose pictures lie ready in memory-mapped files with checksums may also offer `sizes()`, the (width, height) of
    each, and `verify(progress)`, which reads everything and raises `BadImage`: then pictures are neither decoded to
    find broken ones nor kept in the memory cache, and `workers = "auto"` are none. `progress` is None or called with
    (pictures seen, pictures in all).
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """uint8 RGB (H, W, 3), or a pair (lr, hr) of them. Raises `BadImage` with the path."""

    def name(self, index: int) -> str:
        """What to call the sample in tables and messages: its path or title."""


class Metric(Protocol):
    """`(sr, hr)`, `(sr)` or `(views)` -> a float for each image, (B,). Images are float on the 8-bit grid in [0, 1],
    borders already cropped by the protocol.

    Attributes:
        unit: such as "dB"; empty for none.
        higher_is_better: which way is better.
    """

    unit: str
    higher_is_better: bool

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor: ...


class Optimizer(Protocol):
    """A `torch.optim.Optimizer`. The factory is called with `parameters`, a list of groups, each with its `lr`.

    One that trains other weights than those it stands for (their average, say) has `eval()` and `train()`, which put
    one set or the other into the parameters: it is in `train()` while a run trains, in `eval()` while the run is judged
    or saved, and at its end. What it remembers is saved by `state_dict()` and `load_state_dict(state)`.

    Each group has an `lr_scale` beside its weights: the trainer sets `lr` by it before every update, so groups of the
    optimizer's own have to keep it (`{**group, "params": some}`). One whose `step` wants a closure (LBFGS, SAM; its
    parameter has no default, or an attribute `needs_closure = True` says so) is handed one that computes the step's
    loss and gradients again, at the weights of that moment: same batch, same dropout. Not with fp16's scaled losses.
    """

    param_groups: list[dict[str, Any]]

    def step(self) -> Any: ...

    def zero_grad(self, set_to_none: bool = True) -> None: ...


class Schedule(Protocol):
    """What the learning rate is multiplied with. The factory may take `steps`, the run's length.

    One that goes by the result names a metric in an attribute `observes` and has `observe(value, higher_is_better)`,
    called with that metric's mean after each validation that `validation.every` asks for. What it remembers is saved by
    `state_dict()` and `load_state_dict(state)`.
    """

    def factor(self, step: int) -> float:
        """The factor for this update, counted from 1."""


class Launcher(Protocol):
    """Where the runs of a study are executed. Built once for a study, in the process that watches over it.

    It keeps a queue of its own: a study submits all its runs at once, and how many are executed at a time is the
    launcher's business. One that has an option `jobs` takes it from `srkit run --jobs N`. What it settles by itself,
    such as the number of threads a run gets, it says in `provenance`: the study keeps that and builds the launcher with
    it again on `--resume`, because a run repeats bit for bit only at the same number of threads.
    """

    def submit(self, job: Job) -> str:
        """Queue a run, or the rest of one; gives the name to ask for it by. Returns at once.

        Raises UserError where it cannot reach what executes the runs.
        """

    def state(self, job: str) -> JobState:
        """In what state a run is. Asked often, so it answers at once; "lost" for a name it does not know."""

    def cancel(self, job: str) -> None:
        """End a run as Ctrl-C does, so that it saves its checkpoint; of one that waits or has ended: nothing more.

        Returns at once; afterwards the state becomes "lost", or "done" where the run was quicker.
        """
