import os
import pathlib
import re
import subprocess
import sys

import pytest

import sweeps
from sweeps import SweepError

SHIPPED = pathlib.Path(sweeps.__file__).parent / "shipped"
NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def test_shipped_sweeps_are_listed_by_name():
    listed = sweeps.shipped()
    assert [each.name for each in listed] == NAMES
    assert all(sweeps.is_shipped(name) for name in NAMES)
    assert not sweeps.is_shipped("mine")
    assert {"mnist-fixed-10", "mnist-random-100", "quickstart"} <= set(NAMES)
    assert all(each.about and each.path.is_file() for each in listed)
    published = {each.name: each.published.accuracy for each in listed if each.published}
    assert (published["mnist-fixed-10"], published["mnist-random-100"]) == ("96.13", "82.75 ± 2.75")


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_sweep_reads_and_thaws(name):
    sweep = sweeps.read(name)
    assert sweep.name == name
    assert sweeps.Sweep.thaw(sweep.frozen()) == sweep
    # A page that people read: no line that a terminal would break.
    assert max(map(len, (SHIPPED / f"{name}.yaml").read_text().splitlines())) <= 130


def test_a_published_row_says_which_it_is_and_every_sweep_what_it_costs():
    for each in sweeps.shipped():
        assert each.cost is not None, each.name
        if each.published is not None:
            assert each.published.table, each.name
            assert each.published.row, each.name


def test_a_shipped_sweep_names_the_data_that_it_needs():
    listed = {each.name: each for each in sweeps.shipped()}
    assert listed["mnist-random-100"].data == ("mnist",)
    assert listed["quickstart"].data == ("digits",)


def test_published_rows_are_the_papers():
    # SLDD, Table 2: images are steps x per_class x classes.
    fixed, random = sweeps.read("mnist-fixed-10").recipe, sweeps.read("mnist-random-100").recipe
    assert (fixed.init, fixed.steps * fixed.per_class * 10, fixed.labels) == ("fixed", 10, "soft")
    assert (random.init, random.steps * random.per_class * 10, random.labels) == ("random", 100, "soft")
    assert {fixed.network, random.network, fixed.data, random.data} == {"lenet", "mnist"}


@pytest.mark.parametrize("name", [name for name in NAMES if re.fullmatch(r"ld-.*\d", name)])
def test_rows_of_label_distillation_are_what_their_names_say(name):
    ridge, pair, examples = re.fullmatch(r"ld-(rr-)?(.*)-(\d+)", name).groups()
    sweep = sweeps.read(name)
    recipe, (source, _, target) = sweep.recipe, pair.rpartition("-to-")
    assert recipe.method == ("ridge" if ridge else "labels")
    assert recipe.init_scheme == "default"
    assert target in recipe.data
    assert bool(source) == (recipe.base is not None)
    count = recipe.base.examples if recipe.base else recipe.per_class * (100 if target == "cifar100" else 10)
    assert count == int(examples)
    assert not source or source in recipe.base.data
    # The paper's: minibatches of base examples, and a patience that grows with them.
    assert recipe.inner_batch == {10: 10, 20: 10, 50: 25}.get(count, 100 if target == "cifar100" else 50)
    assert sweep.published is None or f"{count} images" in sweep.published.row


def test_a_file_is_found_by_its_path_of_any_kind(sweep_file, least):
    name = sweep_file(least)
    for source in (name, f"./{name}", os.path.abspath(name), pathlib.Path(name)):
        assert sweeps.read(source).name == "a"
    # A shipped name comes first; the file of that name has a path.
    sweep_file(least, "quickstart")
    assert sweeps.read("quickstart").name == "quickstart"
    assert sweeps.read("./quickstart").name == "a"


@pytest.mark.parametrize(
    "source, message",
    [
        (
            "quikstart",
            "quikstart: no such file or shipped sweep; did you mean quickstart? expected a sweep file, or a name",
        ),
        ("f.yml", "f.yml: no such file or shipped sweep; did you mean f.yaml? expected"),
        (
            "inner/g.yaml",
            "inner/g.yaml: no such file or shipped sweep; expected a sweep file, or a name",
        ),
        ("inner", "inner: is a folder; expected a sweep file, or a name"),
        ("", ": no such file or shipped sweep; expected"),
        ("a\0b", "a b: no such file or shipped sweep; expected"),
        ("a" * 5000 + "/b", "aaaa"),
    ],
)
def test_what_is_no_sweep_is_refused_with_the_nearest_and_all_there_are(sweep_file, least, source, message):
    sweep_file(least)
    os.mkdir("inner")
    with pytest.raises(SweepError) as caught:
        sweeps.read(source)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("or a name that `stillhouse sweeps` lists")


def test_reading_sweeps_imports_nothing_heavy():
    heavy = ["torch", "ray", "optuna", "pyarrow", "numpy", "rich", "click", "orchestrator", "cluster"]
    code = (
        "import sys, sweeps\n"
        "sweeps.shipped()\n"
        "sweeps.Sweep.thaw(sweeps.read('quickstart').frozen()).digest()\n"
        f"print(sorted(set({heavy}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
