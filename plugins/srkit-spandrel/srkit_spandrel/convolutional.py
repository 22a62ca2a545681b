"""Networks of convolutions. Each function's first line is `locals()`: its arguments are the constructor's own."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from torch import nn

from srkit_spandrel.source import ANY, STEPS, Source, generator

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, le=1)]

SPAN = Source(
    "SPAN",
    "SPAN",
    scales=ANY,
    fixed={"num_in_ch": 3, "num_out_ch": 3},
    frozen=r"\.eval_conv\.",
    excused={"eval-mode": "each call folds three convolutions into the one it uses, as published; no weight changes"},
)
PLKSR = Source("PLKSR", "PLKSR", "upscaling_factor", ANY)
REALPLKSR = Source("PLKSR", "RealPLKSR", "upscaling_factor", ANY)
SAFMN = Source("SAFMN", "SAFMN", "upscaling_factor", ANY, multiple=8)
SEEMORE = Source("SeemoRe", "SeemoRe", "scale", ANY, least=16, alone=True)
MOSR = Source("MoSR", "MoSR", scales=ANY)
MOESR = Source("MoESR", "MoESR", "scale", least=2)
RCAN = Source("RCAN", "RCAN", "scale", STEPS, writes_input=True)


@generator(SPAN, feature_channels=8)
def span(scale: int, feature_channels: Count = 48, norm: bool = False) -> nn.Module:
    """SPAN: convolutions that serve as attention without parameters of its own; one of the fastest.

    Wan et al. 2023, arXiv 2311.12770. Each convolution is three while it trains and is folded into one to be used.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        feature_channels: channels of the trunk.
        norm: take a mean off the picture and multiply it with 255, as the published files want it; the output is not
            divided again, so that training from the start begins far away.
    """
    return SPAN.build(locals())


@generator(PLKSR, dim=8, n_blocks=1, kernel_size=5)
def plksr(
    scale: int,
    dim: Count = 64,
    n_blocks: Count = 12,
    ccm_type: Literal["CCM", "ICCM", "DCCM"] = "DCCM",
    kernel_size: Count = 17,
    split_ratio: Share = 0.25,
    use_ea: bool = True,
) -> nn.Module:
    """PLKSR: one large kernel on a part of the channels in each block.

    Lee, Yun and Ro 2024, arXiv 2404.11848; 12 blocks are its tiny form, 28 with `ccm_type = "DCCM"` the full one.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        dim: channels of the trunk.
        n_blocks: blocks one after another.
        ccm_type: the mixer of channels: 3x3 then 1x1, 1x1 then 3x3, or 3x3 twice.
        kernel_size: side of the large kernel, an odd number.
        split_ratio: share of the channels that see the large kernel.
        use_ea: attention for each element after it.
    """
    return PLKSR.build(locals())


@generator(REALPLKSR, dim=8, n_blocks=1, kernel_size=5)
def realplksr(
    scale: int,
    dim: Count = 64,
    n_blocks: Count = 28,
    kernel_size: Count = 17,
    split_ratio: Share = 0.25,
    use_ea: bool = True,
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0,
    dysample: bool = False,
    layer_norm: bool = False,
) -> nn.Module:
    """RealPLKSR: PLKSR with norms and dropout for photos that went through much.

    After Lee, Yun and Ro 2024, arXiv 2404.11848, in the form of the neosr project.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        dim: channels of the trunk, a multiple of 4.
        n_blocks: blocks one after another.
        kernel_size: side of the large kernel, an odd number.
        split_ratio: share of the channels that see the large kernel.
        use_ea: attention for each element after it.
        dropout: chance to drop a channel before the last convolution, in training only.
        dysample: enlarge at places that are learned instead of by a pixel shuffle.
        layer_norm: layer norm before each block, instead of group norm after it.
    """
    return REALPLKSR.build(locals())


@generator(SAFMN, dim=8, n_blocks=1)
def safmn(scale: int, dim: Count = 36, n_blocks: Count = 8, ffn_scale: Annotated[float, Meta(gt=0)] = 2.0) -> nn.Module:
    """SAFMN: features at four sizes modulate each other; small and light.

    Sun et al. 2023, arXiv 2302.13800. Sides are padded to multiples of 8.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        dim: channels of the trunk, a multiple of 4.
        n_blocks: blocks one after another.
        ffn_scale: how many times more channels there are inside of a mixer.
    """
    return SAFMN.build(locals())


@generator(SEEMORE, num_experts=2, num_layers=1, embedding_dim=12, global_kernel_size=5)
def seemore(
    scale: int,
    num_experts: Count = 3,
    num_layers: Count = 6,
    embedding_dim: Count = 36,
    global_kernel_size: Count = 11,
    lr_space: Literal["linear", "double", "exp"] = "exp",
) -> nn.Module:
    """SeemoRe: experts of low rank, of which one is chosen for each picture.

    Zamfir et al. 2024, arXiv 2402.03412; 6 layers of 36 channels are its tiny form, 8 of 48 the big one.
    LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        num_experts: experts in each layer.
        num_layers: layers one after another.
        embedding_dim: channels of the trunk.
        global_kernel_size: side of the striped kernels, an odd number.
        lr_space: how the experts' ranks grow from one to the next.
    """
    options = locals()
    large = (num_layers, embedding_dim) == (16, 48)
    # not to be seen from the weights: as spandrel takes them to be when it loads a file
    return SEEMORE.build(options, use_shuffle=not large, recursive=1 if large else 2)


@generator(MOSR, n_block=1, dim=8)
def mosr(
    scale: int,
    n_block: Count = 24,
    dim: Count = 64,
    upsampler: Literal["ps", "dys", "gps"] = "ps",
    drop_path: Annotated[float, Meta(ge=0, lt=1)] = 0.0,
    kernel_size: Count = 7,
    expansion_ratio: Annotated[float, Meta(gt=0)] = 1.5,
    conv_ratio: Share = 1.0,
) -> nn.Module:
    """MoSR: gated convolutions after MambaOut.

    By umzi2 (github.com/umzi2/MoSR). LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Any whole scale.

    Args:
        scale: how many times larger the picture becomes.
        n_block: gated blocks one after another.
        dim: channels of the trunk.
        upsampler: enlarge by a pixel shuffle, at places that are learned, or by a geometric ensemble of shuffles.
        drop_path: chance to leave out a block, in training only.
        kernel_size: side of the blocks' kernels, an odd number.
        expansion_ratio: how many times more channels there are inside of a block.
        conv_ratio: share of the channels that are convolved.
    """
    return MOSR.build(locals())


@generator(MOESR, dim=8, n_blocks=1, n_block=1, upsample_dim=8)
def moesr(
    scale: int,
    dim: Count = 64,
    n_blocks: Count = 9,
    n_block: Count = 4,
    expansion_factor: Annotated[float, Meta(gt=0)] = 2.65625,
    expansion_msg: Annotated[float, Meta(gt=0)] = 1.5,
    upsampler: Literal["pixelshuffledirect", "pixelshuffle", "nearest+conv", "dysample"] = "pixelshuffledirect",
    upsample_dim: Count = 64,
) -> nn.Module:
    """MoESR: gated blocks in groups, each with a part at half the size.

    By umzi2 (github.com/umzi2/MoESR). LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale). Scale 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        dim: channels of the trunk.
        n_blocks: groups one after another.
        n_block: blocks in a group.
        expansion_factor: how many times more channels there are inside of a block.
        expansion_msg: the same for the part at half the size.
        upsampler: how the picture is enlarged.
        upsample_dim: channels while it is enlarged.
    """
    return MOESR.build(locals())


@generator(RCAN, n_resgroups=1, n_resblocks=1, n_feats=8, reduction=4)
def rcan(
    scale: int,
    n_resgroups: Count = 10,
    n_resblocks: Count = 20,
    n_feats: Count = 64,
    reduction: Count = 16,
    norm: bool = True,
) -> nn.Module:
    """RCAN: 200 residual blocks, each weighing its channels.

    Zhang et al. 2018, arXiv 1807.02758. LR (B, 3, h, w) in [0, 1] -> SR (B, 3, h * scale, w * scale).
    Scale 2, 3, 4, 8.

    Args:
        scale: how many times larger the picture becomes.
        n_resgroups: groups one after another.
        n_resblocks: blocks in a group.
        n_feats: channels of the trunk.
        reduction: how many times fewer channels there are where they are weighed.
        norm: take the training photos' mean off the picture and put it back.
    """
    return RCAN.build(locals())
