"""What is found, and that sound results have no finding."""

import csv
import io
import math

import pytest

from mmbench.reporting.context import ReportContext
from mmbench.reporting.scores import DatasetScores
from mmbench.reporting.spec import DatasetSpec, MethodSpec, ReportSpec
from mmbench.reporting.tables.quality_checks import check_quality

SEEDS = (0, 1, 2)
ACC = {"majority": [0.25] * 3, "random": [0.28, 0.3, 0.29], "a": [0.6, 0.7, 0.8], "b": [0.5] * 3}
RECORD = {
    "status": "ok",
    "reason": "",
    "params_hash": "0",
    "device": "cpu",
    "threads": "1",
    "precision": "float32",
    "git_commit": "a" * 40,
    "git_clean": "True",
    "data_checksum": "c" * 64,
    "versions": "numpy 2.4.6; python 3.11.7",
}


class Sound:
    """Four classes of 50, four methods, three seeds: no finding."""

    def __init__(self):
        fidelity = {"majority": "control", "random": "control", "a": "reference"}
        self.spec = ReportSpec(
            name="sound",
            seeds=SEEDS,
            datasets=[DatasetSpec(name="d", title="D", pairing="none", data_setting="paired")],
            methods=[
                MethodSpec(name=m, title=m.upper(), fidelity=fidelity.get(m, "baseline"))
                for m in ACC
            ],
            metrics=("acc",),
        )
        self.card = {"n_clusters": 4, "class_sizes": {str(i): 50 for i in range(4)}}
        self.records = {m: {s: dict(RECORD) for s in SEEDS} for m in ACC}
        self.scores = {}
        for name, accs in ACC.items():
            used = 1 if name == "majority" else 4
            self.score(name, "acc", [x + (name == "b") * i / 100 for i, x in enumerate(accs)])
            self.score(name, "clusters_used", [used] * 3)
            self.score(name, "size_entropy", [math.log(used)] * 3)

    def score(self, method, metric, values):
        self.scores[method, "last", "all", metric] = dict(zip(SEEDS, values, strict=True))

    @property
    def report(self):
        scores = DatasetScores(self.spec.datasets[0], self.card, self.records, self.scores)
        return ReportContext(self.spec, [scores])

    def found(self):
        return check_quality(self.spec, self.report.datasets)


@pytest.fixture
def sound():
    return Sound()


def test_sound_results_have_no_finding_and_the_table_says_so(sound, write_table):
    assert sound.found() == []
    texts = write_table(sound.report, "quality_checks")
    assert texts == {
        "quality_checks.md": "# Quality checks of sound\n\nNo finding.\n",
        "quality_checks.csv": "benchmark,kind,dataset,method,seeds,sentence\n",
    }


def test_clusters_without_samples_on_a_balanced_set_are_a_collapse(sound):
    sound.score("a", "clusters_used", [4, 3, 2])
    (one,) = sound.found()
    assert (one.kind, one.dataset, one.method, one.seeds) == ("collapsed", "d", "a", (1, 2))
    assert "as few as 2 of 4 clusters have a sample" in one.sentence


def test_the_answer_of_all_views_does_not_hide_the_collapse_of_one(sound):
    alone = ("a", "last", "view:left", "clusters_used")
    sound.scores[alone] = dict(zip(SEEDS, [4, 4, 4], strict=True))
    assert sound.found() == []
    sound.scores[alone] = dict(zip(SEEDS, [4, 2, 3], strict=True))
    (one,) = sound.found()
    assert (one.kind, one.method, one.seeds) == ("collapsed", "a", (1, 2))
    assert "by view left alone as few as 2 of 4 clusters" in one.sentence
    sound.score("a", "clusters_used", [4, 1, 4])  # a seed is found once
    assert [("view" in s.sentence, s.seeds) for s in sound.found()] == [(False, (1,)), (True, (2,))]
    sound.score("a", "clusters_used", [4, 4, 4])
    sound.card["class_sizes"]["0"] = 100
    assert sound.found() == []


def test_on_an_unbalanced_set_clusters_may_be_few_but_not_much_more_uneven_than_classes(sound):
    sound.card["class_sizes"] = {"0": 140, "1": 20, "2": 20, "3": 20}
    sound.score("a", "clusters_used", [3, 3, 3])
    effective = math.exp(0.7 * math.log(1 / 0.7) + 3 * 0.1 * math.log(10))  # 2.6 classes
    sound.score("a", "size_entropy", [math.log(effective / 2 + 0.01)] * 3)
    assert sound.found() == []
    sound.score("a", "size_entropy", [0.9, math.log(effective / 2 - 0.01), 0.9])
    (one,) = sound.found()
    assert (one.kind, one.seeds) == ("collapsed", (1,))
    assert "only 1.3 of them, the classes as if there were 2.6" in one.sentence


def test_a_control_may_collapse_and_score_low_and_ignore_its_seed(sound):
    sound.score("random", "clusters_used", [1, 1, 1])
    sound.score("majority", "acc", [0.1] * 3)
    sound.score("random", "acc", [0.2] * 3)
    assert sound.found() == []


