"""The words of tables, figures and the page: heads of metrics, titles of sections, marks."""

from mmbench.literals import Fidelity, Pairing

METRIC_HEADS = {
    "acc": "ACC",
    "nmi": "NMI",
    "ari": "ARI",
    "ami": "AMI",
    "pairwise_f": "pairwise F",
    "acc_gap": "oracle gap (ACC)",
    "nmi_modality": "NMI with modality",
    "modality_mixing": "mixing",
}
NARROW_HEADS = {"acc_gap": "oracle\ngap", "nmi_modality": "NMI,\nmod.", "modality_mixing": "mix"}
# neither high nor low values of these are better
UNRANKED = frozenset(
    {"clusters_used", "size_entropy", "nmi_modality", "modality_mixing", "acc_gap"}
)

BY_LABEL = "by-label"
SECTIONS: dict[str, tuple[str, str]] = {
    "paired": ("Paired views", "Every view describes every sample."),
    "incomplete": ("Incomplete views", "Some samples lack some of the views."),
    "mixed": (
        "Mixed-modal samples",
        "Each sample has one modality. The scores of a modality cover its samples alone, matched"
        " with the classes among them. NMI with the modality is high where clusters follow the"
        " modality instead of the content. Mixing is 1 where both modalities spread over the"
        " clusters alike, and 0 where no cluster has both. Neither is ranked.",
    ),
    "images": ("Images", "The data are images."),
    BY_LABEL: (
        "Views paired by label",
        "The views of a sample show different objects of the same class. The pairing itself"
        " reveals labels, so these scores are not comparable with those of other tables.",
    ),
}
PAIRINGS: dict[Pairing, str] = {
    "same-object": "The views of a sample describe one object.",
    "by-label": "The views of a sample show different objects of the same class. The pairing"
    " reveals labels, so scores are not comparable with those of other data sets.",
    "none": "Nothing is paired.",
}
FIDELITIES: dict[Fidelity, str] = {
    "reference": "It follows the code that its authors released. An entry called small or fast"
    " has the same losses, with a smaller network and fewer epochs.",
    "paper": "It was written from the publication, without released code.",
    "ours": "It is a method of this project and has no published number.",
    "baseline": "A known method that others are compared with.",
    "control": "It ignores the data. The other scores are read against its own.",
}

TUNED, CHANGED, NOT_TRAINED_HERE = "†", "‡", "§"
MARKS = {
    TUNED: "The method has hyperparameters of its own on this data set.",
    CHANGED: "The benchmark sets hyperparameters on top of the catalogue's.",
    NOT_TRAINED_HERE: "Not trained here, but merged from another machine or imported. Of imported"
    " runs only the assignments are known, not how they were made. They are not ranked.",
}


def metric_head(metric: str) -> str:
    """Return a metric as columns and axes name it."""
    return METRIC_HEADS.get(metric, metric.replace("_", " "))


def status_text(status: str) -> str:
    """Return how a run ended, in words."""
    return status.replace("_", " ")


def status_cell(status: str) -> str:
    """Return how a run ended, as the cell of a table shows it."""
    return "n/a" if status == "not_applicable" else status_text(status)
