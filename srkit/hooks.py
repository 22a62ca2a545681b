"""The hooks that see a run: pluggy specifications, and the manager that calls them and names the one that fails."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from srkit.errors import SrkitError

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
    def srkit_run_end(self, run: Run, reason: str) -> None:
        """Once, when the run ends: `reason` is "done", or why it stopped ("interrupted", "error: ...")."""


class HookFailed(SrkitError):
    """A hook implementation raised; the message names plugin, hook and cause."""


class HookCaller:
    """Calls hooks; an exception comes back as `HookFailed` with the plugin's name.

    Args:
        plugins: name -> object or module with `srkit_...` functions marked `@hookimpl`. Later ones are called first.
    """

    def __init__(self, plugins: Mapping[str, Any]) -> None:
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(Hooks)
        for name, plugin in plugins.items():
            try:
                self.manager.register(plugin, name=name)
            except pluggy.PluginValidationError as error:
                raise HookFailed(f"plugin {name}: {error}") from error

    def call(self, hook: str, **arguments: Any) -> None:
        """Call one hook on every plugin.

        Raises:
            HookFailed: one of them raised; those after it were not called.
        """
        caller = getattr(self.manager.hook, hook)
        try:
            caller(**arguments)
        except SrkitError:
            raise
        except Exception as error:
            raise HookFailed(self._blame(caller, hook, error)) from error

    def _blame(self, caller: pluggy.HookCaller, hook: str, error: Exception) -> str:
        names = {implementation.function.__code__: implementation.plugin_name for implementation in _python(caller)}
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        culprit = next((names[frame.f_code] for frame in frames if frame.f_code in names), "unknown")
        last = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"the plugin {culprit} failed in {hook}: {type(error).__name__}: {error} ({last.filename}, "
            f"line {last.lineno})"
        )

    def states(self) -> dict[str, Any]:
        """The state of every plugin that keeps one, by plugin name."""
        return {
            name: plugin.state_dict()
            for name, plugin in self.manager.list_name_plugin()
            if plugin is not None and hasattr(plugin, "state_dict")
        }

    def load_states(self, states: Mapping[str, Any]) -> None:
        """Hand saved states back; those of plugins that are gone are left aside."""
        for name, plugin in self.manager.list_name_plugin():
            if name in states and hasattr(plugin, "load_state_dict"):
                plugin.load_state_dict(states[name])


def _python(caller: pluggy.HookCaller) -> list[Any]:
    return [one for one in caller.get_hookimpls() if hasattr(one.function, "__code__")]
