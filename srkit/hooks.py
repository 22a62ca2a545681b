"""The hooks that see a run: pluggy specifications, and the manager that calls them and names the one that fails."""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pluggy

from srkit.errors import FAILURES, SrkitError, in_short, nearest
from srkit.shared_state import Patched, left_alone

if TYPE_CHECKING:
    from torch import Tensor

    from srkit.training.run import Run

PROJECT = "srkit"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """When each hook is called and with what. An implementation takes the arguments it wants, by name.

    An implementation may be an object with `state_dict()` and `load_state_dict(state)`: numbers, texts, lists and
    tensors in that state are saved with each checkpoint and handed back on `--resume`.
    """

    @hookspec
    def srkit_run_start(self, run: Run) -> None:
        """Once, before the first step of this process; `run.step` is 0, or the step that is resumed from."""

    @hookspec
    def srkit_step_end(self, run: Run, step: int, metrics: Mapping[str, Any] | None) -> None:
        """After each update of the generator. `metrics` are means since the last log step, None between log steps."""

    @hookspec
    def srkit_validation_end(
        self, run: Run, step: int, scores: Mapping[str, float], pictures: Mapping[str, Mapping[str, Tensor]]
    ) -> None:
        """After each validation: metric -> mean, and photo -> {"lr", "sr", "hr"} as uint8 (3, H, W)."""

    @hookspec
    def srkit_checkpoint_saved(self, run: Run, step: int, path: Path) -> None:
        """After a checkpoint stands whole on disk."""

    @hookspec
    def srkit_rolled_back(self, run: Run, step: int, reason: str) -> None:
        """After something was not finite and the run went back to the checkpoint of `step`: what came later is void."""

    @hookspec
    def srkit_run_end(self, run: Run, reason: str) -> None:
        """Once, when the run ends: `reason` is "done", or why it stopped ("interrupted", "error: ...")."""


class HookFailed(SrkitError):
    """A hook implementation raised, or cannot be called; the message names plugin, hook and cause."""


class HookInterrupted(KeyboardInterrupt):
    """Ctrl-C came while a plugin was at work; the message names it. The run itself stood between two steps."""


