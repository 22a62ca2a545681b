"""Options are what a factory's signature says; a signature that cannot be checked is refused with the line to write."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import pytest
from msgspec import Meta
from torch import nn

from srkit.contracts import Block, Factory, Generator
from srkit.registry import KINDS, ContractError, Signature
from srkit.registry.options import REQUIRED, argument_docs, read_signature

if TYPE_CHECKING:
    from torch import Tensor

    from srkit.contracts import Shared

GENERATORS, BLOCKS, PIXEL_LOSSES = KINDS["generators"], KINDS["blocks"], KINDS["pixel_losses"]
KEYWORD = "Write one keyword parameter an option instead: 'width: int = 64'"


def names(signature: Signature) -> list[str]:
    return [option.name for option in signature.options]


# --- refused ----------------------------------------------------------------------------------------------------------


def unannotated(scale: int, width=64): ...  # type: ignore[no-untyped-def]
def unannotated_float(scale: int, width=0.5): ...  # type: ignore[no-untyped-def]
def unannotated_none(scale: int, width=None): ...  # type: ignore[no-untyped-def]
def unannotated_pair(scale: int, width=(64, 32)): ...  # type: ignore[no-untyped-def]
def unannotated_list(scale: int, width=["a"]): ...  # type: ignore[no-untyped-def]  # noqa: B006  (only looked at)
def unannotated_flag(scale: int, width=True): ...  # type: ignore[no-untyped-def]
def unannotated_bare(scale: int, *, width): ...  # type: ignore[no-untyped-def]
def starred(scale: int, *widths: int) -> None: ...
def keywords(scale: int, **options: int) -> None: ...
def positional(scale: int, width: int = 3, /) -> None: ...
def positional_scale(scale: int, /, width: int = 3) -> None: ...
def reserved_weight(scale: int, weight: float = 1.0) -> None: ...
def reserved_lr(scale: int, lr: float = 1.0) -> None: ...
def scaleless(width: int = 3) -> None: ...
def callback(scale: int, on_end: Callable[[int], None] | None = None) -> None: ...
def of_tensors(scale: int, start: list[Tensor] | None = None) -> None: ...
def of_nothing_known(scale: int, width: Unknown = 3) -> None: ...  # type: ignore[name-defined]  # noqa: F821  (that is it)
def of_module(scale: int, body: nn.Module | None = None) -> None: ...
def of_no_kind(scale: int, body: Factory[int] | None = None) -> None: ...  # type: ignore[type-var]


class WithoutScale:
    def __init__(self, width: int = 3) -> None: ...


REFUSED = [
    (unannotated, "option 'width' has no type. Write: 'width: int = 64'"),
    (unannotated_float, "Write: 'width: float = 0.5'"),
    (unannotated_none, "Write: 'width: int | None = None'"),
    (unannotated_pair, "Write: 'width: tuple[int, int] = (64, 32)'"),
    (unannotated_list, "Write: 'width: list[str] = ['a']'"),
    (unannotated_flag, "Write: 'width: bool = True'"),
    (unannotated_bare, "Write: 'width: int'"),
    (starred, f"takes '*widths'; options must be named so that they can be checked. {KEYWORD}"),
    (keywords, f"takes '**options'; options must be named so that they can be checked. {KEYWORD}"),
    (positional, "'scale' is positional-only, and is given by name. Remove the '/' after it"),
    (positional_scale, "'scale' is positional-only"),
    (reserved_weight, "'weight' is a reserved option name (use, name, weight, when, lr). Rename it"),
    (reserved_lr, "'lr' is a reserved option name"),
    (
        scaleless,
        "takes no 'scale'; every factory of srkit.generators is called with it. "
        "Write: def scaleless(*, scale: int, ...)",
    ),
    (WithoutScale, "Write: def __init__(self, *, scale: int, ...)"),
    (nn.Sequential, "takes '*args'"),
    (nn.Identity, "takes '*args'"),
    (callback, "option 'on_end' has the type Callable, which no value in a TOML file has"),
    (of_tensors, "the type of option 'start' cannot be read: NameError: name 'Tensor' is not defined"),
    (of_nothing_known, "the type of option 'width' cannot be read: NameError: name 'Unknown' is not defined"),
    (of_module, "option 'body' has the type Module, which no value in a TOML file has"),
    (of_no_kind, "which no value in a TOML file has"),
    (3, "3 cannot be called; an entry point of srkit.generators names a class or a function"),
]


@pytest.mark.parametrize(("factory", "said"), REFUSED, ids=lambda one: getattr(one, "__name__", str(one))[:30])
def test_refused_with_the_line_to_write(factory: Any, said: str) -> None:
    with pytest.raises(ContractError) as raised:
        read_signature(factory, GENERATORS)
    assert said in str(raised.value)
    assert str(raised.value).startswith(getattr(factory, "__qualname__", repr(factory)))


@pytest.mark.parametrize(("kind", "given"), [("blocks", "channels: int"), ("optimizers", "parameters: list[dict]")])
def test_each_kind_is_given_its_own(kind: str, given: str) -> None:
    with pytest.raises(
        ContractError, match=f"Write: def scaleless\\(\\*, {given.replace('[', '.').replace(']', '.')}, ...\\)"
    ):
        read_signature(scaleless, KINDS[kind])


# --- accepted ---------------------------------------------------------------------------------------------------------


class NoInit(nn.Module):
    """A loss without options."""


class Inherits(NoInit): ...


class Plain: ...


@dataclass
class Settings:
    """A dataclass is a class too.

    Attributes:
        width: not an argument's doc.
    """

    scale: int
    width: int = 3


def named_shared(width: int = 3, shared: Shared | None = None) -> Tensor: ...


class Callable_:
    def __call__(self, scale: int, width: int = 4) -> None: ...


def logged(function: Any) -> Any:
    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return inner


@logged
def decorated(scale: int, width: Literal[1, 2] = 1) -> None: ...


class MadeByNew:
    def __new__(cls, scale: int, width: int = 5) -> MadeByNew: ...  # type: ignore[misc]


def of_partial(scale: int, width: int, depth: int = 2) -> None: ...


def test_what_needs_no_options_is_fine() -> None:
    for factory in (NoInit, Inherits, Plain):
        assert read_signature(factory, PIXEL_LOSSES) == Signature((), frozenset())


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (Settings, {"width": 3}),
        (Callable_(), {"width": 4}),
        (decorated, {"width": 1}),
        (MadeByNew, {"width": 5}),
        (functools.partial(of_partial, width=7), {"width": 7, "depth": 2}),
        (functools.partial(functools.partial(of_partial, width=7), depth=1), {"width": 7, "depth": 1}),
        (of_partial, {"width": REQUIRED, "depth": 2}),
    ],
    ids=["class", "callable", "decorated", "made-by-new", "partial", "partial-of-partial", "function"],
)
def test_every_form_of_callable(factory: Any, expected: dict[str, Any]) -> None:
    signature = read_signature(factory, GENERATORS)
    assert {option.name: option.default for option in signature.options} == expected


def test_what_is_offered_is_no_option_and_needs_no_type_at_run_time() -> None:
    signature = read_signature(named_shared, PIXEL_LOSSES)
    assert names(signature) == ["width"] and signature.takes == {"shared"}
    assert read_signature(scaleless, PIXEL_LOSSES).takes == frozenset()


# --- nested components ------------------------------------------------------------------------------------------------


def nests(
    scale: int,
    block: Factory[Block],
    blocks: list[Factory[Block]] | None = None,
    tail: Optional[Factory[Block]] = None,  # noqa: UP045  (people write it)
    inner: Annotated[Factory[Generator], "The one inside."] = "espcn",  # type: ignore[assignment]
    many: tuple[Factory[Block], ...] = (),
    width: int | None = None,
) -> None: ...


def test_options_that_are_components() -> None:
    found = {option.name: (option.nested, option.many) for option in read_signature(nests, GENERATORS).options}
    assert found == {
        "block": (BLOCKS, False),
        "blocks": (BLOCKS, True),
        "tail": (BLOCKS, False),
        "inner": (GENERATORS, False),
        "many": (BLOCKS, True),
        "width": (None, False),
    }


# --- docs -------------------------------------------------------------------------------------------------------------


def documented(
    scale: int,
    width: int = 3,
    depth: Annotated[int, "How deep."] = 2,
    height: Annotated[int, Meta(ge=1, description="How high.")] = 2,
    both: Annotated[int, "Overruled."] = 2,
) -> None:
    """First.

    Args:
        width (int): how
            wide: as text
        both: from the docstring.

    Returns:
        depth: nothing.
    """


def test_the_sentence_beside_an_option() -> None:
    docs = {option.name: option.doc for option in read_signature(documented, GENERATORS).options}
    assert docs == {
        "width": "how wide: as text",
        "depth": "How deep.",
        "height": "How high.",
        "both": "from the docstring.",
    }


class DocsInInit:
    """Summary."""

    def __init__(self, scale: int, width: int = 3) -> None:
        """Make it.

        Args:
            width: from the init.
        """


def test_docs_of_an_init() -> None:
    assert read_signature(DocsInInit, GENERATORS).options[0].doc == "from the init."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("No section.\n\n    width: x", {}),
        (
            "S.\n\nArgs:\n    a: one.\n    b: two\n        more.\n\n        and more.\nRaises:\n    c: no.",
            {"a": "one.", "b": "two more. and more."},
        ),
        ("S.\n\nArguments:\n  a:\n    on the next line.\n", {"a": "on the next line."}),
        ("Args:\n    a: see\n        note: this is no argument.", {"a": "see note: this is no argument."}),
    ],
)
def test_args_sections(text: str, expected: dict[str, str]) -> None:
    assert argument_docs(text) == expected


def test_a_path_is_an_option(tmp_path: Path) -> None:
    def loads(scale: int, file: Literal["auto"] | Path = "auto", more: dict[str, Path] = {}) -> None: ...  # noqa: B006

    assert names(read_signature(loads, GENERATORS)) == ["file", "more"]
