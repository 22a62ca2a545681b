"""What torch's pickled table of weights says, read instruction by instruction: nothing is imported, made or called."""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from srkit.weight_files.refusals import DamagedWeights, MoreThanWeights

__all__ = ["MOST_BYTES", "Named", "Storage", "TensorClaim", "read_pickle"]

MOST_BYTES = 32_000_000
MOST_INSTRUCTIONS = 1_500_000
"""Of the largest table that is read; a tensor takes about 40."""

STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}

PLAIN = (str, int, float, bytes, type(None))
"""What may be a key; whatever nests could nest deeper than Python can hash."""


@dataclass(frozen=True)
class Named:
    """Something of torch's that a table names, such as a dtype."""

    name: str


@dataclass(frozen=True)
class Storage:
    """A block of numbers, by the key it is stored under."""

    key: str
    dtype: torch.dtype
    elements: int


@dataclass(frozen=True)
class TensorClaim:
    """A tensor as the table describes it."""

    storage: Storage
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def read_pickle(stream: io.BytesIO) -> Any:
    """The table that begins where the stream stands, with claims in the place of tensors; leaves it at the table's end.

    Raises:
        MoreThanWeights: it names something else than tensors and what goes with them.
        DamagedWeights: it makes no sense.
    """
    try:
        return _Reading().run(stream)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
        if isinstance(error, DamagedWeights):
            raise
        raise DamagedWeights(f"its table of tensors cannot be read ({type(error).__name__}: {error})") from error


class _Reading:
    """The stack and the memory of one reading, as pickle has them."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memory: dict[Any, Any] = {}

    def run(self, stream: io.BytesIO) -> Any:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number > MOST_INSTRUCTIONS:
                raise DamagedWeights(f"its table of tensors is longer than {MOST_INSTRUCTIONS:,} instructions")
            if opcode.name == "STOP":
                return self.stack.pop()
            if opcode.name in CONSTANTS:
                self.stack.append(CONSTANTS[opcode.name]())
            elif opcode.name in VALUES:
                self.stack.append(argument)
            elif opcode.name in TUPLES:
                count = TUPLES[opcode.name]
                self.stack[-count:] = [tuple(self.stack[-count:])]
            elif opcode.name in STEPS:
                STEPS[opcode.name](self, argument)
            elif opcode.name != "PROTO":
                raise MoreThanWeights(f"the instruction {opcode.name}")
        raise DamagedWeights("its table of tensors has no end")

    def _since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def mark(self, _: object) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def keep(self, place: int) -> None:
        self.memory[place] = self.stack[-1]

    def recall(self, place: int) -> None:
        self.stack.append(self.memory[place])

    def pack(self, _: object) -> None:
        items = self._since_mark()
        self.stack.append(tuple(items))

    def append(self, _: object) -> None:
        item = self.stack.pop()
        self._list().append(item)

    def extend(self, _: object) -> None:
        items = self._since_mark()
        self._list().extend(items)

    def _list(self) -> list[Any]:
        if type(self.stack[-1]) is not list:
            raise MoreThanWeights("an appended-to thing that is no list")
        found: list[Any] = self.stack[-1]
        return found

    def put(self, _: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._table([(key, value)])

    def put_all(self, _: object) -> None:
        items = self._since_mark()
        self._table(list(zip(items[::2], items[1::2], strict=True)))

    def _table(self, pairs: list[Any]) -> None:
        if type(self.stack[-1]) is not dict:
            raise MoreThanWeights("a filled thing that is no table")
        self.stack[-1].update(_checked(pairs))

    def name(self, argument: str) -> None:
        module, _, attribute = argument.partition(" ")
        name = f"{'builtins' if module == '__builtin__' else module}.{attribute}"
        if module not in ("torch", "torch.storage") and name not in CALLS:
            raise MoreThanWeights(name)
        self.stack.append(Named(name))

    def refer(self, _: object) -> None:
        """A storage, which lies elsewhere in the file."""
        stored = self.stack.pop()
        if type(stored) is not tuple or stored[:1] != ("storage",) or not isinstance(stored[1], Named):
            raise MoreThanWeights("something stored elsewhere that is no storage")
        _, kind, key, location, elements, *_rest = stored
        family, _, name = kind.name.rpartition(".")
        if family not in ("torch", "torch.storage") or name not in STORAGES:
            raise MoreThanWeights(kind.name)
        if str(location) == "meta":
            raise DamagedWeights("it holds a tensor without values (on the meta device)")
        if type(elements) is not int or elements < 0:
            raise DamagedWeights(f"a storage of {elements!r} elements")
        self.stack.append(Storage(str(key), STORAGES[name], elements))

    def call(self, _: object) -> None:
        arguments, what = self.stack.pop(), self.stack.pop()
        if not isinstance(what, Named) or what.name not in CALLS:
            raise MoreThanWeights(what.name if isinstance(what, Named) else "a call of what was made before")
        self.stack.append(CALLS[what.name](*arguments))

    def give_state(self, _: object) -> None:
        """A table's attributes, such as the versions of modules; of anything else they are more than weights."""
        state = self.stack.pop()
        if type(self.stack[-1]) is not dict or type(state) is not dict:
            raise MoreThanWeights("an object with a state")


CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: Named("set"),
}
VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
STEPS: dict[str, Callable[[_Reading, Any], None]] = {
    "MARK": _Reading.mark,
    "TUPLE": _Reading.pack,
    "APPEND": _Reading.append,
    "APPENDS": _Reading.extend,
    "SETITEM": _Reading.put,
    "SETITEMS": _Reading.put_all,
    "GLOBAL": _Reading.name,
    "BINPERSID": _Reading.refer,
    "REDUCE": _Reading.call,
    "BUILD": _Reading.give_state,
    "BINPUT": _Reading.keep,
    "LONG_BINPUT": _Reading.keep,
    "BINGET": _Reading.recall,
    "LONG_BINGET": _Reading.recall,
}


def _checked(pairs: Any) -> dict[Any, Any]:
    found = {}
    for key, value in pairs:
        if not isinstance(key, PLAIN):
            raise MoreThanWeights(f"a table with a {type(key).__name__} for a key")
        found[key] = value
    return found


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> TensorClaim:
    return _claim(storage, getattr(storage, "dtype", None), offset, size, stride)


def _typed_tensor(storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, *_: Any) -> Any:
    found = getattr(torch, dtype.name.removeprefix("torch."))
    return _claim(storage, found, offset, size, stride)


def _claim(storage: Any, dtype: Any, offset: Any, size: Any, stride: Any) -> TensorClaim:
    numbers = (offset, *size, *stride)
    if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
        raise MoreThanWeights("a tensor that lies in no storage")
    if any(type(one) is not int or one < 0 for one in numbers) or len(size) != len(stride):
        raise DamagedWeights(f"a tensor of the size {str(size)[:80]} and the stride {str(stride)[:80]}")
    return TensorClaim(storage, dtype, offset, tuple(size), tuple(stride))


def _parameter(data: Any, *_: Any) -> Any:
    if not isinstance(data, TensorClaim):
        raise MoreThanWeights("a parameter that is no tensor")
    return data


def _without_values(*_: Any) -> Any:
    raise DamagedWeights("it holds a tensor without values (on the meta device)")


CALLS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_meta_tensor_no_storage": _without_values,
    "collections.OrderedDict": lambda pairs=(): _checked(pairs),
    "collections.Counter": lambda table=None: _checked((table or {}).items()),
    "torch.Size": lambda sizes=(): tuple(sizes),
    "torch.device": lambda *_: Named("torch.device"),
    "torch.serialization._get_layout": lambda *_: Named("torch.layout"),
    "_codecs.encode": lambda text, *_: str(text).encode("latin1"),
    "builtins.set": lambda *_: Named("set"),
    "builtins.bytearray": lambda *_: b"",
    "builtins.complex": lambda *_: 0.0,
}
"""What a table may call -> what stands for the result; whatever is not here is more than weights."""
