"""samples/: the validation pictures as the network made them, a folder a validation."""

from __future__ import annotations

from srkit.data.decoding import file_stem, save_png
from srkit.hooks import hookimpl
from srkit.training.checkpoint import checkpoint_name
from srkit.training.run import Pictures, Run


class SamplePictures:
    """Writes what the network makes of each validation photo."""

    @hookimpl
    def srkit_validation_end(self, run: Run, step: int, pictures: Pictures) -> None:
        folder = run.folder / "samples" / checkpoint_name(step)
        folder.mkdir(parents=True, exist_ok=True)
        for name, views in pictures.items():
            save_png(folder / f"{file_stem(name)}.png", views["sr"].permute(1, 2, 0).numpy())
