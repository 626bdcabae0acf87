"""Agreement of the clusters that methods find, independent of the classes."""

from matplotlib.colors import Normalize

from mmbench.reporting.context import ReportContext
from mmbench.reporting.figures import style
from mmbench.reporting.figures.heat import heat
from mmbench.reporting.figures.variants import representatives


def draw(report: ReportContext, key: str) -> style.Drawing:
    """Return agreement-{dataset}: the ARI between the clusters of each pair of methods."""
    title = f"{report.by_name[key].dataset.title}: agreement between methods (ARI)"
    names, values = report.details_of(key).agreement()
    titles = {m.name: m.printed for m in representatives(report.spec)}
    rows = [names.index(m) for m in titles if m in names]
    if len(rows) < 2:
        return style.empty(title, "No two methods that ended ok here were compared.")
    side = 2.6 + 0.36 * min(len(rows), 14)
    figure, (axes,) = style.panels(title, 1, 1, (side + 1, side), extra=0.4)
    printed = [titles[names[i]] for i in rows]
    values = values[rows][:, rows]
    # adding zero turns -0.00 into 0.00
    heat(axes, values, printed, printed, lambda x: f"{round(x, 2) + 0.0:.2f}", norm=Normalize(0, 1))
    axes.set_box_aspect(1)
    return style.Drawing(figure, title)
