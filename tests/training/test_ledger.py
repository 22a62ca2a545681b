"""Sums between log steps, and the first number that is not finite, on the CPU at once and on a card when looked at."""

import pytest
import torch

from srkit.training.ledger import Ledger, NotFinite

CARD = torch.device("cuda")  # only its type is looked at: the numbers themselves lie on the CPU


def terms(**values: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value) for name, value in values.items()}


def test_means_over_steps_whose_names_change() -> None:
    for device in (torch.device("cpu"), CARD):
        ledger = Ledger(device)
        ledger.add(1, terms(mse=1.0, loss=1.0))
        ledger.add(2, terms(mse=3.0, vgg=5.0, loss=8.0))
        ledger.add(2, terms(discriminator=2.0))
        assert ledger.read() == {"mse": 2.0, "loss": 4.5, "vgg": 5.0, "discriminator": 2.0}
        assert ledger.read() == {}


def test_a_state_goes_on_where_it_was_saved() -> None:
    ledger, other = Ledger(CARD), Ledger(torch.device("cpu"))
    ledger.add(1, terms(a=1.0))
    other.load_state_dict(ledger.state_dict())
    other.add(2, terms(a=2.0))
    assert other.read() == {"a": 1.5}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_on_the_cpu_the_step_ends_at_once(bad: float) -> None:
    ledger = Ledger(torch.device("cpu"))
    with pytest.raises(NotFinite, match=rf"step 7: the loss term 'vgg/conv1_1' is {bad}") as caught:
        ledger.add(7, terms(mse=1.0, **{"vgg/conv1_1": bad, "vgg": bad, "loss": bad}))
    assert caught.value.step == 7


def test_on_a_card_the_first_bad_step_is_found_when_looked_at() -> None:
    ledger = Ledger(CARD)
    for step in range(1, 6):
        ledger.add(step, terms(mse=1.0 if step < 4 else float("nan"), loss=1.0))
        ledger.add(step, terms(discriminator=1.0 if step < 3 else float("inf")))
    for look in (ledger.check, ledger.read):
        with pytest.raises(NotFinite, match="step 3: the loss term 'discriminator' is inf"):
            look()


def test_on_a_card_no_step_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(CARD)

    def wait(*_: object) -> None:
        raise AssertionError("asked for a value, which waits for the device")

    for name in ("tolist", "item", "__bool__", "__float__"):
        monkeypatch.setattr(torch.Tensor, name, wait)
    for step in range(1, 4):
        ledger.add(step, terms(mse=1.0, loss=1.0))
        ledger.add(step, terms(discriminator=1.0))
    monkeypatch.undo()
    ledger.check()
