"""Real data, from the folders in which a user's would lie."""

import subprocess
import sys

import pytest
import torch
from torchvision import transforms

from distiller.data import DataError, catalogue, describe, load
from distiller.data.registry import REGISTRY

# PROVENANCE of the real files: examples of each class in the training and in the test part.
COUNTS = {
    "mnist": (
        [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    ),
    "usps": ([1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644], [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]),
    "cifar10": ([5000] * 10, [1000] * 10),
}
VALIDATION = {"digits": 300, "mnist": 10000, "usps": 1000, "cifar10": 5000}


def read(name, validation):
    if not next(line for line in catalogue() if line.name == name).present:
        pytest.skip(f"the files of {name} are not here: `stillhouse data {name}`")
    return load(name, validation)


@pytest.fixture(scope="module", params=list(VALIDATION))
def data(request):
    return read(request.param, VALIDATION[request.param])


def test_counts_and_classes(data):
    described = describe(data.name)
    assert (data.classes, data.shape) == (described.classes, described.shape)
    assert (len(data.train) + len(data.validation), len(data.test)) == (described.train, described.test)
    if data.name in COUNTS:
        both = torch.cat([data.train.labels, data.validation.labels])
        assert (both.bincount().tolist(), data.test.labels.bincount().tolist()) == COUNTS[data.name]


def test_training_data_have_mean_zero_and_deviation_one(data):
    both = torch.cat([data.train.inputs, data.validation.inputs])
    for channel in both.unbind(dim=1):
        # Statistics are published to three or four decimals.
        assert abs(channel.double().mean().item()) < 2e-3
        assert abs(channel.double().std().item() - 1) < 5e-3


def test_the_validation_cut_is_exact_and_stratified(data):
    assert len(data.validation) == VALIDATION[data.name]
    train, cut = data.train.labels.bincount(), data.validation.labels.bincount()
    due = (train + cut) * len(data.validation) / (len(data.train) + len(data.validation))
    assert (cut - due).abs().max() < 1


@pytest.mark.parametrize("name", ["digits", "mnist", "usps"])
def test_the_validation_cut_is_the_same_every_time_and_disjoint(name):
    data, again, whole = read(name, VALIDATION[name]), read(name, VALIDATION[name]), read(name, 0)
    assert torch.equal(again.validation.inputs, data.validation.inputs)
    assert torch.equal(again.train.inputs, data.train.inputs)
    # Training and validation rows together are the rows of the whole, each once.
    parts = torch.cat([data.train.inputs, data.validation.inputs]).flatten(1)
    assert parts.shape == whole.train.inputs.flatten(1).shape
    weights = torch.linspace(1, 2, parts.shape[1], dtype=torch.float64)
    together, alone = ((rows.double() @ weights).sort().values for rows in (parts, whole.train.inputs.flatten(1)))
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name, class_name", [("mnist", "MNIST"), ("cifar10", "CIFAR10")])
def test_inputs_are_those_of_torchvisions_own_transforms(name, class_name):
    import torchvision.datasets

    data = read(name, 0)
    root = next(line.where for line in catalogue() if line.name == name)
    steps = [transforms.ToTensor(), transforms.Normalize(REGISTRY[name].mean, REGISTRY[name].std)]
    reference = getattr(torchvision.datasets, class_name)(root, train=False, transform=transforms.Compose(steps))
    for i in (0, 1, 17, 9999):
        image, label = reference[i]
        assert torch.equal(data.test.inputs[i], image)
        assert data.test.labels[i].item() == label


def test_digits_keep_the_same_360_rows_for_the_test():
    from sklearn.datasets import load_digits

    data = load("digits")
    assert (len(data.train), len(data.test)) == (1437, 360)
    # Stratified: 20 % of each class's rows, to rounding.
    sizes = torch.from_numpy(load_digits().target).bincount()
    assert (data.test.labels.bincount() - sizes * 360 / 1797).abs().max() < 1
    # The very rows, so that an accuracy of one version can be set beside that of another.
    assert data.test.labels[:20].tolist() == [0, 5, 7, 4, 5, 4, 7, 0, 8, 4, 3, 2, 3, 7, 1, 0, 8, 0, 6, 7]
    # A cut for validation takes nothing from them.
    assert torch.equal(load("digits", validation=500).test.inputs, data.test.inputs)


@pytest.mark.parametrize("validation", [-1, 1428, 1437, 5000])
def test_a_cut_that_is_too_large_says_the_largest(validation):
    with pytest.raises(DataError, match=rf"validation: {validation} of the 1437 .* expected 0 to 1427"):
        load("digits", validation)


def test_the_largest_cut_leaves_one_of_each_class():
    data = load("digits", validation=1427)
    assert sorted(data.train.labels.tolist()) == list(range(10))


def test_moving_changes_kind_and_keeps_labels():
    data = load("digits", validation=10).to("cpu", torch.float64)
    for part in (data.train, data.validation, data.test):
        assert (part.inputs.dtype, part.labels.dtype) == (torch.float64, torch.int64)
    assert (data.name, data.outputs) == ("digits", 10)


def test_importing_the_package_imports_no_reader():
    code = "import sys, distiller.data; print([m for m in ('torchvision', 'sklearn', 'scipy') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_training_data_may_be_limited_and_a_larger_limit_contains_a_smaller():
    whole, many, few = (load("digits", 300, examples) for examples in (None, 500, 100))
    assert (len(many.train), len(few.train)) == (500, 100)
    assert few.train.labels.bincount().tolist() == pytest.approx([10] * 10, abs=1)
    rows = [{row.numpy().tobytes() for row in each.train.inputs} for each in (whole, many, few)]
    assert rows[2] < rows[1] < rows[0]
    assert torch.equal(few.validation.inputs, whole.validation.inputs)
    with pytest.raises(
        DataError, match=r"^real_examples: 1200 of the 1137 training examples of digits that validation"
    ):
        load("digits", 300, 1200)
