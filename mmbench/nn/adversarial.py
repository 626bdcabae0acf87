"""Critics of latent vectors: their network, their losses, and what bounds their slope.

A critic gives each row a score, high for native rows and low for those that a generator
translated from another space. There are three kinds: `wasserstein` has its weights clipped,
`gradient-penalty` has its gradient kept near norm 1 instead, and `naive` is a classifier trained
by cross-entropy.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbench.nn.mixed import SLOPE

CriticKind = Literal["wasserstein", "naive", "gradient-penalty"]


def leaky_critic(n_latent: int) -> nn.Sequential:
    """Return a network from rows to unbounded scores, (batch, n_latent) to (batch, 1)."""
    return nn.Sequential(nn.Linear(n_latent, 32), nn.LeakyReLU(SLOPE), nn.Linear(32, 1))


def clip_weights(network: nn.Module, bound: float) -> None:
    """Clip every weight and bias of a network to [-bound, bound], in place."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.clamp_(-bound, bound)


def generator_loss(translated: Tensor, kind: CriticKind) -> Tensor:
    """Return minus the mean score, or for `naive` the cross-entropy with "native", a scalar."""
    scores = translated.float()
    return functional.softplus(-scores).mean() if kind == "naive" else -scores.mean()


def critic_loss(native: Tensor, translated: Tensor, kind: CriticKind) -> Tensor:
    """Return the loss of a critic that gives these scores, (n_i, 1) and (n_j, 1), a scalar.

    It is the mean score of translated rows minus that of native ones, without a bound; for
    `naive` half the sum of the cross-entropies, log 2 where all scores are 0.
    """
    native, translated = native.float(), translated.float()
    if kind == "naive":
        return (functional.softplus(-native).mean() + functional.softplus(translated).mean()) / 2
    return translated.mean() - native.mean()


def gradient_penalty(critic: nn.Module, native: Tensor, translated: Tensor) -> Tensor:
    """Return the mean of (norm of the critic's gradient - 1)² at random points between rows.

    There are as many points as the smaller of the two has rows.

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", NIPS 2017, equation 3.
    """
    n = min(len(native), len(translated))
    weight = torch.rand(n, 1).to(native.device)  # drawn on the CPU: the same on every device
    between = torch.lerp(native[:n].float(), translated[:n].float(), weight).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return functional.mse_loss(slope.norm(dim=1), torch.ones(n, device=slope.device))
