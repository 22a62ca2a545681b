"""A command of one's own: `srkit sizes`."""

from __future__ import annotations

from pathlib import Path

import click

from srkit.cli.saying import say


@click.command("sizes")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def sizes(folder: Path) -> None:
    """Print the size of each picture in a folder."""
    from PIL import Image  # what takes time to import is imported when the command is called

    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as opened:
            say(f"{path.name} {opened.width} x {opened.height}")
