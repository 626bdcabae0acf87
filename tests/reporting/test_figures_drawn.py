"""Figures show the stored values, family by family."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from mmbench.errors import InputError
from mmbench.reporting import DatasetSpec, MethodSpec, ReportSpec
from mmbench.reporting.context import ReportContext
from mmbench.reporting.details import Details, open_details, over_seeds
from mmbench.reporting.figures import confusion, convergence, cost, embedding, ranks
from mmbench.reporting.figures.style import styled
from mmbench.reporting.scores import DatasetScores

SEEDS = (0, 1)


def spec_of(methods=("base",), datasets=("toy",), **fields):
    entries = [m if isinstance(m, dict) else {"name": m} for m in methods]
    return ReportSpec(
        name="tiny",
        seeds=SEEDS,
        datasets=tuple(
            d
            if isinstance(d, DatasetSpec)
            else DatasetSpec(name=d, title=d, pairing="same-object", data_setting="paired")
            for d in datasets
        ),
        methods=tuple(
            MethodSpec(**{"title": m["name"], "fidelity": "baseline"} | m) for m in entries
        ),
        **fields,
    )


def scores_of(scores, dataset="toy", seconds=None, params=None):
    """Return the scores of a data set, from ACC by method and seed."""
    spec = DatasetSpec(name=dataset, title=dataset, pairing="same-object", data_setting="paired")
    records = {
        method: {
            seed: {
                "status": "ok",
                "seconds_total": str((seconds or {}).get(method, 1.0)),
                "params": (params or {}).get(method, "{}"),
            }
            for seed in SEEDS
        }
        for method in scores
    }
    table = {
        (method, "last", "all", "acc"): dict(zip(SEEDS, values, strict=False))
        for method, values in scores.items()
        if values
    }
    return DatasetScores(spec, {}, records, table)


def drawn(family, spec, *datasets, arrays=None, key="toy"):
    """Return a figure of a family, which shows the scores of data sets and arrays of the first."""
    details = {"toy": Details(arrays or {}, SEEDS)}
    return draw(family, ReportContext(spec, datasets, details), key)


def draw(family, report, key):
    with styled():
        return import_module(f"mmbench.reporting.figures.{family}").draw(report, key)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_training_shows_the_mean_over_seeds_the_scored_epoch_and_the_oracles():
    arrays = {
        "loss/base/0/loss": np.array([[0, 1, 2], [3.0, 2, 1]]),
        "loss/base/1/loss": np.array([[0, 1, 2], [5.0, 4, 3]]),
        "acc/base/0": np.array([[0, 2], [0.9, 0.6]]),
        "acc/base/1": np.array([[0, 2], [0.5, 0.8]]),
    }
    stored = scores_of({"base": [0.6, 0.8]})
    loss, acc = drawn("convergence", spec_of(), stored, arrays=arrays).figure.axes
    np.testing.assert_allclose(loss.lines[0].get_ydata(), [4, 3, 2])
    mean, oracle, last = acc.lines
    np.testing.assert_allclose(mean.get_ydata(), [0.7, 0.7])
    np.testing.assert_allclose(oracle.get_xydata(), [[0, 0.9], [2, 0.8]])
    np.testing.assert_allclose(last.get_xydata(), [[2, 0.7]])
    assert "oracle" in acc.figure.legends[0].get_texts()[-1].get_text()


def test_phases_begin_where_other_figures_are_logged_at_every_epoch():
    def logged(*epochs):
        return np.array([epochs, np.zeros(len(epochs))])

    arrays = {
        "loss/m/0/loss": logged(*range(13)),
        "loss/m/0/reconstruction": logged(*range(8)),
        "loss/m/0/contrast": logged(*range(5, 8)),
        "loss/m/0/clusters_used": logged(2, 5, 12),
        "loss/m/0/cka_after": logged(7),
    }
    assert convergence.phases(Details(arrays, SEEDS), "m") == [5, 8]
    assert convergence.phases(Details({}, SEEDS), "m") == []


def test_seeds_of_different_length_are_averaged_where_they_have_values():
    curves = [np.array([[0, 1, 2], [1.0, np.nan, 3]]), np.array([[0, 4], [3.0, 5]])]
    epochs, values = over_seeds(curves)
    np.testing.assert_array_equal(epochs, [0, 2, 4])
    np.testing.assert_array_equal(values, [[1, 3, np.nan], [3, np.nan, 5]])


def test_arrays_of_other_seeds_are_left_out():
    arrays = {f"loss/m/{seed}/loss": np.zeros((2, 1)) for seed in (0, 1, 7)}
    assert len(Details(arrays, SEEDS).logged("m", "loss")) == 2


def test_terms_with_one_stem_share_a_panel_and_methods_get_panels_in_turn():
    curve = np.array([[0, 1], [1.0, 2]])
    arrays = {f"loss/greedy/0/term{i}": curve for i in range(20)}
    arrays |= {f"loss/modest/0/error_{view}": curve for view in ("pix", "fou")}
    spec = spec_of(["greedy", "modest"])
    drawing = drawn("terms", spec, scores_of({"greedy": [], "modest": []}), arrays=arrays)
    used = [axes for axes in drawing.figure.axes if axes.has_data()]
    assert [axes.get_title(loc="left") for axes in used] == ["greedy"] * 11 + ["modest"]
    assert len(used[-1].lines) == 2
    assert "Shown are 12 of 21 panels" in " ".join(drawing.notes)


def test_the_claim_shows_both_levels_before_and_after():
    values = {"z_before": 0.3, "z_after": 0.4, "h_before": 0.5, "h_after": 0.9}
    arrays = {
        f"loss/base/{seed}/cka_{name}": np.array([[9], [value + 0.02 * seed]])
        for name, value in values.items()
        for seed in SEEDS
    }
    (axes,) = drawn("claim", spec_of(), scores_of({"base": [0.5, 0.5]}), arrays=arrays).figure.axes
    assert sorted(texts(axes)) == ["0.31", "0.41", "0.51", "0.91"]


def test_the_higher_level_is_written_above_in_the_colour_of_its_line():
    values = {"z_before": 0.19, "z_after": 0.86, "h_before": 0.18, "h_after": 0.85}
    arrays = {f"loss/base/0/cka_{name}": np.array([[9], [v]]) for name, v in values.items()}
    (axes,) = drawn("claim", spec_of(), scores_of({"base": [0.5, 0.5]}), arrays=arrays).figure.axes
    height = {text.get_text(): text.get_position()[1] for text in axes.texts}
    colour = {text.get_text(): text.get_color() for text in axes.texts}
    assert height["0.86"] > height["0.85"]
    assert height["0.19"] > height["0.18"]
    assert colour == {"0.18": "C0", "0.85": "C0", "0.19": "C1", "0.86": "C1"}


def test_a_confusion_matrix_shows_percentages_of_each_class_and_the_acc():
    counts = np.array([[3, 1, 0], [0, 2, 2]])
    arrays = {"classes": np.array(["cat", "dog"]), "confusion/base/0": counts}
    arrays["confusion/blind/0"] = counts
    spec = spec_of(["base", {"name": "blind", "fidelity": "control"}])
    stored = scores_of({"base": [0.5, 0.5], "blind": [0.5, 0.5]})
    (axes,) = drawn("confusion", spec, stored, arrays=arrays).figure.axes
    assert texts(axes) == ["75", "25", "0", "0", "50", "50"]
    assert axes.get_title(loc="left").endswith("0.625")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog", "+1"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("class", "matched cluster")


def test_half_a_per_cent_is_always_rounded_up():
    counts = np.arange(1, 200, 2)  # of 200: each ends on half a per cent
    assert [confusion.percent(n / 200) for n in counts] == [str((n + 1) // 2) for n in counts]
    assert [confusion.percent(x) for x in (0.0, 0.0049, 0.0151, 1.0)] == ["0", "0", "2", "100"]


def test_agreement_follows_the_order_of_the_report_not_of_the_file():
    arrays = {
        "agreement_methods": np.array(["b", "gone", "a"]),
        "agreement": np.array([[1, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 1]]),
    }
    stored = scores_of({"a": [1.0, 1.0], "b": [1.0, 1.0]})
    (axes,) = drawn("agreement", spec_of(["a", "b"]), stored, arrays=arrays).figure.axes
    assert texts(axes) == ["1.00", "0.25", "0.25", "1.00"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_both_maps_of_an_embedding_keep_separated_groups_apart():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 30)
    z = rng.normal(size=(90, 8)) + 30 * np.eye(8)[groups]
    for project in (embedding.pca, embedding.tsne):
        xy = project(z)
        assert xy.shape == (90, 2)
        centres = np.array([xy[groups == g].mean(axis=0) for g in range(3)])
        own = np.linalg.norm(xy[:, None] - centres, axis=2).argmin(axis=1)
        assert (own == groups).all(), project


def test_ten_labels_have_ten_colours_and_many_more_look_different():
    looks = [embedding.mark(label, 3) for label in range(200)]
    assert len({look["mec"] for look in looks[:10]}) == 10
    assert len({(look["mec"], look["mfc"], look["marker"]) for look in looks}) == 200


def test_the_legend_of_an_embedding_names_its_panels():
    labels = np.repeat(np.arange(12), 3)
    arrays = {
        "classes": np.array([f"class {i}" for i in range(12)]),
        "embedding/base/0": np.eye(12)[labels],
        "embedding_true/base/0": labels,
        "embedding_pred/base/0": labels[::-1],
    }
    stored = scores_of({"base": [0.5, 0.5]})
    figure = drawn("embedding", spec_of(), stored, arrays=arrays).figure
    (legend,) = figure.legends
    assert "panels by class" in legend.get_title().get_text()
    assert len({(h.get_markerfacecolor(), h.get_marker()) for h in legend.legend_handles}) == 12


def test_the_front_contains_the_methods_that_no_other_dominates():
    rng = np.random.default_rng(0)
    method = spec_of().methods[0]
    points = [cost.Point(i, method, *rng.integers(1, 9, 2).astype(float)) for i in range(40)]

    def beats(q, p):
        differ = (q.seconds, q.score) != (p.seconds, p.score)
        return differ and q.seconds <= p.seconds and q.score >= p.score

    expected = sorted(
        {(p.seconds, p.score) for p in points if not any(beats(q, p) for q in points)}
    )
    assert [(p.seconds, p.score) for p in cost.pareto(points)] == expected


def test_cost_is_drawn_at_mean_seconds_and_mean_score():
    values = {"slow": [0.8, 0.6], "fast": [0.5, 0.5], "never": []}
    stored = scores_of(values, seconds={"slow": 90, "fast": 2})
    spec = spec_of(["slow", "fast", "never"], metrics=("acc",))
    (axes,) = drawn("cost", spec, stored, key="").figure.axes
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[2, 0.5], [90, 0.7]])  # the front
    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[90, 0.7]])
    assert texts(axes) == ["1", "2"]


def test_numbers_do_not_cover_marks_one_another_or_the_front():
    # two marks that nearly cover each other, one on the front, one below it
    at = np.array([[20.0, 10], [20, 17], [90, 80], [60, 30]])
    line = np.array([[20.0, 17], [90, 80]])
    places = at + cost.offsets(at, line)
    for i, place in enumerate(places):
        others = np.concatenate([np.delete(places, i, axis=0), at])
        assert np.linalg.norm(others - place, axis=1).min() >= 9
        along = line[0] + np.linspace(0, 1, 200)[:, None] * (line[1] - line[0])
        assert np.linalg.norm(along - place, axis=1).min() >= 6


def test_a_number_with_enough_room_is_above_its_mark():
    np.testing.assert_array_equal(cost.offsets(np.array([[5.0, 5]]), np.empty((0, 2))), [[0, 9]])


def sweep_of(*rates, key="missing_rate"):
    base = DatasetSpec(name="toy", title="toy", pairing="same-object", data_setting="paired")
    corrupted = [
        base.model_copy(update={"name": f"toy-{i}", "base": "toy", "varied": {key: rate}})
        for i, rate in enumerate(rates)
    ]
    return [base, *corrupted]


def test_robustness_starts_at_the_base_and_follows_the_means():
    datasets = sweep_of(0.5, 0.25)
    spec = spec_of(["base", {"name": "blind", "fidelity": "control"}], datasets)
    scores = [[0.8, 1.0], [0.1, 0.3], [0.5, 0.7]]
    stored = [
        scores_of({"base": values, "blind": [0.1, 0.1]}, dataset=d.name)
        for d, values in zip(datasets, scores, strict=True)
    ]
    drawing = drawn("robustness", spec, *stored, key="")
    (axes,) = drawing.figure.axes
    (line,) = axes.containers
    np.testing.assert_allclose(line[0].get_xydata(), [[0, 0.9], [0.25, 0.6], [0.5, 0.2]])
    assert axes.get_xlabel() == "missing rate"


def many_robust(n_methods=18, n_everywhere=7):
    """Return a report of two sweeps, and scores: some later methods have the second alone."""
    missing, shuffled = (sweep_of(0.5, key=key) for key in ("missing_rate", "shuffled_rate"))
    datasets = [*missing, shuffled[1].model_copy(update={"name": "toy-shuffled"})]
    names = [f"m{i}" for i in range(n_methods)]
    variant = {"name": "m0-without", "base": "m0"}
    stored = [
        scores_of(
            {
                m: [0.5, 0.7]
                for i, m in enumerate([*names, "m0-without"])
                if one is not missing[1] or i % 2 == 0 or i < n_everywhere
            },
            dataset=one.name,
        )
        for one in datasets
    ]
    return spec_of([*names, variant], datasets, metrics=("acc",)), stored


def test_more_methods_than_a_panel_has_room_for_are_all_drawn_in_rows_of_panels():
    spec, stored = many_robust()
    drawing = drawn("robustness", spec, *stored, key="")
    n_lines = [[], []]
    members = []
    for i, part in enumerate(drawing.figure.subfigs):
        for lines, axes in zip(n_lines, part.axes, strict=True):
            lines.append(len(axes.containers))
        legend = {text.get_text() for text in part.legends[0].get_texts()}
        members.append(legend - {"methods of other rows"})
        (row,) = [s for s in " ".join(drawing.notes).split(". ") if s.startswith(f"Row {i + 1}: ")]
        assert set(row.removeprefix(f"Row {i + 1}: ").split("; ")) == members[i]
    # the methods with a line in both sweeps come first, with the variant of one of them
    assert n_lines == [[10, 3], [10, 9]]
    assert {"m0", "m0-without"} <= members[0]
    assert "No score and no line on toy by missing rate: m7; m9; m11; m13; m15; m17." in " ".join(
        drawing.notes
    )


def test_a_score_on_the_base_alone_is_no_curve():
    datasets = sweep_of(0.5, 0.25)
    stored = [
        scores_of({"base": [0.5, 0.5], "paired": [] if i else [0.9, 0.9]}, dataset=one.name)
        for i, one in enumerate(datasets)
    ]
    spec = spec_of(["base", "paired"], datasets)
    drawing = drawn("robustness", spec, *stored, key="")
    (axes,) = drawing.figure.axes
    assert len(axes.containers) == 1
    assert "No score and no line on toy by missing rate: paired." in " ".join(drawing.notes)


def test_one_parameter_gives_a_line_through_the_entry_itself():
    methods = ["base", *({"name": f"w{w}", "base": "base", "varied": {"w": w}} for w in (10, 0.1))]
    scores = {"base": [0.4, 0.6], "w10": [0.7, 0.7], "w0.1": [0.2, 0.2]}
    stored = scores_of(scores, params={"base": '{"w": 1.0, "hidden": [5]}'})
    (axes,) = drawn("sensitivity", spec_of(methods), stored, key="base").figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.1", "1", "10"]
    np.testing.assert_allclose(axes.containers[0][0].get_ydata(), [0.2, 0.5, 0.7])


def test_two_parameters_give_a_surface_with_a_blank_where_nothing_ended_ok():
    grid = [(a, b) for a in (1, 2) for b in (3, 4)]
    methods = ["base"] + [
        {"name": f"p{a}{b}", "base": "base", "varied": {"a": a, "b": b}} for a, b in grid
    ]
    scores = {"p13": [0.1, 0.3], "p14": [0.4, 0.4], "p23": [], "p24": [1.0, 0.8]}
    figure = drawn(
        "sensitivity", spec_of(methods), scores_of({"base": [0.5, 0.5], **scores}), key="base"
    ).figure
    assert texts(figure.axes[0]) == ["0.200", "0.400", "0.900"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("b", "a")


def test_an_ablation_shows_the_difference_over_the_seeds_of_both():
    methods = ["base", {"name": "without", "base": "base", "varied": {"part": False}}]
    stored = scores_of({"base": [0.8, 0.6], "without": [0.5]})  # one seed failed
    (axes,) = drawn("ablation", spec_of(methods), stored, key="base").figure.axes
    assert texts(axes) == ["0.700", "0.500 (-0.300)"]
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [0.7, 0.5])


def comparison_of(*, feasible):
    n = 3
    return SimpleNamespace(
        section="paired",
        metric="acc",
        comparison=SimpleNamespace(
            names=("a", "b", "c"),
            n_datasets=9 if feasible else 2,
            ranks=np.array([2.5, 1.0, 2.5]),
            p_holm=np.array([[1, 0.02, 1], [0.02, 1, 0.0001], [1, 0.0001, 1.0]]),
            difference=np.arange(n)[:, None] - np.arange(n) + 0.0,
            cliques=((0, 2),) if feasible else (),
            is_feasible=feasible,
        ),
    )


def drawn_comparison(comparison):
    """Return the figures of a section with this comparison, by family."""
    report = SimpleNamespace(spec=spec_of("abc", metrics=("acc",)), comparisons=[comparison])
    return {family: draw(family, report, "paired") for family in ("ranks", "pairwise")}


def test_ranks_are_drawn_at_their_place_and_groups_joined():
    figures = drawn_comparison(comparison_of(feasible=True))
    (axes,) = figures["ranks"].figure.axes
    assert [t for t in texts(axes) if "." in t] == ["b  1.00", "a  2.50", "2.50  c"]
    (clique,) = [line for line in axes.lines if line.get_color() == "C1"]
    np.testing.assert_allclose(clique.get_xdata(), [2.5, 2.5])
    p_axes, difference_axes, _colour_bar = figures["pairwise"].figure.axes
    assert texts(p_axes) == [".020", "1", ".020", "<.001", "1", "<.001"]
    assert texts(difference_axes) == ["-1.00", "-2.00", "+1.00", "-1.00", "+2.00", "+1.00"]


def test_equal_ranks_are_spread_around_their_place_and_others_stay():
    spread = ranks.spread(np.array([1.0, 3, 3, 5, 5.05]), 0.2)
    np.testing.assert_allclose(spread, [1, 2.9, 3.1, 4.925, 5.125])


def test_each_name_has_a_leader_of_its_own_from_the_dot_of_its_rank():
    (axes,) = drawn_comparison(comparison_of(feasible=True))["ranks"].figure.axes
    leaders = [line for line in axes.lines if line.get_color() == "#444444"]
    assert sorted(line.get_xdata()[0] for line in leaders) == [1, 2.5, 2.5]
    assert len({line.get_xdata()[1] for line in leaders}) == 3


def test_with_too_few_data_sets_no_group_is_drawn_and_the_figure_says_so():
    figures = drawn_comparison(comparison_of(feasible=False))
    (axes,) = figures["ranks"].figure.axes
    assert not [line for line in axes.lines if line.get_color() == "C1"]
    assert "with 2 data sets no difference" in texts(axes)[-1]
    assert "are no evidence" in figures["pairwise"].notes[0]
    assert "are no evidence" in figures["pairwise"].figure.get_supxlabel()


def test_colours_of_differences_mean_the_same_in_every_figure():
    def colours(factor):
        found = comparison_of(feasible=True)
        found.comparison.difference = found.comparison.difference * factor
        return drawn_comparison(found)["pairwise"].figure.axes[1].collections[0]

    small, large = colours(0.05), colours(0.2)
    assert small.get_clim() == large.get_clim() == (-0.5, 0.5)


def test_a_large_benchmark_is_bounded_and_the_caption_says_what_is_left_out():
    names = [f"m{i}" for i in range(40)]
    stored = [scores_of({n: [0.5, 0.5] for n in names}, dataset=f"d{i}") for i in range(50)]
    spec = spec_of(names, [one.dataset for one in stored], metrics=("acc",))
    drawing = drawn("cost", spec, *stored, key="")
    assert len([axes for axes in drawing.figure.axes if axes.has_data()]) == 12
    assert "the first 12 of 50 data sets" in " ".join(drawing.notes)


def test_damaged_details_are_found_when_the_file_is_opened(tmp_path):
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, classes=np.arange(1000).astype(str))
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    with (
        pytest.raises(InputError, match=r"digits\.npz: expected an \.npz of details, but"),
        open_details(path, (0,)),
    ):
        pytest.fail("it was opened")