class HookCaller:
    """Calls hooks; an exception comes back as `HookFailed` with the plugin's name.

    Args:
        plugins: name -> object or module with `srkit_...` functions marked `@hookimpl`. Later ones are called first.

    Raises:
        HookFailed: a plugin has a hook that does not exist, asks for an argument it has not, or forgot the mark.
    """

    def __init__(self, plugins: Mapping[str, Any]) -> None:
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(Hooks)
        for name, plugin in plugins.items():
            _require_marks(name, plugin)
            _require_known(name, plugin)
            try:
                self.manager.register(plugin, name=name)
                self.manager.check_pending()
            except (pluggy.PluginValidationError, ValueError) as error:
                reason = " ".join(str(error).split())
                raise HookFailed(f"the plugin {name} does not fit: {reason}. {_KNOWN}") from error
        for hook in _NAMES:
            for one in getattr(self.manager.hook, hook).get_hookimpls():
                is_own = str(getattr(one.function, "__module__", "")).startswith(f"{PROJECT}.")
                if not (is_own or one.hookwrapper or one.wrapper):
                    one.function = _watched(one.plugin_name, hook, one.function)

    def call(self, hook: str, **arguments: Any) -> None:
        """Call one hook on every plugin.

        Raises:
            HookFailed: one of them raised; those after it were not called.
            SrkitError: one of them raised it on purpose; a note says which.
            HookInterrupted: Ctrl-C came while one of them was at work.
        """
        caller = getattr(self.manager.hook, hook)
        try:
            caller(**arguments)
        except SrkitError as error:
            error.add_note(f"raised by the plugin {self._culprit(caller, error)} in {hook}")
            raise
        except KeyboardInterrupt as error:
            raise HookInterrupted(
                f"interrupted while the plugin {self._culprit(caller, error)} was in {hook}"
            ) from error
        except Patched as error:
            raise HookFailed(str(error)) from error
        except FAILURES as error:
            raise _failed(self._culprit(caller, error), hook, error) from error

    def _culprit(self, caller: pluggy.HookCaller, error: BaseException) -> str:
        """The name of the plugin whose implementation an exception came through."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        for one in caller.get_hookimpls():
            function = inspect.unwrap(one.function)
            code = getattr(function, "__code__", None)
            owner = getattr(getattr(one.function, _WATCHED, one.function), "__self__", None)
            for frame in frames:
                # two plugins of one class share the code, not the object
                if frame.f_code is code and (owner is None or _first_argument(frame) is owner):
                    return str(one.plugin_name)
        return "unknown"

    def states(self) -> dict[str, Any]:
        """The state of every plugin that keeps one, by plugin name.

        Raises:
            HookFailed: one of them cannot give its state.
        """
        states = {}
        for name, plugin in self._keepers("state_dict"):
            try:
                states[name] = plugin.state_dict()
            except FAILURES as error:
                raise _failed(name, "state_dict", error) from error
        return states

    def load_states(self, states: Mapping[str, Any]) -> None:
        """Hand saved states back; those of plugins that are gone are left aside.

        Raises:
            HookFailed: a plugin does not take the state it once gave.
        """
        for name, plugin in self._keepers("load_state_dict"):
            if name not in states:
                continue
            try:
                plugin.load_state_dict(states[name])
            except FAILURES as error:
                raise _failed(name, "load_state_dict", error) from error

    def _keepers(self, method: str) -> list[tuple[str, Any]]:
        plugins = self.manager.list_name_plugin()
        return [(name, plugin) for name, plugin in plugins if callable(getattr(plugin, method, None))]


_WATCHED = "srkit_watched"
_NAMES = [name for name in vars(Hooks) if name.startswith("srkit_")]
_KNOWN = "Hooks: " + ", ".join(
    f"{name}({', '.join(list(inspect.signature(getattr(Hooks, name)).parameters)[1:])})" for name in _NAMES
)


def _watched(name: str, hook: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """An implementation that is not srkit's, with an eye on what all share; on torch's functions at log steps alone."""

    @functools.wraps(function)
    def watched(*arguments: Any) -> Any:
        thorough = hook != "srkit_step_end" or any(isinstance(one, Mapping) for one in arguments)
        with left_alone(f"the plugin {name}", f"in {hook}", functions=thorough):
            return function(*arguments)

    setattr(watched, _WATCHED, function)
    return watched


def _require_known(name: str, plugin: Any) -> None:
    for found in dir(plugin):
        if found.startswith("srkit_") and found not in _NAMES and hasattr(getattr(plugin, found), f"{PROJECT}_impl"):
            hint = " ".join(one for one in (nearest(found, _NAMES), _KNOWN) if one)
            raise HookFailed(f"the plugin {name} has a hook {found}, and there is none of that name. {hint}")


def _require_marks(name: str, plugin: Any) -> None:
    for hook in _NAMES:
        function = getattr(plugin, hook, None)
        if callable(function) and not hasattr(function, f"{PROJECT}_impl"):
            raise HookFailed(
                f"the plugin {name} has a function {hook} without its mark, which would never be called. "
                f"Write `from srkit.hooks import hookimpl`, and @hookimpl above it"
            )


def _first_argument(frame: FrameType) -> Any:
    return next((frame.f_locals.get(name) for name in frame.f_code.co_varnames[:1]), None)


def _failed(name: str, where: str, error: BaseException) -> HookFailed:
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"({last.filename}, line {last.lineno})"
    sooner = ". What ends a run early is run.request_stop(reason)" if isinstance(error, SystemExit) else ""
    return HookFailed(f"the plugin {name} failed in {where}: {in_short(error)} {place}{sooner}")
