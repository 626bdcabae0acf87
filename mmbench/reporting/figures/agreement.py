"""How far methods find the same clusters, whatever the classes are."""

from pathlib import Path

from matplotlib.colors import Normalize

from mmbench.reporting.details import Details
from mmbench.reporting.figures.heat import heat
from mmbench.reporting.figures.style import explained, panels, save, styled
from mmbench.reporting.figures.variants import representatives
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import ReportSpec


@styled()
def write_agreement(
    spec: ReportSpec, stored: DatasetScores, details: Details, folder: Path
) -> dict[str, str]:
    """Write agreement-{dataset}: the ARI between the clusters of each pair of methods."""
    name = f"agreement-{stored.dataset.name}"
    title = f"{stored.dataset.title}: agreement between methods (ARI)"
    names, values = details.agreement()
    titles = {m.name: m.printed for m in representatives(spec)}
    rows = [names.index(m) for m in titles if m in names]
    if len(rows) < 2:
        reason = "No two methods that ended ok here were compared."
        save(explained(title, reason), folder / name)
        return {name: f"{title}. {reason}"}
    side = 2.6 + 0.36 * min(len(rows), 14)
    figure, (axes,) = panels(1, columns=1, width=side + 1, height=side, extra=0.4)
    printed = [titles[names[i]] for i in rows]
    heat(
        axes,
        values[rows][:, rows],
        printed,
        printed,
        lambda x: f"{round(x, 2) + 0.0:.2f}",
        norm=Normalize(0, 1),
    )
    axes.set_box_aspect(1)
    figure.suptitle(title)
    save(figure, folder / name)
    caption = (
        f"{title}: between the clusters that two methods found with their first seed, 1 where"
        " they are the same and about 0 where they agree by chance. No label is used."
    )
    return {name: caption}
