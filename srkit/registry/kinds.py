"""The kinds of component: their entry-point groups, and what each factory is called with."""

from __future__ import annotations

from dataclasses import dataclass

from srkit import contracts
from srkit.errors import UserError, nearest


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Attributes:
        plural: the name in commands and JSON, such as `feature_losses`.
        singular: the name of its table in an experiment file, such as `feature_loss`.
        summary: what it is for, in a few words.
        contract: the Protocol in `srkit.contracts`; None where the component is not built for a run.
        given: arguments the factory must accept beside its options.
        offered: arguments it is handed when its signature names them.
    """

    plural: str
    singular: str
    summary: str
    contract: type | None = None
    given: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        return f"srkit.{self.plural}"

    @property
    def is_built(self) -> bool:
        """Whether an experiment builds it from options; commands and hook plugins are only loaded."""
        return self.contract is not None

    @property
    def is_network(self) -> bool:
        """Whether what is built has to be a torch module."""
        return self.contract in (contracts.Generator, contracts.Block, contracts.Discriminator)


# what losses and metrics build once for a run, such as one VGG; elsewhere `shared` is an option like any other
_SHARED = ("shared",)

KINDS: dict[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind("generators", "generator", "make the large picture", contracts.Generator, ("scale",)),
        Kind("blocks", "block", "are what generators are built of", contracts.Block, ("channels",)),
        Kind("discriminators", "discriminator", "tell originals from fakes", contracts.Discriminator),
        Kind("pixel_losses", "pixel_loss", "compare pixels", contracts.PixelLoss, (), _SHARED),
        Kind(
            "feature_losses", "feature_loss", "compare what a frozen network sees", contracts.FeatureLoss, (), _SHARED
        ),
        Kind(
            "adversarial_losses",
            "adversarial_loss",
            "set the two players' goals",
            contracts.AdversarialLoss,
            (),
            _SHARED,
        ),
        Kind("downscalers", "downscaler", "make the LR picture", contracts.Downscaler, ("scale",)),
        Kind("degradations", "degradation", "spoil the LR picture", contracts.Degradation),
        Kind("lr_pipelines", "lr_pipeline", "make the LR picture in one piece", contracts.LrPipeline, ("scale",)),
        Kind("datasets", "dataset", "hold the pictures", contracts.Dataset),
        Kind("metrics", "metric", "judge the result", contracts.Metric, (), _SHARED),
        Kind("optimizers", "optimizer", "change the weights", contracts.Optimizer, ("parameters",)),
        Kind("schedules", "schedule", "change the learning rate", contracts.Schedule, (), ("steps",)),
        Kind("launchers", "launcher", "execute the runs of a study", contracts.Launcher),
        Kind("commands", "command", "join the command line"),
        Kind("plugins", "plugin", "watch a run through hooks"),
    )
}

RESERVED_OPTIONS = ("use", "name", "weight", "when", "lr")


def kind_named(text: str) -> Kind:
    """The kind somebody means by `generators`, `generator`, `feature-losses`, `feature_loss` or `Feature Loss`."""
    key = text.strip().lower().replace("-", "_").replace(" ", "_")
    for kind in KINDS.values():
        if key in (kind.plural, kind.singular, kind.group):
            return kind
    known = [name for kind in KINDS.values() for name in (kind.plural, kind.singular)]
    hint = nearest(key, known)
    raise UserError(f"no kind of component is called {text!r}. {hint or 'Kinds: ' + ', '.join(KINDS) + '.'}")


def kind_of_contract(contract: object) -> Kind | None:
    """The kind whose Protocol this is; for options annotated `Factory[Block]`."""
    return next((kind for kind in KINDS.values() if kind.contract is contract), None)
