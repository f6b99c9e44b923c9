import pytest

pytest.importorskip("tensorboard", reason="tensorboard is not installed: pip install -e '.[tensorboard]'")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from orchestrator.mirroring import mirror
from orchestrator.mirrors.mirror import MirrorError
from tests.orchestrator.mirrors.grown_run import begin, go_on
from tests.orchestrator.written_runs import write_run


def read(folder, name):
    """Return what TensorBoard's own reader finds of a trial."""
    found = EventAccumulator(str(folder / "small" / name), size_guidance={"images": 0})
    return found.Reload()


def scalars(found, tag):
    return {event.step: pytest.approx(event.value) for event in found.Scalars(tag)}


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_growing_run_is_told_once(tmp_path):
    folder, logs = begin(tmp_path / "run"), tmp_path / "logs"
    assert mirror(folder, f"tensorboard:{logs}") == 2
    before = files(logs)
    assert mirror(folder, f"tensorboard:{logs}") == 0
    assert scalars(read(logs, "trial-0002"), "distillation/accuracy") == {0: 0.0, 1: 0.001, 2: 0.002}

    go_on(folder)
    # Trials 0, 1 and 2, and the baselines.
    assert mirror(folder, f"tensorboard:{logs}") == 4
    after = files(logs)
    assert mirror(folder, f"tensorboard:{logs}") == 0
    assert files(logs) == after
    assert after | before == after
    growing = read(logs, "trial-0002")
    assert scalars(growing, "distillation/accuracy") == {step: step / 1000 for step in range(6)}
    # An outer step takes 1.5 s.
    times = [event.wall_time for event in growing.Scalars("distillation/loss")]
    assert [later - times[0] for later in times] == pytest.approx([1.5 * step for step in range(6)])


def test_a_trial_has_its_figures_and_its_pictures(tmp_path):
    folder, logs = begin(tmp_path / "run"), tmp_path / "logs"
    go_on(folder)
    mirror(folder, f"tensorboard:{logs}")
    best = read(logs, "trial-0000")
    assert scalars(best, "accuracy") == {3: 0.8}
    assert scalars(best, "accuracy/search/validation/lenet") == {5: 0.812}
    assert scalars(best, "accuracy/final/test/lenet") == {2: 0.75}
    assert scalars(best, "accuracy/final/test/lenet/run-1") == {1: 0.6}
    assert list(scalars(best, "distillation/loss/run-1")) == [0, 1, 2, 3]
    (spread,) = best.Histograms("accuracy/search/validation/lenet/networks")
    assert (spread.histogram_value.num, spread.histogram_value.min, spread.histogram_value.max) == (5, 0.7, 0.9)
    assert best.Images("distilled/step-001")[0].encoded_image_string.startswith(b"\x89PNG")
    # Its parameters, for the table of hyperparameters.
    told = best.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"outer_lr" in told
    assert b"per_class" not in told
    assert scalars(read(logs, "baselines"), "accuracy/baseline/random_real/test/lenet") == {4: 0.6}
    assert not any("tune" in tag for tag in read(logs, "baselines").Tags()["scalars"])


def test_rungs_are_one_line(tmp_path):
    from tests.orchestrator.written_runs import evaluations

    rungs = [row for rung in (4, 7) for row in evaluations(f"rung/{rung}", [0.2 + rung / 100], split="validation")]
    folder = write_run(tmp_path / "run", evaluations=rungs)
    mirror(folder, f"tensorboard:{tmp_path}/logs")
    found = read(tmp_path / "logs", "trial-0000")
    assert scalars(found, "accuracy/rung/validation/lenet") == {4: 0.24, 7: 0.27}


def test_logs_of_another_sweep_are_left_alone(tmp_path):
    mirror(begin(tmp_path / "run"), f"tensorboard:{tmp_path}/logs")
    before = files(tmp_path / "logs")
    text = "recipe: {data: digits, network: lenet}\nevaluate: {validation: 360, inits: 1}"
    with pytest.raises(MirrorError, match="has something else in it"):
        mirror(write_run(tmp_path / "other", text), f"tensorboard:{tmp_path}/logs")
    assert files(tmp_path / "logs") == before
