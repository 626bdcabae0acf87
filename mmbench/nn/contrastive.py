"""Network of methods that cluster images by contrast."""

from torch import Tensor, nn
from torch.nn import functional

from mmbench.nn.images import predicted
from mmbench.nn.resnet import Backbone, backbone


class ContrastiveNetwork(nn.Module):
    """A backbone with two projectors, each with one hidden layer as wide as the features.

    Source: Li et al., Contrastive Clustering, AAAI 2021, section 3 and its code.

    Attributes:
        backbone: (batch, channels, side, side) to (batch, n_features).
        instance: features to z, (batch, n_instance); only the directions of its rows matter.
        cluster: features to logits, (batch, n_clusters).
        side: of the input images, in pixels.
    """

    def __init__(
        self, name: Backbone, channels: int, side: int, n_clusters: int, n_instance: int = 128
    ) -> None:
        """Build the network.

        Raises:
            InputError: `side` is too small for the backbone.
        """
        super().__init__()
        self.side = side
        self.backbone, width = backbone(name, channels, side)
        self.instance = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_instance)
        )
        self.cluster = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_clusters)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z, (batch, n_instance), and soft assignments, (batch, n_clusters), of images.

        Both are float32, also under autocast.
        """
        h = self.backbone(x)
        return self.instance(h).float(), self.cluster(h).float().softmax(dim=1)

    def soft_assignments(self, images: Tensor) -> Tensor:
        """Return (n, n_clusters) for whole uint8 images, in eval mode, without a gradient."""
        return predicted(self, images, self.side, lambda x: self(x)[1])

    def embedding(self, images: Tensor) -> Tensor:
        """Return the directions of z, (n, n_instance), rows of unit length, likewise."""
        return functional.normalize(predicted(self, images, self.side, lambda x: self(x)[0]))
