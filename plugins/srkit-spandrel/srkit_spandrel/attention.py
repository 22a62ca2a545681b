"""Networks with attention in windows. Each function's first line is `locals()`: its arguments are the constructor's."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from torch import nn

from srkit_spandrel.source import ANY, Source, generator

Count = Annotated[int, Meta(ge=1)]
Counts = Annotated[list[Count], Meta(min_length=1)]
Ratio = Annotated[float, Meta(gt=0)]
Chance = Annotated[float, Meta(ge=0, lt=1)]
Residual = Literal["1conv", "3conv"]

SWINIR = Source("SwinIR", "SwinIR", scales=ANY, least=16)
SWIN2SR = Source("Swin2SR", "Swin2SR", scales=ANY, least=16)
OMNISR = Source("OmniSR", "OmniSR", "up_scale", ANY, {"num_in_ch": 3, "num_out_ch": 3, "pe": True}, least=16)
ATD = Source("ATD", "ATD", scales=ANY, least=8)
CRAFT = Source("CRAFT", "CRAFT", scales=ANY, least=16, multiple=16)
FDAT = Source("FDAT", "FDAT", "scale", frozen=r"blocks\.\d*[02468]\.inter\.sg\.|blocks\.\d*[13579]\.inter\.cg\.")


@generator(SWINIR, embed_dim=8, depths=[2], num_heads=[2], window_size=4)
def swinir(
    scale: int,
    embed_dim: Count = 60,
    depths: Counts = [6, 6, 6, 6],  # noqa: B006  # read, never changed
    num_heads: Counts = [6, 6, 6, 6],  # noqa: B006  # as above
    window_size: Count = 8,
    mlp_ratio: Ratio = 2.0,
    upsampler: Literal["pixelshuffle", "pixelshuffledirect", "nearest+conv"] = "pixelshuffledirect",
    resi_connection: Residual = "1conv",
    drop_path_rate: Chance = 0.1,
) -> nn.Module:
    """SwinIR: attention in windows that shift from layer to layer.

    Liang et al. 2021, arXiv 2108.10257; by default its light form. The classical one has embed_dim = 180,
    depths = [6, 6, 6, 6, 6, 6] and as many heads, upsampler = "pixelshuffle".
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale with "pixelshuffledirect".

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of each of `num_heads`.
        depths: layers in each group.
        num_heads: heads of attention in each group; as many as `depths`.
        window_size: side of the windows.
        mlp_ratio: how many times more channels there are between two attentions.
        upsampler: in steps, at once, or by nearest neighbour with convolutions (4 times).
        resi_connection: one convolution or three at the end of a group.
        drop_path_rate: chance to leave out the last layer (the first: 0), in training only.
    """
    # window 7 means the JPEG models, which count from 0 to 255: so spandrel takes it when it loads a file
    return SWINIR.build(locals(), img_size=8 * window_size, img_range=255.0 if window_size == 7 else 1.0)


@generator(SWIN2SR, embed_dim=8, depths=[2], num_heads=[2], window_size=4)
def swin2sr(
    scale: int,
    embed_dim: Count = 60,
    depths: Counts = [6, 6, 6, 6],  # noqa: B006  # read, never changed
    num_heads: Counts = [6, 6, 6, 6],  # noqa: B006  # as above
    window_size: Count = 8,
    mlp_ratio: Ratio = 2.0,
    upsampler: Literal["pixelshuffle", "pixelshuffledirect", "nearest+conv"] = "pixelshuffledirect",
    resi_connection: Residual = "1conv",
    drop_path_rate: Chance = 0.1,
) -> nn.Module:
    """Swin2SR: SwinIR with Swin version 2's attention, which trains more steadily.

    Conde et al. 2022, arXiv 2209.11345; by default its light form. The classical one has embed_dim = 180,
    depths = [6, 6, 6, 6, 6, 6] and as many heads, upsampler = "pixelshuffle".
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale with "pixelshuffledirect".

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of each of `num_heads`.
        depths: layers in each group.
        num_heads: heads of attention in each group; as many as `depths`.
        window_size: side of the windows.
        mlp_ratio: how many times more channels there are between two attentions.
        upsampler: in steps, at once, or by nearest neighbour with convolutions (4 times).
        resi_connection: one convolution or three at the end of a group.
        drop_path_rate: chance to leave out the last layer (the first: 0), in training only.
    """
    # as in `swinir`
    return SWIN2SR.build(locals(), img_size=8 * window_size, img_range=255.0 if window_size == 7 else 1.0)


@generator(OMNISR, num_feat=8, res_num=1, window_size=4)
def omnisr(
    scale: int,
    num_feat: Count = 64,
    res_num: Count = 5,
    block_num: Count = 1,
    window_size: Count = 8,
    bias: bool = True,
) -> nn.Module:
    """Omni-SR: attention over places and over channels, in windows and over a grid.

    Wang et al. 2023, arXiv 2304.10244.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        num_feat: channels of the trunk.
        res_num: groups one after another.
        block_num: blocks in a group.
        window_size: side of the windows.
        bias: biases in the first and the last convolutions.
    """
    return OMNISR.build(locals())


@generator(ATD, embed_dim=8, depths=[2], num_heads=[2], window_size=4, num_tokens=4, reducted_dim=2)
def atd(
    scale: int,
    embed_dim: Count = 48,
    depths: Counts = [6, 6, 6, 6],  # noqa: B006  # read, never changed
    num_heads: Counts = [4, 4, 4, 4],  # noqa: B006  # as above
    window_size: Count = 16,
    num_tokens: Count = 64,
    reducted_dim: Count = 8,
    convffn_kernel_size: Count = 7,
    mlp_ratio: Ratio = 1.0,
    upsampler: Literal["pixelshuffle", "pixelshuffledirect", "nearest+conv"] = "pixelshuffledirect",
    resi_connection: Residual = "1conv",
) -> nn.Module:
    """ATD: a dictionary of tokens, learned and refined, by which distant places of a kind attend to each other.

    Zhang et al. 2024, arXiv 2401.08209; by default its light form. The full one has embed_dim = 210,
    depths = [6, 6, 6, 6, 6, 6] and as many heads, num_tokens = 128, reducted_dim = 20, convffn_kernel_size = 5,
    mlp_ratio = 2, upsampler = "pixelshuffle".
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale with "pixelshuffledirect".

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of each of `num_heads`.
        depths: layers in each group.
        num_heads: heads of attention in each group; as many as `depths`.
        window_size: side of the windows.
        num_tokens: tokens in the dictionary.
        reducted_dim: channels of the attention to the dictionary.
        convffn_kernel_size: side of the convolution between two attentions, an odd number.
        mlp_ratio: how many times more channels there are between two attentions.
        upsampler: in steps, at once, or by nearest neighbour with convolutions (4 times).
        resi_connection: one convolution or three at the end of a group.
    """
    options = locals()
    # not to be seen from the weights: as spandrel takes it to be when it loads a file
    category_size = 128 if upsampler == "pixelshuffledirect" and embed_dim == 48 else 256
    return ATD.build(options, category_size=category_size)


@generator(CRAFT, embed_dim=12, depths=[2], num_heads=[2], split_size_0=2, split_size_1=4)
def craft(
    scale: int,
    embed_dim: Count = 48,
    depths: Counts = [2, 2, 2, 2],  # noqa: B006  # read, never changed
    num_heads: Counts = [6, 6, 6, 6],  # noqa: B006  # as above
    split_size_0: Count = 4,
    split_size_1: Count = 16,
    mlp_ratio: Ratio = 2.0,
) -> nn.Module:
    """CRAFT: a path for edges beside one for the whole, joined by attention.

    Li et al. 2023, arXiv 2308.05022. Sides are padded to multiples of 16.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, an even multiple of each of `num_heads`.
        depths: layers in each group.
        num_heads: heads of attention in each group; as many as `depths`.
        split_size_0: the short side of the windows.
        split_size_1: the long side of the windows.
        mlp_ratio: how many times more channels there are between two attentions.
    """
    return CRAFT.build(locals())


@generator(FDAT, embed_dim=8, num_groups=1, depth_per_group=1, num_heads=2, window_size=4, mid_dim=8)
def fdat(
    scale: int,
    embed_dim: Count = 96,
    num_groups: Count = 2,
    depth_per_group: Count = 2,
    num_heads: Count = 3,
    window_size: Count = 8,
    ffn_expansion_ratio: Ratio = 1.5,
    aim_reduction_ratio: Count = 8,
    mid_dim: Count = 64,
    upsampler_type: Literal[
        "pixelshuffledirect", "pixelshuffle", "nearest+conv", "dysample", "transpose+conv", "lda", "pa_up"
    ] = "transpose+conv",
    drop_path_rate: Chance = 0.1,
) -> nn.Module:
    """FDAT: DAT made fast: attention over places and over channels by turns, joined by cheap gates.

    From github.com/stinkybread/FDAT; by default its tiny form. Light: embed_dim = 108, num_groups = 3,
    depth_per_group = 2, num_heads = 4, ffn_expansion_ratio = 2; medium: 120, 4, 3, 4, 2.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scale 2, 3, 4, 8, as the upsampler can.

    Args:
        scale: how many times larger the picture becomes.
        embed_dim: channels of the trunk, a multiple of `num_heads`.
        num_groups: groups one after another.
        depth_per_group: pairs of blocks in a group.
        num_heads: heads of attention.
        window_size: side of the windows.
        ffn_expansion_ratio: how many times more channels there are between two attentions.
        aim_reduction_ratio: how many times fewer channels there are in the gates.
        mid_dim: channels while the picture is enlarged.
        upsampler_type: how the picture is enlarged.
        drop_path_rate: chance to leave out the last block (the first: 0), in training only.
    """
    return FDAT.build(locals())