def test_equal_scores_for_all_seeds_are_found(sound):
    sound.score("a", "acc", [0.7] * 3)
    (one,) = sound.found()
    assert (one.kind, one.method) == ("same for all seeds", "a")
    assert one.sentence.startswith("all seeds gave the same assignment")
    sound.score("a", "size_entropy", [1.3, 1.3, 1.31])  # one score distinguishes the seeds
    assert sound.found() == []
    sound.score("b", "acc", [0.6] * 3)  # a classical method may be deterministic
    assert sound.found() == []


def test_a_column_that_nearly_determines_the_classes_is_found(sound):
    sound.card["views"] = [{"name": "pix", "suspicious_columns": {"4": 0.96}}, {"name": "fou"}]
    (one,) = sound.found()
    assert one.kind == "label-like column"
    assert one.sentence == "column 4 of view pix alone has NMI 0.960"


@pytest.mark.parametrize("value", [1.2, -0.1, math.nan, math.inf])
def test_a_score_that_cannot_be_is_found(sound, value):
    sound.score("b", "acc", [0.5, value, 0.52])
    (one,) = [s for s in sound.found() if s.kind == "impossible score"]
    assert (one.method, one.seeds) == ("b", (1,))
    assert "which is not in 0 to 1" in one.sentence


def test_more_clusters_than_asked_for_cannot_be(sound):
    sound.score("b", "clusters_used", [4, 5, 4])
    (one,) = sound.found()
    assert one.sentence == "clusters_used is 5, which is not in 1 to 4"


def test_a_method_below_random_is_found_with_both_numbers(sound):
    sound.score("b", "acc", [0.25, 0.28, 0.31])  # its best seed is above, its mean is not
    (one,) = sound.found()
    assert (one.kind, one.method) == ("below random", "b")
    assert one.sentence == "ACC 0.280, at random 0.290"


def test_seeds_that_failed_are_found_but_not_those_that_no_method_could_run(sound):
    sound.records["a"][1] |= {"status": "diverged", "reason": "loss is NaN"}
    sound.records["b"] = {s: RECORD | {"status": "not_applicable"} for s in SEEDS}
    (one,) = sound.found()
    assert (one.kind, one.method, one.seeds) == ("missing seeds", "a", (1,))
    assert one.sentence == "1 of 3 seeds diverged: loss is NaN"


def test_two_rows_with_the_same_scores_are_found(sound):
    for metric in ("acc", "clusters_used", "size_entropy"):
        sound.scores["b", "last", "all", metric] = sound.scores["a", "last", "all", metric]
    (one,) = sound.found()
    assert (one.kind, one.method) == ("duplicated row", "b")
    assert one.sentence == "every score of every seed is that of a"


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("device", "H100", "different devices: do not compare seconds: H100 (a); cpu ("),
        ("precision", "bfloat16", "different precisions: bfloat16 (a); float32 ("),
        ("git_commit", "b" * 40, "different commits of the project: aaaaaaaa ("),
        ("data_checksum", "d" * 64, "different data: the scores cannot be compared: cccccccc ("),
        ("versions", "numpy 2.0; torch 2.13", "different versions of numpy: 2.0 (a); 2.4.6 ("),
    ],
)
def test_runs_that_were_made_under_different_conditions_are_found(sound, column, value, expected):
    for record in sound.records["a"].values():
        record[column] = value
    (one,) = sound.found()
    assert (one.kind, one.method) == ("different conditions", "")
    assert one.sentence.startswith(expected)


def test_seeds_of_one_method_that_ran_different_sources_are_found(sound):
    for records in sound.records.values():
        for record in records.values():
            record["fingerprint"] = "0"
    sound.records["a"][2]["fingerprint"] = "1"
    (one,) = sound.found()
    assert (one.kind, one.method) == ("different conditions", "a")
    assert one.sentence == "its seeds ran 2 different sources of the method"


def test_a_library_that_only_some_methods_use_is_no_difference(sound):
    for record in sound.records["a"].values():
        record["versions"] += "; torch 2.13.0"
    assert sound.found() == []


def test_an_unclean_checkout_is_found(sound):
    sound.records["a"][0]["git_clean"] = "False"
    (one,) = sound.found()
    assert one.sentence == "the checkout had changes that are in no commit: a"


def test_the_tables_name_method_and_seeds_and_their_bytes_are_stable(sound, write_table):
    sound.score("a", "clusters_used", [4, 3, 2])
    texts = write_table(sound.report, "quality_checks")
    assert "1 finding to look at" in texts["quality_checks.md"]
    assert "about equally large | collapsed | A | 1, 2 |" in texts["quality_checks.md"]
    (row,) = csv.DictReader(io.StringIO(texts["quality_checks.csv"]))
    assert (row["kind"], row["method"], row["seeds"]) == ("collapsed", "a", "1 2")
    assert texts == write_table(sound.report, "quality_checks")


def test_records_without_provenance_have_no_finding(sound):
    for records in sound.records.values():
        for record in records.values():
            for column in ("device", "git_commit", "git_clean", "versions", "data_checksum"):
                del record[column]
    sound.card = {}
    assert sound.found() == []
