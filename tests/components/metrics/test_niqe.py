"""NIQE against its formula written out again with scipy and scikit-image's pictures, on parameters the test makes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from scipy.ndimage import convolve
from scipy.special import gamma
from torch import Tensor

from srkit.components.metrics.niqe import PARAMETERS, Niqe
from srkit.errors import OptionError, UserError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def parameters(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(3)
    mean, root = stream.normal(1, 0.3, (1, 36)), stream.normal(0, 0.2, (36, 36))
    covariance = root @ root.T + 0.05 * np.eye(36)
    np.savez(folder / PARAMETERS, mu_pris_param=mean, cov_pris_param=covariance, gaussian_window=np.zeros((7, 7)))
    return mean, covariance


def photo() -> np.ndarray:
    """Without flat areas, where the last digit of a computation decides which values count."""
    return skimage.data.chelsea()[:, :350]


def as_batch(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def halving(length: int) -> np.ndarray:
    """MATLAB's imresize by a half as a matrix: the cubic kernel with a = -0.5 stretched by 2, borders mirrored."""
    matrix = np.zeros((length // 2, length))
    for row in range(length // 2):
        for tap in range(2 * row - 3, 2 * row + 5):
            x = abs(tap - 2 * row - 0.5) / 2
            cubic = 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
            place = -tap - 1 if tap < 0 else 2 * length - 1 - tap if tap >= length else tap
            matrix[row, place] += cubic / 2
    return matrix


def aggd(block: np.ndarray) -> tuple[float, float, float]:
    shapes = np.arange(0.2, 10.001, 0.001)
    table = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    left, right = (np.sqrt(np.mean(part**2)) for part in (block[block < 0], block[block > 0]))
    g = left / right
    r = np.mean(np.abs(block)) ** 2 / np.mean(block**2) * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2
    alpha = shapes[np.argmin((table - r) ** 2)]
    width = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
    return alpha, left * width, right * width


def reference(image: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    plane = np.round(image.astype(float) @ np.array([65.481, 128.553, 24.966]) / 255 + 16)
    rows, columns = plane.shape[0] // 96, plane.shape[1] // 96
    plane = plane[: 96 * rows, : 96 * columns]
    ticks = np.arange(-3, 4)
    window = np.exp(-(ticks[:, None] ** 2 + ticks**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    found = []
    for side in (96, 48):
        mu = convolve(plane, window, mode="nearest")
        sigma = np.sqrt(np.abs(convolve(plane**2, window, mode="nearest") - mu**2))
        normal = (plane - mu) / (sigma + 1)
        numbers = []
        for row in range(rows):
            for column in range(columns):
                block = normal[row * side : (row + 1) * side, column * side : (column + 1) * side]
                alpha, left, right = aggd(block)
                one = [alpha, (left + right) / 2]
                for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
                    alpha, left, right = aggd(block * np.roll(block, shift, (0, 1)))
                    one += [alpha, (right - left) * gamma(2 / alpha) / gamma(1 / alpha), left, right]
                numbers.append(one)
        found.append(numbers)
        plane = halving(plane.shape[0]) @ plane @ halving(plane.shape[1]).T
    features = np.concatenate(found, 1)
    apart = mean.ravel() - features.mean(0)
    return float(np.sqrt(apart @ np.linalg.pinv((covariance + np.cov(features, rowvar=False)) / 2) @ apart))


def test_equals_its_formula(parameters: tuple[np.ndarray, np.ndarray]) -> None:
    image = photo()
    (value,) = Niqe()(as_batch(image)).tolist()
    assert value == pytest.approx(reference(image, *parameters), rel=1e-5)
    batch = torch.cat([as_batch(image), as_batch(image[:, ::-1])])
    assert Niqe()(batch)[0].item() == pytest.approx(value, rel=1e-12)


def test_a_block_without_contrast_is_left_out_of_the_covariance(parameters: tuple[np.ndarray, np.ndarray]) -> None:
    image = photo().copy()
    image[:96, :96] = 77
    assert np.isfinite(Niqe()(as_batch(image)).item())


def test_small_pictures_are_refused_in_words(parameters: tuple[np.ndarray, np.ndarray]) -> None:
    assert Niqe()(as_batch(photo()[:96, :192])).isfinite().all()
    with pytest.raises(UserError, match="at least 96 x 192 pixels after the border is cropped, got 191 x 191"):
        Niqe()(as_batch(photo()[:191, :191]))


def test_a_missing_or_wrong_file_is_one_message_that_says_how_to_bring_it(folder: Path) -> None:
    with pytest.raises(OptionError, match="BasicSR's source has it as basicsr/metrics/niqe_pris_params.npz") as caught:
        Niqe()
    assert str(folder) in str(caught.value)
    (folder / PARAMETERS).write_bytes(b"no archive")
    with pytest.raises(OptionError, match="is not what niqe needs"):
        Niqe()
    np.savez(folder / PARAMETERS, mu_pris_param=np.zeros(5), cov_pris_param=np.zeros((5, 5)))
    with pytest.raises(OptionError, match=r"shapes \(5,\)"):
        Niqe()


@pytest.mark.parametrize("shape", [(10**12,), (36, 10**9)])
def test_parameters_of_another_size_are_not_read(shape: tuple[int, ...], folder: Path) -> None:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(folder / PARAMETERS, "w") as archive:
        for name in ("mu_pris_param.npy", "cov_pris_param.npy"):
            archive.writestr(name, content.getvalue())
    with pytest.raises(OptionError, match="is not what niqe needs .*claims the shape"):
        Niqe()


def test_parameters_are_not_unpacked_without_end(folder: Path) -> None:
    with zipfile.ZipFile(folder / PARAMETERS, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mu_pris_param.npy", bytes(50_000_000))
    with pytest.raises(OptionError, match="is not what niqe needs .*50,000,000 bytes"):
        Niqe()


def test_objects_are_not_unpickled(folder: Path) -> None:
    np.savez(folder / PARAMETERS, mu_pris_param=np.array([Path()], object), cov_pris_param=np.zeros((36, 36)))
    with pytest.raises(OptionError, match="is not what niqe needs"):
        Niqe()
