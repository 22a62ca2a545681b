"""Networks with attention that are strong and slow. As in `attention`, arguments are the constructor's own."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from torch import nn

from srkit_spandrel.attention import Chance, Count, Counts, Ratio, Residual
from srkit_spandrel.source import ANY, Source, generator

HAT = Source("HAT", "HAT", least=16)
DAT = Source("DAT", "DAT", scales=ANY, least=16)
RGT = Source("RGT", "RGT", least=16)
DRCT = Source("DRCT", "DRCT", fixed={"upsampler": "pixelshuffle"}, multiple=16)

Sides = tuple[Count, Count]


@generator(HAT, embed_dim=12, depths=[2], num_heads=[2], window_size=4, compress_ratio=3, squeeze_factor=3)
def hat(
    scale: int,
    embed_dim: Count = 144,
    depths: Counts = [6, 6, 6, 6, 6, 6],  # noqa: B006  # read, never changed
    num_heads: Counts = [6, 6, 6, 6, 6, 6],  # noqa: B006  # as above
    window_size: Count = 16,
    compress_ratio: Count = 24,
    squeeze_factor: Count = 24,
    overlap_ratio: Annotated[float, Meta(gt=0, le=1)] = 0.5,
    mlp_ratio: Ratio = 2.0,
    drop_path_rate: Chance = 0.1,
) -> nn.Module:
    """HAT: attention in windows that overlap, beside attention over channels.

    Chen et al. 2022, arXiv 2205.04437; by default HAT-S. HAT has embed_dim = 180, compress_ratio = 3,
    squeeze_factor = 30. LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scale 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of each of `num_heads`.
        depths: layers in each group.
        num_heads: heads of attention in each group; as many as `depths`.
        window_size: side of the windows.
        compress_ratio: how many times fewer channels there are between a layer's two convolutions.
        squeeze_factor: how many times fewer channels there are where channels are weighed.
        overlap_ratio: how far windows overlap, as a share of their side.
        mlp_ratio: how many times more channels there are between two attentions.
        drop_path_rate: chance to leave out the last layer (the first: 0), in training only.
    """
    return HAT.build(locals())


@generator(DAT, embed_dim=16, depth=[2], num_heads=[2], split_size=[2, 4], expansion_factor=2.0)
def dat(
    scale: int,
    embed_dim: Count = 60,
    depth: Counts = [18],  # noqa: B006  # read, never changed
    num_heads: Counts = [6],  # noqa: B006  # as above
    split_size: Sides = (8, 32),
    expansion_factor: Ratio = 2.0,
    upsampler: Literal["pixelshuffle", "pixelshuffledirect"] = "pixelshuffledirect",
    resi_connection: Residual = "3conv",
    drop_path_rate: Chance = 0.1,
) -> nn.Module:
    """DAT: attention over places and over channels by turns.

    Chen et al. 2023, arXiv 2308.03364; by default its light form. DAT has embed_dim = 180,
    depth = [6, 6, 6, 6, 6, 6] and as many heads, expansion_factor = 4, upsampler = "pixelshuffle",
    resi_connection = "1conv"; DAT-S besides split_size = [8, 16], expansion_factor = 2.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale with "pixelshuffledirect".

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of each of `num_heads`.
        depth: layers in each group.
        num_heads: heads of attention in each group, even numbers; as many as `depth`.
        split_size: the sides of the windows; 64 is a multiple of both.
        expansion_factor: how many times more channels there are between two attentions.
        upsampler: in steps, or at once.
        resi_connection: one convolution or three at the end of a group.
        drop_path_rate: chance to leave out the last layer (the first: 0), in training only.
    """
    return DAT.build({**locals(), "split_size": list(split_size)})


@generator(RGT, embed_dim=8, depth=[2], num_heads=[2], split_size=[4, 4])
def rgt(
    scale: int,
    embed_dim: Count = 180,
    depth: Counts = [6, 6, 6, 6, 6, 6],  # noqa: B006  # read, never changed
    num_heads: Counts = [6, 6, 6, 6, 6, 6],  # noqa: B006  # as above
    split_size: Sides = (8, 32),
    mlp_ratio: Ratio = 2.0,
    c_ratio: Annotated[float, Meta(gt=0, le=1)] = 0.5,
    resi_connection: Residual = "1conv",
    drop_path_rate: Chance = 0.1,
) -> nn.Module:
    """RGT: attention to a small summary of the whole picture beside attention in windows.

    Chen et al. 2023, arXiv 2308.02965; by default RGT-S; RGT has eight groups.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scale 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of each of `num_heads`.
        depth: layers in each group.
        num_heads: heads of attention in each group, even numbers; as many as `depth`.
        split_size: the sides of the windows.
        mlp_ratio: how many times more channels there are between two attentions.
        c_ratio: share of the channels in the attention to the summary.
        resi_connection: one convolution or three at the end of a group.
        drop_path_rate: chance to leave out the last layer (the first: 0), in training only.
    """
    return RGT.build({**locals(), "split_size": list(split_size)})


@generator(DRCT, embed_dim=12, depths=[6], num_heads=[2], window_size=4, gc=8)
def drct(
    scale: int,
    embed_dim: Count = 180,
    depths: Counts = [6, 6, 6, 6, 6, 6],  # noqa: B006  # read, never changed
    num_heads: Counts = [6, 6, 6, 6, 6, 6],  # noqa: B006  # as above
    window_size: Count = 16,
    mlp_ratio: Ratio = 2.0,
    gc: Count = 32,
) -> nn.Module:
    """DRCT: HAT's rival with dense connections between its layers.

    Hsu, Lee and Chou 2024, arXiv 2404.00722; DRCT-L has twelve groups. Sides are padded to multiples of 16.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scale 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of each of `num_heads`.
        depths: how many groups there are, a 6 for each: a group always has five layers.
        num_heads: heads of attention in each group; as many as `depths`.
        window_size: side of the windows, a divisor of 16.
        mlp_ratio: how many times more channels there are between two attentions.
        gc: channels that each layer of a group adds.
    """
    return DRCT.build(locals(), img_size=4 * window_size)
