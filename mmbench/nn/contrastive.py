"""The network that methods of contrastive clustering of images share."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbench.nn.batches import in_chunks, shuffled_batches
from mmbench.nn.images import resized
from mmbench.nn.resnet import Backbone, backbone

# images in one forward pass where no gradient is needed
_ROWS = 500


class ContrastiveNetwork(nn.Module):
    """A backbone h with two projectors, each a hidden layer as wide as h with a ReLU.

    Source: Li et al., Contrastive Clustering, AAAI 2021, section 3 and its code.

    Attributes:
        backbone: (batch, channels, side, side) to (batch, n_features).
        instance: h to (batch, n_instance); of these rows only the direction counts.
        cluster: h to logits, (batch, n_clusters).
        side: of the images it takes.
    """

    def __init__(
        self, name: Backbone, channels: int, side: int, n_clusters: int, n_instance: int = 128
    ) -> None:
        """Build a network for images; `InputError` if `side` is too small for the backbone."""
        super().__init__()
        self.side = side
        self.backbone, width = backbone(name, channels, side)
        self.instance = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_instance)
        )
        self.cluster = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_clusters)
        )
        # the layout that convolutions are fastest in, above all in bfloat16
        self.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z, (batch, n_instance), and soft assignments, (batch, n_clusters), of images.

        Both in float32, whatever autocast the caller has set.
        """
        h = self.backbone(x.contiguous(memory_format=torch.channels_last))
        return self.instance(h).float(), self.cluster(h).float().softmax(dim=1)

    def soft_assignments(self, images: Tensor) -> Tensor:
        """Return (n, n_clusters) without a gradient, for (n, channels, ...) uint8 as stored.

        In eval mode: an image's assignment does not depend on the others.
        """
        return self._predicted(images, output=1)

    def embedding(self, images: Tensor) -> Tensor:
        """Return the directions of z, (n, n_instance), rows of unit length; else likewise."""
        return functional.normalize(self._predicted(images, output=0))

    def _predicted(self, images: Tensor, output: int) -> Tensor:
        training = self.training
        self.eval()
        predicted = in_chunks(lambda x: self(resized(x, self.side))[output], images, _ROWS)
        self.train(training)
        return predicted


def contrastive_epoch(
    losses: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]],
    images: Tensor,
    fit_rows: Tensor,
    optimiser: torch.optim.Optimizer,
    batch_size: int,
) -> dict[str, float]:
    """Train on all images but a last batch that is not full.

    Args:
        losses: of a batch of images: the loss to minimise, and its parts of z and of clusters.
        images: (n, channels, height, width) uint8.
        fit_rows: (n_fitted,), the images to train on.
        optimiser: of the network that `losses` calls, which is in training mode.
        batch_size: in images.

    Returns:
        The means over the batches: `loss`, `instance` and `cluster`, in nats.
    """
    steps = []
    for rows in shuffled_batches(len(fit_rows), batch_size, images.device, drop_last=True):
        parts = losses(images[fit_rows[rows]])
        optimiser.zero_grad()
        parts[0].backward()
        optimiser.step()
        steps.append(torch.stack(parts).detach())
    # read once an epoch: reading a number makes the host wait for the device
    loss, instance, cluster = torch.stack(steps).mean(dim=0).tolist()
    return {"loss": loss, "instance": instance, "cluster": cluster}
