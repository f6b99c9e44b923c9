import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier

from distiller.prototypes import Prototypes, learn, start


@pytest.fixture(scope="module")
def iris():
    flowers = load_iris()
    inputs = torch.tensor(flowers.data[:, 2:])
    return (inputs - inputs.mean(0)) / inputs.std(0), torch.tensor(flowers.target, dtype=torch.int64)


@pytest.mark.parametrize("k", [1, 3, 7, None])
def test_one_hot_labels_are_scikit_learns_distance_weighted_neighbours(iris, k):
    inputs, classes = iris
    generator = torch.Generator().manual_seed(3)
    points, asked = inputs[::10], torch.randn(200, 2, generator=generator, dtype=torch.float64)
    ours = Prototypes(points, torch.eye(3, dtype=torch.float64)[classes[::10]])
    theirs = KNeighborsClassifier(k or len(points), weights="distance").fit(points.numpy(), classes[::10].numpy())
    assert torch.allclose(ours.scores(asked, k), torch.tensor(theirs.predict_proba(asked.numpy())), atol=1e-9)


def test_two_points_part_a_line_into_as_many_classes_as_their_labels_have():
    # Between the points, 0 and 1, the score of class c is a line in t. The tangents of t² at 0.1, 0.3 ... are the largest of all
    # around these places, with boundaries halfway between.
    places = torch.arange(0.1, 1, 0.2, dtype=torch.float64)
    ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    two = Prototypes(ends, 2 * places * ends - places**2)
    found = two.classify(torch.linspace(0.001, 0.999, 999, dtype=torch.float64)[:, None])
    assert found.unique_consecutive().tolist() == [0, 1, 2, 3, 4]
    assert found.bincount().tolist() == pytest.approx([200, 200, 200, 200, 200], abs=2)


def test_a_prototype_has_its_own_label():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    labels = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    assert torch.allclose(Prototypes(points, labels).scores(points), labels, atol=1e-6)


def test_a_start_is_the_classes_shares_around_a_centre(iris):
    inputs, classes = iris
    begun = start(inputs, classes, count=2)
    assert torch.allclose(begun.labels.sum(1), torch.ones(2, dtype=torch.float64))
    # One centre is setosa's, the other is shared by the two that touch.
    assert sorted(begun.labels.max(1).values.tolist()) == pytest.approx([0.5, 1.0], abs=0.05)
    assert torch.equal(start(inputs, classes, count=2).points, begun.points)


def test_two_soft_points_tell_three_classes_and_two_hard_ones_cannot(iris):
    inputs, classes = iris
    begun = start(inputs, classes, count=2)
    learned = learn(begun, inputs, classes)
    assert begun.accuracy(inputs, classes) <= 2 / 3 + 1e-9
    assert learned.accuracy(inputs, classes) >= 0.94
    hard = Prototypes(learned.points, torch.eye(3, dtype=torch.float64)[learned.labels.argmax(1)])
    assert hard.accuracy(inputs, classes) <= 2 / 3 + 1e-9


@pytest.mark.parametrize("k", [0, 3])
def test_more_neighbours_than_prototypes_are_refused(k):
    two = Prototypes(torch.zeros(2, 1), torch.eye(2))
    with pytest.raises(ValueError, match=f"k is {k}; expected 1 to 2"):
        two.scores(torch.zeros(1, 1), k)
