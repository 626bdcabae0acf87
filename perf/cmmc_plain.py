"""A plain implementation of the published training loop of CMMC, for `cmmc_speed.py`.

It does what the released code does, without optimisation: a loader that collates single samples,
the default Adam, every output of the network in every phase, losses read at each step, float32,
and k-means with 100 restarts. Differences: k-means is seeded, and a batch is never larger than the
data.
"""

import time
from itertools import combinations, pairwise

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.preprocessing import MinMaxScaler
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

LEARNING_RATE = 3e-4
BATCH_SIZE = 256


class Samples(Dataset):
    def __init__(self, views):
        self.views = views

    def __len__(self):
        return len(self.views[0])

    def __getitem__(self, index):
        return [torch.from_numpy(x[index]) for x in self.views], index


def coder(widths):
    layers = []
    for before, after in pairwise(widths[:-1]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


class PlainNetwork(nn.Module):
    def __init__(self, n_features, n_clusters):
        super().__init__()
        widths = [[n, 500, 500, 2000, 512] for n in n_features]
        pairs = [(coder(w), coder(w[::-1])) for w in widths]
        self.encoders = nn.ModuleList(encoder for encoder, _ in pairs)
        self.decoders = nn.ModuleList(decoder for _, decoder in pairs)
        self.features = nn.Linear(512, 128)
        self.labels = nn.Linear(512, n_clusters)

    def forward(self, views):
        z = [encoder(x) for encoder, x in zip(self.encoders, views, strict=True)]
        h = [functional.normalize(self.features(a), dim=1) for a in z]
        q = [functional.softmax(self.labels(a), dim=1) for a in z]
        decoded = [decoder(a) for decoder, a in zip(self.decoders, z, strict=True)]
        return h, q, decoded


def contrast(similarity, n):
    """Return the cross-entropy of the positives against the negatives of a similarity matrix."""
    total = 2 * n
    positives = torch.cat([similarity.diagonal(n), similarity.diagonal(-n)]).reshape(total, 1)
    negative = ~torch.eye(total, dtype=torch.bool)
    partners = torch.arange(n)
    negative[partners, partners + n] = negative[partners + n, partners] = False
    logits = torch.cat([positives, similarity[negative].reshape(total, -1)], dim=1)
    targets = torch.zeros(total, dtype=torch.long)
    return functional.cross_entropy(logits, targets, reduction="sum") / total


def feature_loss(a, b):
    rows = torch.cat([a, b])
    return contrast(rows @ rows.T / 0.5, len(a))


def label_loss(p, q):
    balance = 0
    for soft in (p, q):
        share = soft.sum(0) / soft.sum()
        balance = balance + np.log(len(share)) + (share * torch.log(share)).sum()
    columns = torch.cat([p.T, q.T])
    cosines = functional.cosine_similarity(columns[:, None], columns[None], dim=2)
    return contrast(cosines, p.shape[1]) + balance


def train(views, n_clusters, *, seed, pretrain_epochs, joint_epochs, finetune_epochs):
    """Return (n_samples,) assignments and the seconds of each epoch, by phase."""
    torch.manual_seed(seed)
    data = Samples([np.asarray(x, dtype=np.float32) for x in views])
    loader = DataLoader(data, min(BATCH_SIZE, len(data)), shuffle=True, drop_last=True)
    whole = DataLoader(data, len(data), shuffle=False)
    network = PlainNetwork([x.shape[1] for x in views], n_clusters)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    seconds = {"pretrain": [], "joint": [], "finetune": []}

    for phase, epochs in (("pretrain", pretrain_epochs), ("joint", joint_epochs)):
        for _ in range(epochs):
            start = time.perf_counter()
            total = 0.0
            for batch, _ in loader:
                h, q, decoded = network(batch)
                terms = [functional.mse_loss(x, d) for x, d in zip(batch, decoded, strict=True)]
                if phase == "joint":
                    for v, w in combinations(range(len(batch)), 2):
                        terms += [feature_loss(h[v], h[w]), label_loss(q[v], q[w])]
                loss = sum(terms)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item()
            seconds[phase].append(time.perf_counter() - start)

    with torch.no_grad():
        h, _, _ = network(next(iter(whole))[0])
    found = [
        KMeans(n_clusters, n_init=100, random_state=seed).fit_predict(
            MinMaxScaler().fit_transform(x.numpy())
        )
        for x in h
    ]
    for _ in range(finetune_epochs):
        start = time.perf_counter()
        for batch, _ in whole:
            _, q, _ = network(batch)
            loss = 0
            for soft, clusters in zip(q, found, strict=True):
                targets = torch.from_numpy(matched(clusters, soft.argmax(1).numpy(), n_clusters))
                loss = loss + functional.cross_entropy(soft, targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        seconds["finetune"].append(time.perf_counter() - start)

    with torch.no_grad():
        _, q, _ = network(next(iter(whole))[0])
    return torch.stack(q).mean(0).argmax(1).numpy(), seconds


def matched(clusters, own, n_clusters):
    counts = np.zeros((n_clusters, n_clusters), dtype=int)
    np.add.at(counts, (clusters, own), 1)
    _, renumbering = linear_sum_assignment(counts.max() - counts)
    return renumbering[clusters]
