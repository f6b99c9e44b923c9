import pytest
from refused import refusal

KNOWN = "known here: data, network"


@pytest.mark.parametrize(
    "added, message",
    [
        # Keys
        ("seeds: 3", "f.yaml:8: seeds: unknown key; did you mean seed? known here: name, about, "),
        ("qqq: 3", "f.yaml:8: qqq: unknown key; known here: name, about, "),
        ("<<: {seed: 3}", "f.yaml:8: <<: unknown key"),
        ("steps: 3", "f.yaml:8: steps: unknown key"),
        ("seed: 1\nseed: 2", "f.yaml:9: seed: is given twice, first at f.yaml:8; expected once"),
        # Kinds and ranges
        ("seed: -1", "f.yaml:8: seed: expected a whole number of at least 0, got -1"),
        ("seed: 1.0", "f.yaml:8: seed: expected a whole number of at least 0, got 1.0"),
        ("seed: true", "f.yaml:8: seed: expected a whole number of at least 0, got True"),
        ("seed: '3'", "f.yaml:8: seed: expected a whole number of at least 0, got '3'"),
        (
            "seed: 99999999999999999999",
            "f.yaml:8: seed: expected a whole number of at least 0 and at most 9223372036854775807",
        ),
        (
            "resources: {slots: 3000000000}",
            "f.yaml:8: resources.slots: expected a whole number of at least 1 and at most 2147483",
        ),
        ("seed:", "f.yaml:8: seed: expected a whole number of at least 0, got nothing"),
        ("about: 3", "f.yaml:8: about: expected text, got 3"),
        (
            "baselines: [k_medoids]",
            "f.yaml:8: baselines: expected a list of different names out of random_real, optimised_real, k_means, average, "
            "knn_random_real, knn_k_means, learned_labels, got ['k_medoids']",
        ),
        (
            "baselines: random_real",
            "f.yaml:8: baselines: expected a list of different names out of random_real, optimised_real",
        ),
        ("baselines: [random_real, random_real]", "f.yaml:8: baselines: expected a list of different names"),
        ("resources: 3", "f.yaml:8: resources: expected keys and values, got 3"),
        ("resources:\n  cpus: 0", "f.yaml:9: resources.cpus: expected a number above 0, whole where above 1, got 0"),
        (
            "resources: {cpus: .inf}",
            "f.yaml:8: resources.cpus: expected a number above 0, whole where above 1, got inf",
        ),
        (
            "resources: {gpus: 1.5}",
            "f.yaml:8: resources.gpus: expected a number of at least 0, whole where above 1, got 1.5",
        ),
        ("resources: {slots: 2, workers: 3}", "f.yaml:8: resources.workers: expected at most the 2 slots, got 3"),
        (
            "resources: {workers: 2}",
            "f.yaml:8: resources.workers: 2 for 1 networks an outer step, which recipe.chunk has computed 8 at once; expected at "
            "most 1, or another recipe.chunk",
        ),
        ("resources: {gpus: -1}", "f.yaml:8: resources.gpus: expected a number of at least 0"),
        ("resources: {slots: 0}", "f.yaml:8: resources.slots: expected a whole number of at least 1, got 0"),
        (
            "resources: {cpu: 1}",
            "f.yaml:8: resources.cpu: unknown key; did you mean cpus? known here: cpus, gpus, slots",
        ),
        (
            "published: {accuracy: 96.1, source: x}",
            "f.yaml:8: published.accuracy: expected text in quotes, such as '82.75 ±",
        ),
        (
            "published: {source: x}",
            "f.yaml:8: published.accuracy: is missing; expected it, or baselines: with a figure for each",
        ),
        ("published: {source: x, baselines: {k_mean: '1'}}", "f.yaml:8: published.baselines"),
        (
            "tuning: {optimised: {sets: 3}}",
            "f.yaml:8: tuning.optimised.keep: expected at most the 3 sets that are judged, got 10",
        ),
        ("tuning: {norms: [0.5]}", "f.yaml:8: tuning.norms: expected a list of rising numbers from 1, got [0.5]"),
        (
            "tuning: {neighbours: [3, 1]}",
            "f.yaml:8: tuning.neighbours: expected a list of rising whole numbers above 0",
        ),
        # Nothing distilled
        ("distil: false", "f.yaml:8: distil: false leaves nothing to do without baselines: or full_data:"),
        (
            "distil: false\nbaselines: [average]\nsearch: {trials: 1, space: {steps: {int: [1, 2]}}}",
            "f.yaml:10: search: has nothing to search beside distil: false; expected it to be left out",
        ),
        ("published: {accuracy: '96'}", "f.yaml:8: published.source: is missing; expected text"),
        # The search
        ("search: {trials: 3}", "f.yaml:8: search.space: is missing; expected a recipe's key with what it may be"),
        (
            "search: {trials: 3, space: {}}",
            "f.yaml:8: search.space: expected a recipe's key with what it may be, such as",
        ),
        ("search: {trials: 3, space: [steps]}", "f.yaml:8: search.space: expected a recipe's key with what it may be"),
        (
            "search: {space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.trials: is missing; expected a whole number of at least",
        ),
        (
            "search: {trials: 0, space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.trials: expected a whole number of at least 1",
        ),
        (
            "search: {trials: 1, sampler: bohb, space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.sampler: expected one of tpe, random, qmc, gp, nsga2, cma_es, grid, got 'bohb'",
        ),
        (
            "search: {trials: 3, sampler: grid, space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.trials: expected at most 2, the points of the grid, got 3",
        ),
        (
            "search: {trials: 3, sampler: grid, space: {distill_lr: {float: [0.1, 0.2]}}}",
            "f.yaml:8: search.space.distill_lr: expected a step, or a choice, for a grid of numbers; the sampler is grid",
        ),
        (
            "search: {trials: 3, sampler: grid, space: {steps: {int: [1, 200000]}}}",
            "f.yaml:8: search.space: is a grid of 200000 points; expected at most 100000",
        ),
        (
            "search: {trials: 3, sampler: cma_es, space: {steps: {int: [1, 2]}, labels: {choice: [hard, soft]}}}",
            "f.yaml:8: search.space.labels: is a choice, and cma_es varies numbers alone; expected a range, or tpe",
        ),
        (
            "search: {trials: 3, sampler: cma_es, space: {steps: {int: [1, 2]}, epochs: {int: [1, 1]}}}",
            "f.yaml:8: search.sampler: cma_es varies two ranges or more at once; expected these, or tpe",
        ),
        (
            "search: {trials: 3, space: {steps: {int: [1, 9], step: 4}}, enqueue: [{steps: 5}, {steps: 2}]}",
            "f.yaml:8: search.enqueue.steps: expected 1 and so many steps of 4, got 2",
        ),
        (
            "search: {trials: 3, space: {steps: {int: [1, 9]}}, enqueue: [{steps: 10}]}",
            "f.yaml:8: search.enqueue.steps: expected a whole number of [1, 9], got 10",
        ),
        (
            "search: {trials: 3, space: {labels: {choice: [hard, soft]}}, enqueue: [{labels: firm}]}",
            "f.yaml:8: search.enqueue.labels: expected one of ['hard', 'soft'], got 'firm'",
        ),
        (
            "search: {trials: 3, space: {distill_lr: {float: [0.1, 1]}}, enqueue: [{distill_lr: high}]}",
            "f.yaml:8: search.enqueue.distill_lr: expected a number of [0.1, 1.0], got 'high'",
        ),
        (
            "search: {trials: 3, space: {steps: {int: [1, 9]}}, enqueue: [{epochs: 1}]}",
            "f.yaml:8: search.enqueue.epochs: unknown key; ",
        ),
        (
            "search: {trials: 3, space: {steps: {int: [1, 9]}}, enqueue: [{}]}",
            "f.yaml:8: search.enqueue: expected keys of the space with values, such as {steps: 3}, got {}",
        ),
        (
            "search: {trials: 1, space: {steps: {int: [1, 9]}}, enqueue: [{steps: 1}, {steps: 2}]}",
            "f.yaml:8: search.enqueue: expected at most 1, one a trial, got 2",
        ),
        (
            "search: {trials: 1, sampler: grid, space: {steps: {int: [1, 9]}}, enqueue: [{steps: 1}]}",
            "f.yaml:8: search.enqueue: has no place in a grid, which tries every point",
        ),
        (
            "search: {trials: 1, sampler: qmc, space: {steps: {int: [1, 9]}}, warm_start: {run: a}}",
            "f.yaml:8: search.warm_start: qmc learns nothing from trials; expected another sampler",
        ),
        (
            "search: {trials: 1, space: {steps: {int: [1, 9]}}, warm_start: {study: a}}",
            "f.yaml:8: search.warm_start: expected storage: with a study of Optuna's, or run: FOLDER, one of the two",
        ),
        (
            "search: {trials: 1, space: {steps: {int: [1, 9]}}, warm_start: {run: a, study: b}}",
            "f.yaml:8: search.warm_start.study: is of a storage; expected it to be left out beside run:",
        ),
        (
            "search: {trials: 3, objectives: [examples], space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.objectives: expected [accuracy], or accuracy and then examples, operations or both, got ",
        ),
        (
            "search: {trials: 3, objectives: [accuracy, accuracy], space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.objectives: expected [accuracy], or accuracy and then examples, operations or both, got ",
        ),
        (
            "search: {trials: 3, objectives: [accuracy, time], space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.objectives: expected [accuracy], or accuracy and then examples, operations or both, got ",
        ),
        (
            "search: {trials: 3, sampler: cma_es, objectives: [accuracy, examples], space: {steps: {int: [1, 2]}, "
            "epochs: {int: [1, 2]}}}",
            "f.yaml:8: search.sampler: cma_es has one objective; expected tpe or nsga2 for several",
        ),
        (
            "search: {trials: 1, lag: 0, space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.lag: expected a whole number of at l",
        ),
    ],
)
def test_a_line_too_many_is_refused_at_its_place(sweep_file, least, added, message):
    assert refusal(sweep_file(least + added)).startswith(message)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("name: a", "name: ../a", "f.yaml:1: name: expected a letter or digit, then letters, digits, '-', '_' or '.'"),
        ("name: a", "name: ..", "f.yaml:1: name: expected a letter or digit"),
        ("name: a", "name: a/b", "f.yaml:1: name: expected a letter or digit"),
        ("name: a", 'name: "a\\n"', "f.yaml:1: name: expected a letter or digit"),
        ("name: a", "name: 3", "f.yaml:1: name: expected a letter or digit"),
        ("name: a", "name: " + "a" * 101, "f.yaml:1: name: expected a letter or digit"),
        ("  data: digits\n", "", "f.yaml:2: recipe.data: is missing"),
        ("digits", "3", "f.yaml:3: recipe.data: expected a name, got 3"),
        ("lenet", "lenet\n  step: 3", "f.yaml:5: recipe.step: unknown key; did you mean steps? " + KNOWN),
        ("lenet", "lenet\n  steps: 0", "f.yaml:5: recipe.steps: expected a whole number of at least 1, got 0"),
        ("lenet", "lenet\n  labels: fuzzy", "f.yaml:5: recipe.labels: expected hard, soft, got 'fuzzy'"),
        ("lenet", "lenet\n  classes: [1, 1]", "f.yaml:5: recipe.classes: names a class twice"),
        (
            "lenet",
            "lenet\n  outer_decay:\n    every: 0\n    factor: 1",
            "f.yaml:6: recipe.outer_decay.every: expected a whole",
        ),
        (
            "lenet",
            "lenet\n  outer_decay: {evry: 1, factor: 1}",
            "f.yaml:5: recipe.outer_decay.evry: unknown key; known here: e",
        ),
        ("lenet", "lenet\n  seed: 3", "f.yaml:5: recipe.seed: has another place; set seed: at the top of the sweep"),
        ("lenet", "lenet\n  run: 3", "f.yaml:5: recipe.run: has another place; evaluate.final.runs"),
        ("lenet", "lenet\n  validation: 3", "f.yaml:5: recipe.validation: has another place; set evaluate.validation"),
        ("lenet", "lenet\n  device: cpu", "f.yaml:5: recipe.device: has another place; set resources.gpus"),
        (
            "evaluate:\n  validation: 10\n  inits: 5\n",
            "",
            "f.yaml:1: evaluate: is missing; expected at least validation: EXAMP",
        ),
        (
            "  validation: 10\n",
            "",
            "f.yaml:5: evaluate.validation: is missing; expected a whole number of at least 1, the exam",
        ),
        (
            "validation: 10",
            "validation: 0",
            "f.yaml:6: evaluate.validation: expected a whole number of at least 1, the exampl",
        ),
        (
            "inits: 5",
            "inits: [10, 50, 25]",
            "f.yaml:7: evaluate.inits: expected a whole number of at least 1, or rising looks of a race, such as [10",
        ),
        ("inits: 5", "inits: [2, 10]", "f.yaml:7: evaluate.inits: expected looks from 5 to 10000, got [2, 10]"),
        ("inits: 5", "inits: 5\n  risk: 0", "f.yaml:8: evaluate.risk: expected a number from 0.005 to 0.5, got 0"),
        (
            "inits: 5",
            "inits: 5\nsearch: {trials: 2, rungs: [100, 2000], space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.rungs: expected outer steps before the last, 2000, got [100, 2000]",
        ),
        (
            "inits: 5",
            "inits: [5, 10]\nsearch: {trials: 2, space: {init: {choice: [random, fixed]}}}",
            "f.yaml:7: evaluate.inits: are looks, and search.space.init may be fixed",
        ),
        (
            "inits: 5",
            "inits: [5, 10]\nsearch: {trials: 2, objectives: [accuracy, examples], space: {steps: {int: [1, 2]}}}",
            "f.yaml:7: evaluate.inits: are looks of a race, which goes by accuracy alone, and there are several objec",
        ),
        (
            "inits: 5",
            "inits: 5\nsearch: {trials: 2, rungs: [9], objectives: [accuracy, examples], space: {steps: {int: [1, 2]}}}",
            "f.yaml:8: search.rungs: compare accuracies alone, and there are several objectives",
        ),
        ("inits: 5", "inits: 5\n  shard: 0", "f.yaml:8: evaluate.shard: expected a whole number of at least 1, got 0"),
        ("inits: 5", "inits: 5\n  final: 3", "f.yaml:8: evaluate.final: expected keys and values, got 3"),
        (
            "inits: 5",
            "inits: 5\n  final: {top: 0}",
            "f.yaml:8: evaluate.final.top: expected a whole number of at least 1, got",
        ),
        (
            "inits: 5",
            "inits: 5\n  final: {runs: -1}",
            "f.yaml:8: evaluate.final.runs: expected a whole number of at least 0",
        ),
        (
            "inits: 5",
            "inits: 5\n  final: {networks: []}",
            "f.yaml:8: evaluate.final.networks: expected a list of different ne",
        ),
        (
            "inits: 5",
            "inits: 5\n  final: {networks: [a, a]}",
            "f.yaml:8: evaluate.final.networks: expected a list of differen",
        ),
        (
            "inits: 5",
            "inits: 5\n  final: {networks: lenet}",
            "f.yaml:8: evaluate.final.networks: expected a list of differen",
        ),
    ],
)
def test_a_line_gone_wrong_is_refused_at_its_place(sweep_file, least, old, new, message):
    assert old in least
    assert refusal(sweep_file(least.replace(old, new))).startswith(message)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "f.yaml:1: is empty; expected keys and values, such as name:, recipe: and evaluate:"),
        ("# nothing yet\n", "f.yaml:1: is empty; expected keys"),
        ("\n\n- a\n", "f.yaml:3: expected keys and values, such as name:"),
        ("just text", "f.yaml:1: expected keys and values"),
        ("recipe: 3\nevaluate: {validation: 1, inits: 1}", "f.yaml:1: recipe: expected keys and values, got 3"),
        (b"name: a\nabout: \xff\n", "f.yaml:2: is not UTF-8 text (byte 0xff); expected a file saved as UTF-8"),
        ("name: a".encode("utf-16"), "f.yaml:1: is not UTF-8 text (byte 0xff)"),
        (b"#" * 300_000, "f.yaml: is too large; expected a sweep file of at most 256 KiB"),
        ("name: a\nabout: !mine x\n", "f.yaml:2: about: tag !mine is not accepted"),
    ],
)
def test_a_file_that_is_no_sweep(sweep_file, content, message):
    assert refusal(sweep_file(content)).startswith(message)


def test_of_several_mistakes_the_first_in_the_file_is_named(sweep_file, least):
    text = least.replace("lenet", "lenet\n  steps: 0") + "seed: x\nresources: {cpus: 0}\n"
    assert refusal(sweep_file(text)).startswith("f.yaml:5: recipe.steps: ")


def test_what_a_file_names_cannot_act_on_a_terminal(sweep_file, least):
    assert refusal(sweep_file(least + '"a\\nb\\e[31m": 3')).startswith("f.yaml:8: a b [31m: unknown key")
