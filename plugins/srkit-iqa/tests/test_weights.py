"""Metrics that need weights: without them one sentence, with them the library's numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import piq
import pytest
import torch
from torch import Tensor

from srkit.errors import OptionError
from srkit_iqa.by_pyiqa import Musiq, Nlpd
from srkit_iqa.learned import Brisque, PieApp

Pair = tuple[Tensor, Tensor]


@pytest.mark.parametrize(("metric", "file"), [(Brisque, "brisque_svm_weights.pt"), (PieApp, "PieAPPv0.1.pth")])
def test_missing_weights_are_named_with_the_way_out(metric: type, file: str, hub: Path) -> None:
    with pytest.raises(OptionError) as raised:
        metric()
    said = str(raised.value)
    assert f"Put {file} from https://" in said and str(hub) in said and "no network here" in said


@pytest.mark.parametrize("content", [b"<html>not found</html>", b""])
def test_a_file_that_holds_something_else_is_named(content: bytes, hub: Path) -> None:
    hub.mkdir(parents=True)
    (hub / "PieAPPv0.1.pth").write_bytes(content)
    with pytest.raises(OptionError, match=r"PieAPPv0\.1\.pth does not hold them"):
        PieApp()


def test_brisque_is_the_librarys(hub: Path, pair: Pair) -> None:
    """With vectors of noise: 36 features, 50 support vectors."""
    hub.mkdir(parents=True)
    stream = torch.Generator().manual_seed(0)
    vectors = (torch.rand(50, 1, generator=stream), torch.rand(50, 36, generator=stream))
    torch.save(vectors, hub / "brisque_svm_weights.pt")
    sr, _ = pair
    assert torch.allclose(Brisque()(sr), piq.brisque(sr, reduction="none").flatten(), rtol=1e-4)


def test_pieapp_is_the_librarys(hub: Path, pair: Pair) -> None:
    from piq.pieapp import PieAPPModel

    hub.mkdir(parents=True)
    torch.manual_seed(0)
    weights = PieAPPModel().state_dict()
    weights["ref_score_subtract.weight"] = weights["ref_score_subtract.weight"].squeeze(1)
    torch.save(weights, hub / "PieAPPv0.1.pth")
    sr, hr = (image[:1, :, :64, :64] for image in pair)
    assert torch.allclose(PieApp()(sr, hr), piq.PieAPP(reduction="none")(sr, hr), rtol=1e-4)


def test_without_pyiqa_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(OptionError, match=r"pip install 'srkit-iqa\[pyiqa\]'"):
        Musiq()


def test_pyiqas_own_number(pair: Pair) -> None:
    pyiqa = pytest.importorskip("pyiqa", reason="an extra: pip install 'srkit-iqa[pyiqa]'")
    sr, hr = pair
    assert torch.allclose(Nlpd()(sr, hr).flatten(), pyiqa.create_metric("nlpd", device="cpu")(sr, hr).flatten())
    for ours, theirs in ((piq.gmsd, "gmsd"), (piq.vsi, "vsi")):
        other = pyiqa.create_metric(theirs, device="cpu")(sr, hr).flatten()
        assert torch.allclose(ours(sr, hr, reduction="none").double(), other.double(), atol=2e-2)


def test_names_are_listed_without_importing_a_library(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['srkit', 'list', 'metrics', '--json']\n"
        "from srkit.cli.main import main\n"
        "try: main()\n"
        "finally: print([one for one in ('torch', 'torchmetrics', 'piq', 'pyiqa') if one in sys.modules], "
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0 and done.stderr.strip() == "[]"
    own = [row for row in json.loads(done.stdout) if row["distribution"] == "srkit-iqa"]
    assert {row["state"] for row in own} == {"ok"} and len(own) == 27 and all(row["summary"] for row in own)
