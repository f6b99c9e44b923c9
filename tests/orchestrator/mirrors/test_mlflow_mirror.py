import pytest

pytest.importorskip("mlflow", reason="mlflow is not installed: pip install -e '.[mlflow]'")

from mlflow import MlflowClient

from distiller.distilled import Distilled
from orchestrator.mirroring import mirror
from orchestrator.mirrors.mirror import MirrorError
from tests.orchestrator.mirrors.grown_run import begin, go_on
from tests.orchestrator.test_export import distilled


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """A database, whose tables take seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(autouse=True)
def _artifacts_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def runs(uri, name):
    """Return the runs of an experiment by name."""
    client = MlflowClient(uri)
    found = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    return client, {run.info.run_name: run for run in found}


def history(client, run, metric):
    return [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, metric)]


def test_a_growing_run_is_told_once(tmp_path, uri):
    folder = begin(tmp_path / "run", "growing")
    assert [mirror(folder, f"mlflow:{uri}") for _ in range(2)] == [2, 0]
    client, found = runs(uri, "growing")
    assert {name: run.info.status for name, run in found.items()} == {"trial-0000": "FINISHED", "trial-0002": "RUNNING"}
    go_on(folder)
    assert [mirror(folder, f"mlflow:{uri}") for _ in range(2)] == [4, 0]
    client, found = runs(uri, "growing")
    assert sorted(found) == ["baselines", "trial-0000", "trial-0001", "trial-0002"]
    assert found["trial-0001"].info.status == "FAILED"
    assert history(client, found["trial-0002"], "distillation/accuracy") == [(step, step / 1000) for step in range(6)]


def test_a_trial_has_its_figures_and_its_set(tmp_path, uri):
    folder = begin(tmp_path / "run", "figures")
    go_on(folder)
    mirror(folder, f"mlflow:{uri}")
    client, found = runs(uri, "figures")
    best = found["trial-0000"]
    assert best.data.params["outer_lr"] == "0.0123456"
    assert best.data.params["data"] == "digits"
    figures = best.data.metrics
    assert (figures["accuracy_mean"], figures["accuracy_sd"]) == (0.80, 0.02)
    assert history(client, best, "accuracy/final/test/lenet") == [(2, pytest.approx(0.75))]
    assert history(client, best, "accuracy/search/validation/lenet") == [(5, pytest.approx(0.812))]
    path = client.download_artifacts(best.info.run_id, "distilled.safetensors", str(tmp_path))
    assert Distilled.load(path).digest() == distilled().digest()
    assert "distilled/step-000.png" in {each.path for each in client.list_artifacts(best.info.run_id, "distilled")}


def test_a_writer_that_died_in_between_leaves_no_point_twice(tmp_path, uri, monkeypatch):
    folder = begin(tmp_path / "run", "died")
    log_batch = MlflowClient.log_batch

    def die(self, run_id, metrics=(), params=(), tags=(), **options):
        if tags:
            raise KeyboardInterrupt
        return log_batch(self, run_id, metrics, params, tags, **options)

    monkeypatch.setattr(MlflowClient, "log_batch", die)
    with pytest.raises(KeyboardInterrupt):
        mirror(folder, f"mlflow:{uri}")
    monkeypatch.setattr(MlflowClient, "log_batch", log_batch)
    assert mirror(folder, f"mlflow:{uri}") == 2
    client, found = runs(uri, "died")
    points = client.get_metric_history(found["trial-0000"].info.run_id, "distillation/accuracy")
    assert sorted(each.step for each in points) == [0, 1, 2, 3, 4]


def test_a_place_that_cannot_be_opened_is_one_line(tmp_path):
    with pytest.raises(MirrorError, match="cannot be opened") as refusal:
        mirror(begin(tmp_path / "run"), "mlflow:nonsense://x")
    assert "\n" not in str(refusal.value)
