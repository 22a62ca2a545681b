"""A plugin that forgot the mark of its hook, which would never be called."""


def srkit_step_end(step: int) -> None:
    raise AssertionError(f"called at {step}")
