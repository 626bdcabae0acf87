"""Numbers that the released code of methods gave, and the computation of the same by mmbench.

The code that `RELEASES` names was run in float64 with the inputs of `waves` and the weights of
`fill`; code for Keras was first transcribed for torch. Only its numbers are here.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbench.methods.cc import CC
from mmbench.methods.cmmc import CMMC, contrasts, finetune_loss
from mmbench.methods.cmmc import Network as CMMCNetwork
from mmbench.methods.completer import Completer, CompletionNetwork
from mmbench.methods.comvc import CoMVC
from mmbench.methods.dec import DEC
from mmbench.methods.dm2c import DM2C, TranslationNetwork, generator_terms, total_critic_loss
from mmbench.methods.dmim import DMIM, balanced_targets, shared_terms, superfluous_term
from mmbench.methods.dmim import Network as DMIMNetwork
from mmbench.methods.idec import IDEC
from mmbench.methods.iic import IIC
from mmbench.methods.iic import Network as IICNetwork
from mmbench.methods.infoddc import InfoDDC
from mmbench.methods.mv_iic import MVIIC, information_of_pairs
from mmbench.methods.sacc import SACC, ContrastiveNetwork, cluster_loss, instance_loss
from mmbench.methods.simvc import SiMVC
from mmbench.nn.ddc import FusionNetwork, ddc_terms
from mmbench.nn.embedded import student_t, target_distribution
from mmbench.nn.encoders import ConvEncoder
from mmbench.nn.information import divergence, shared_information
from mmbench.nn.networks import (
    AssignmentNetwork,
    Autoencoder,
    normalised_mlp,
    reconstruction_error,
)


def waves(*shape: int, start: int = 0) -> Tensor:
    """Return sin(i²) of the integers i from `start`, which look random, in float64."""
    i = torch.arange(start, start + math.prod(shape), dtype=torch.float64)
    return torch.sin(i.square()).reshape(shape)


def fill(*parts: nn.Module) -> None:
    """Set all parameters of the parts, in this order, to waves over the root of the fan-in."""
    start = 0
    for part in parts:
        for parameter in part.double().parameters():
            parameter.data = waves(*parameter.shape, start=start) / parameter[0].numel() ** 0.5
            start += parameter.numel()


# ----------------------------------------------------------------------- losses by mmbench


def cmmc_terms() -> list[Tensor]:
    """Return both contrasts, the reconstruction errors and fine-tuning, for three views."""
    views = [waves(12, width, start=100 * v) for v, width in enumerate((7, 5, 6))]
    method = CMMC()
    network = CMMCNetwork((7, 5, 6), method.hidden, method.n_latent, method.n_high_level, 4)
    fill(*network.autoencoders, network.features, network.labels)
    z = [net.encoder(x) for net, x in zip(network.autoencoders, views, strict=True)]
    decoded = [net.decoder(a) for net, a in zip(network.autoencoders, z, strict=True)]
    errors = [reconstruction_error(a, x) for a, x in zip(decoded, views, strict=True)]
    logits = [network.labels(a) for a in z]
    tuned = [finetune_loss(a, torch.arange(12) % 4, method.double_softmax) / 12 for a in logits]
    both = contrasts([network.features(a) for a in z], [a.softmax(dim=1) for a in logits])
    return [*both, torch.stack(errors).sum(), torch.stack(tuned).sum()]


def image_terms(n_augmentations: int) -> list[Tensor]:
    """Return the contrasts of images and of clusters, for six images."""
    images = [(waves(6, 3, 97, 97, start=1000 * v) + 1) / 2 for v in range(n_augmentations)]
    network = ContrastiveNetwork(SACC().backbone, 3, 97, 4)
    fill(network.backbone, network.instance, network.cluster)
    z, soft = zip(*(network(x) for x in images), strict=True)
    no_strong = [None] * (3 - n_augmentations)
    return [instance_loss(*z, *no_strong), cluster_loss(*soft, *no_strong)]


def completer_terms() -> Tensor:
    """Return the shared information, and the errors of reconstruction and prediction."""
    views = [(waves(12, width, start=100 * v) + 1) / 2 for v, width in enumerate((7, 5))]
    method = Completer()
    network = CompletionNetwork((7, 5), method.hidden, method.n_latent, method.predictor_hidden)
    fill(network.encoders, network.decoders, network.predictors)
    # the terms are computed in float32
    return network.float().terms([x.float() for x in views], method.entropy_weight)


def dec_terms(method: DEC) -> list[Tensor]:
    """Return the weighted terms of the clustering phase; latent vectors and centres are waves."""
    x, z, centres = waves(12, 7), 3 * waves(12, 10), waves(4, 10, start=500)
    network = Autoencoder(7, method.hidden, method.n_latent)
    fill(network.encoder, network.decoder)
    soft = student_t(z, centres)
    terms = {
        "divergence": divergence(target_distribution(soft), soft),
        "reconstruction": reconstruction_error(network(x), x),
    }
    return [weight * terms[name] for name, weight in method.term_weights().items()]


def dm2c_terms() -> list[Tensor]:
    """Return the terms of autoencoders and mappings, and the loss of the critics, unweighted."""
    x = [waves(12, 130), waves(10, 129, start=1000)]
    method = DM2C()
    network = TranslationNetwork((130, 129), method)
    fill(network.encoders, network.decoders, network.mappings, network.critics)
    latents = network.latents(x)
    critic = total_critic_loss(network.critics, latents, method.critic, method.gradient_penalty)
    return [*generator_terms(network, x, latents, method.critic), critic]


def dmim_terms() -> list[Tensor]:
    """Return the information of both heads, L2 with draws of seed 0, and L3 without its weight."""
    image = waves(24, 100)
    views = [image, 0.7 * image + 0.3 * waves(24, 100, start=5000)]
    network = DMIMNetwork(100, 4, 40, n_trunks=1)
    fill(*network.trunks, network.clusters, network.overclusters, network.code)
    soft = [network(x, v) for v, x in enumerate(views)]
    torch.manual_seed(0)
    codes = [network.draw_code(x, v) for v, x in enumerate(views)]
    superfluous = superfluous_term(codes, DMIM().superfluous_reduction)
    balance = functional.cross_entropy(soft[0][0], balanced_targets(soft[0][0]))
    return [*shared_terms(soft), superfluous, balance]


def iic_terms() -> list[Tensor]:
    """Return two numbers for each kind of heads.

    They are the sum of the squared assignments of twelve grey images, and the information of
    assignments that are waves, a mean over heads.
    """
    images = (waves(12, 1, 32, 32) + 1) / 2
    network = IICNetwork(IIC(), 3, 4)
    fill(network.backbone)
    terms = []
    for kind, n_clusters in (("overcluster", 28), ("cluster", 4)):
        fill(network.heads[kind])
        terms.append(network(images.expand(-1, 3, -1, -1), kind).double().square().sum())
        p, q = ((2 * waves(5, 12, n_clusters, start=s)).softmax(dim=2) for s in (0, 7000))
        terms.append(shared_information(p, (p + q) / 2).mean())
    return terms


def fused(
    encoders: list[nn.Module], n_latent: int, method: SiMVC, views: list[Tensor]
) -> list[Tensor]:
    """Return the terms of DDC and those of alignment, where the views have unequal weights."""
    network = FusionNetwork(encoders, n_latent, method.n_hidden, 4)
    fill(network.encoders, network.hidden, network.output)
    network.logits.data = torch.tensor([0.3, -0.2, 0.1][: len(views)], dtype=torch.float64)
    output = network(views)
    aligned = method.alignment(output, network.weights).values()
    return [*ddc_terms(output.soft, output.hidden), *aligned]


def simvc_terms() -> list[Tensor]:
    """Return the three terms of DDC, for two views of 28 x 28 pixels."""
    views = [(waves(12, 784, start=1000 * v) + 1) / 2 for v in range(2)]
    method = SiMVC()
    encoders = [ConvEncoder((1, 28, 28), method.kernels, method.channels) for _ in views]
    return fused(encoders, 288, method, views)


def comvc_terms() -> list[Tensor]:
    """Return the three terms of DDC, and the weighted contrast, for three views of features."""
    views = [waves(12, width, start=100 * v) for v, width in enumerate((7, 5, 6))]
    method = CoMVC()
    encoders = [normalised_mlp((x.shape[1], *method.hidden), method.n_latent) for x in views]
    return fused(encoders, method.n_latent, method, views)


def infoddc_terms() -> list[Tensor]:
    """Return the three terms of DDC, and the weighted information, for three views of features.

    The code does not count the information of the last view with itself.
    """
    views = [waves(12, width, start=100 * v) for v, width in enumerate((7, 5, 6))]
    method = InfoDDC()
    widths = [(x.shape[1], *method.hidden) for x in views]
    encoders = [nn.Sequential(normalised_mlp(w, method.n_latent), nn.Softmax(1)) for w in widths]
    *ddc, information = fused(encoders, method.n_latent, method, views)
    code = encoders[-1](views[-1])
    own = shared_information(code, code, entropy_weight=method.entropy_weight)
    return [*ddc, information + method.information_weight * own]


def mv_iic_terms() -> tuple[Tensor, Tensor]:
    """Return the information of the cluster head and of five heads of 20, for three views."""
    views = [waves(12, width, start=100 * v) for v, width in enumerate((7, 5, 6))]
    method = MVIIC()
    encoders = [normalised_mlp((x.shape[1], *method.hidden), method.n_latent) for x in views]
    network = AssignmentNetwork(encoders, method.n_latent, 4, n_heads=5, n_overclusters=20)
    for part in (network.encoders, network.clusters, network.overclusters):
        fill(part)
    soft = [network(x, v) for v, x in enumerate(views)]
    return information_of_pairs(soft, method.entropy_weight)


# -------------------------------------------------------------- numbers of the released code


@dataclass(frozen=True)
class Release:
    """What the code of one repository gave, and what mmbench needs to give the same."""

    code: str  # repository and commit
    method: Any  # with the settings of that code
    compute: Callable[[], Iterable[Tensor]]
    terms: tuple[float, ...]  # of the loss, as `compute` returns them
    shape: tuple[int, int, tuple[tuple[int, ...], ...]]  # samples, clusters, a row of each view
    parameters: int  # that are trained
    steps: int | None  # of all optimisers in the whole schedule; None where mmbench departs
    mixed: bool = False  # each sample has one of the views
    quick: dict[str, Any] = field(default_factory=dict)  # settings that keep the parameters
    narrow: dict[str, Any] = field(default_factory=dict)  # settings that keep the steps


MNIST_USPS = (5_000, 10, ((784,), (784,)))
CIFAR_10 = (60_000, 10, ((3, 32, 32),))
MNIST = (70_000, 10, ((784,),))
SCENE_15 = (4_485, 15, ((20,), (59,)))
E_MNIST = (60_000, 10, ((1, 28, 28), (1, 28, 28)))
CALTECH7 = (1_474, 7, ((48,), (40,), (254,), (1984,), (512,), (928,)))
NUS_WIDE = (20_000, 8, ((100,), (100,)))
WIKIPEDIA = (1_910, 10, ((2048,), (2048,)))  # the part to train on
RELEASES = {
    "cmmc": Release(
        "SubmissionsIn/MFLVC e13ded7",
        CMMC(),
        cmmc_terms,
        (10.208587716, 7.151612767, 2.803753035, 4.199164650),
        MNIST_USPS,
        parameters=10_749_386,
        steps=4_800,
        narrow={"hidden": (), "n_latent": 2, "n_high_level": 1},
    ),
    "sacc": Release(
        "dengxiaozhi/SACC fdacdef",
        SACC(),
        lambda: image_terms(3),
        (4.793952176, 7.914229302),
        CIFAR_10,
        parameters=21_880_778,
        steps=300_000,
        quick={"side": 97},
    ),
    "cc": Release(
        "Yunfan-Li/Contrastive-Clustering 61daba8",
        CC(),
        lambda: image_terms(2),
        (2.396938438, 2.637394029),
        CIFAR_10,
        parameters=21_880_778,
        steps=234_000,
        quick={"side": 97},
    ),
    "completer": Release(
        "XLearning-SCU/2021-CVPR-Completer ad37110",
        Completer(),
        completer_terms,
        (84.724640087, 0.840030683, 2.648375074e-4),
        SCENE_15,
        parameters=9_445_357,
        steps=None,  # the code also trains on the last batch of an epoch, which is not full
        quick={"prediction_start": 0},
    ),
    "dec": Release(
        "XifengGuo/DEC-keras 2438070",
        DEC(),
        lambda: dec_terms(DEC()),
        (0.010090663,),
        MNIST,
        parameters=3_330_894,
        steps=None,  # the code pre-trains for 300 epochs by SGD, and limits the steps to 20 000
    ),
    "idec": Release(
        "XifengGuo/IDEC 4a661c2",
        IDEC(),
        lambda: dec_terms(IDEC()),
        (0.0010090663, 1.639920878),
        MNIST,
        parameters=3_330_894,
        steps=None,  # the code loads a pre-trained network, and limits the steps to 20 000
    ),
    "dm2c": Release(
        "jiangyangby/DM2C 72230ba",
        DM2C(),
        dm2c_terms,
        (1.864616033, 1.839272093, 1.833239685, 1.156133727, 0.766512412),
        WIKIPEDIA,
        parameters=9_929_090,
        steps=6_360,
        mixed=True,
        quick={"critic_every": 1},
        narrow={"widths": (2, 2, 2), "mapping_widths": (2,)},
    ),
    "iic": Release(
        "xu-ji/IIC b7602b7",
        IIC(),
        iic_terms,
        (8.422127430, 0.023065711, 22.644036052, 0.034981585),
        CIFAR_10,
        parameters=21_481_616,
        steps=None,  # the code also trains on the last batch, for one epoch less than it is asked
        quick={"repeats": 1, "cluster_passes": 1},
    ),
    "dmim": Release(
        "yiqiaomao/DMIM bb6b615",
        DMIM(),
        dmim_terms,
        (5.92765571e-4, 1.024166487e-3, 0.024250423853, 1.303250324),
        NUS_WIDE,
        parameters=49_688,  # and 40 800 that its code does not use
        steps=500,
        narrow={"overcluster_factor": 1},
    ),
    "simvc": Release(
        "DanielTrosten/mvc 6e50f6a",
        SiMVC(),
        simvc_terms,
        (0.944657376, 0.336986154, 0.986677194),
        E_MNIST,
        parameters=120_288,
        steps=60_000,
        narrow={"hidden": (2,), "n_latent": 2, "n_hidden": 2},
    ),
    "comvc": Release(
        "DanielTrosten/DeepMVC 39ffec5",
        CoMVC(),
        comvc_terms,
        (0.870166153, 0.373794939, 0.961624383, 0.530216178),
        CALTECH7,
        parameters=24_405_493,
        steps=1_400,
        narrow={"hidden": (2,), "n_latent": 2, "n_hidden": 2},
    ),
    "infoddc": Release(
        "DanielTrosten/DeepMVC 39ffec5",
        InfoDDC(),
        infoddc_terms,
        (0.995728733, 0.393691305, 0.999081269, -48.033227139),
        CALTECH7,
        parameters=24_405_493,
        steps=2_100,
        narrow={"hidden": (2,), "n_latent": 2, "n_hidden": 2},
    ),
    "mv_iic": Release(
        "DanielTrosten/DeepMVC 39ffec5",
        MVIIC(),
        mv_iic_terms,
        (3.790608680, 8.071857298),
        CALTECH7,
        parameters=24_509_179,
        steps=1_400,
        narrow={"hidden": (2,), "n_latent": 2, "n_overclusters": 2},
    ),
}
