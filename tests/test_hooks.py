"""Hooks are called in order with the arguments they ask for, and a plugin that fails is named."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from typing import Any

import pytest

from srkit.errors import SrkitError, UserError
from srkit.hooks import HookCaller, HookFailed, hookimpl

Calls = list[Any]


class Listener:
    """Notes what it hears; keeps a count as its state."""

    def __init__(self, name: str, calls: Calls) -> None:
        self.name, self.calls, self.count = name, calls, 0

    @hookimpl
    def srkit_step_end(self, step: int) -> None:
        self.count += 1
        self.calls.append((self.name, step))

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.count = state["count"]


class Failing:
    def __init__(self, fails: bool, error: Exception | None = None) -> None:
        self.error = (error or ValueError("no room")) if fails else None

    @hookimpl
    def srkit_run_end(self, reason: str) -> None:
        self._helper()

    def _helper(self) -> None:
        if self.error is not None:
            raise self.error


def step_end(hooks: HookCaller, step: int) -> None:
    hooks.call("srkit_step_end", run=None, step=step, metrics=None)


def run_end(hooks: HookCaller) -> None:
    hooks.call("srkit_run_end", run=None, reason="done")


def test_the_last_registered_is_called_first() -> None:
    calls: Calls = []
    hooks = HookCaller({name: Listener(name, calls) for name in ("a", "b", "c")})
    step_end(hooks, 7)
    assert calls == [("c", 7), ("b", 7), ("a", 7)]


def test_a_hook_may_ask_to_go_first_or_last() -> None:
    calls: Calls = []

    class First:
        @hookimpl(tryfirst=True)
        def srkit_step_end(self) -> None:
            calls.append("first")

    class Last:
        @hookimpl(trylast=True)
        def srkit_step_end(self) -> None:
            calls.append("last")

    step_end(HookCaller({"f": First(), "a": Listener("a", calls), "b": Listener("b", calls), "l": Last()}), 7)
    assert calls == ["first", ("b", 7), ("a", 7), "last"]


def test_a_hook_takes_the_arguments_it_wants() -> None:
    seen: Calls = []

    class Everything:
        @hookimpl
        def srkit_validation_end(self, pictures: Any, run: Any) -> None:
            seen.append((run, pictures))

        @hookimpl
        def srkit_checkpoint_saved(self) -> None:
            seen.append("saved")

    hooks = HookCaller({"x": Everything()})
    hooks.call("srkit_validation_end", run="R", step=1, scores={}, pictures="P")
    hooks.call("srkit_checkpoint_saved", run="R", step=1, path=None)
    hooks.call("srkit_run_start", run="R")
    assert seen == [("R", "P"), "saved"]


def test_a_module_may_be_a_plugin() -> None:
    module = types.ModuleType("diary")
    seen: Calls = []

    @hookimpl
    def srkit_run_start(run: Any) -> None:
        seen.append(run)

    module.srkit_run_start = srkit_run_start  # type: ignore[attr-defined]
    hooks = HookCaller({"dist:diary": module})
    hooks.call("srkit_run_start", run="R")
    assert seen == ["R"] and hooks.states() == {}


def test_the_failing_plugin_is_named_even_among_others_of_its_class() -> None:
    for culprit in ("one", "two", "three"):
        hooks = HookCaller({name: Failing(name == culprit) for name in ("one", "two", "three")})
        with pytest.raises(
            HookFailed, match=f"the plugin {culprit} failed in srkit_run_end: ValueError: no room"
        ) as raised:
            run_end(hooks)
        assert "test_hooks.py, line " in str(raised.value)
        assert isinstance(raised.value.__cause__, ValueError)


def test_those_after_a_failing_one_are_not_called() -> None:
    calls: Calls = []

    class Late(Failing):
        @hookimpl
        def srkit_step_end(self) -> None:
            raise KeyError("x")

    hooks = HookCaller({"first": Listener("first", calls), "late": Late(True), "last": Listener("last", calls)})
    with pytest.raises(HookFailed, match="the plugin late failed in srkit_step_end: KeyError: 'x'"):
        step_end(hooks, 1)
    assert calls == [("last", 1)]


def test_a_decorated_hook_is_named_too() -> None:
    def quietly(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*arguments: Any) -> Any:
            return function(*arguments)

        return inner

    class Decorated:
        @hookimpl
        @quietly
        def srkit_run_start(self, run: Any) -> None:
            raise ValueError("inside")

    with pytest.raises(HookFailed, match="the plugin wrapped failed in srkit_run_start"):
        HookCaller({"wrapped": Decorated()}).call("srkit_run_start", run=None)


def test_an_error_meant_for_the_user_stays_itself_with_a_note() -> None:
    for error in (UserError("the disk is full"), SrkitError("gone")):
        hooks = HookCaller({"quiet": Failing(False), "disk": Failing(True, error)})
        with pytest.raises(type(error)) as raised:
            run_end(hooks)
        assert raised.value is error
        assert raised.value.__notes__ == ["raised by the plugin disk in srkit_run_end"]


def test_ctrl_c_passes_through_and_names_who_was_at_work() -> None:
    class Interrupting:
        @hookimpl
        def srkit_run_start(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="^interrupted while the plugin x was in srkit_run_start$"):
        HookCaller({"x": Interrupting()}).call("srkit_run_start", run=None)


# --- states -----------------------------------------------------------------------------------------------------------


def test_states_come_back() -> None:
    first = HookCaller({"a": Listener("a", []), "b": Listener("b", []), "stateless": Failing(False)})
    step_end(first, 1)
    step_end(first, 2)
    states = first.states()
    assert states == {"a": {"count": 2}, "b": {"count": 2}}
    again = {"a": Listener("a", []), "new": Listener("new", [])}
    HookCaller(again).load_states({**states, "gone": {"count": 9}})
    assert (again["a"].count, again["new"].count) == (2, 0)


def test_a_state_that_cannot_be_given_or_taken_names_its_plugin() -> None:
    class Odd:
        def state_dict(self) -> dict[str, Any]:
            raise RuntimeError("lost")

        def load_state_dict(self, state: Any) -> None:
            state["absent"]

    hooks = HookCaller({"odd": Odd()})
    with pytest.raises(HookFailed, match="the plugin odd failed in state_dict: RuntimeError: lost"):
        hooks.states()
    with pytest.raises(HookFailed, match="the plugin odd failed in load_state_dict: KeyError: 'absent'"):
        hooks.load_states({"odd": {}})


# --- plugins that do not fit ------------------------------------------------------------------------------------------


def refused(plugin: Any) -> str:
    with pytest.raises(HookFailed) as raised:
        HookCaller({"dist:odd": plugin})
    said = str(raised.value)
    assert said.startswith("the plugin dist:odd ")
    return said


def test_an_unknown_hook_is_refused() -> None:
    class Misspelt:
        @hookimpl
        def srkit_step_edn(self) -> None: ...

    said = refused(Misspelt())
    assert "srkit_step_edn" in said and "srkit_step_end(run, step, metrics)" in said
    assert "Did you mean 'srkit_step_end'" in said


def test_an_unknown_argument_is_refused() -> None:
    class Asking:
        @hookimpl
        def srkit_step_end(self, loss: float) -> None: ...

    said = refused(Asking())
    assert "loss" in said and "srkit_step_end(run, step, metrics)" in said


def test_a_forgotten_mark_is_refused() -> None:
    class Unmarked:
        def srkit_step_end(self, step: int) -> None: ...

    assert "srkit_step_end without its mark" in refused(Unmarked())


def test_one_object_under_two_names_is_refused() -> None:
    plugin = Listener("x", [])
    with pytest.raises(HookFailed, match="the plugin second does not fit"):
        HookCaller({"first": plugin, "second": plugin})
