"""Three classes of Iris from two points with soft labels (Sucholutsky and Schonlau, arXiv 1910.02551 and 2009.08449).

Prints the accuracy of one-hot and of soft labels, and draws the decision regions:

    python examples/iris_prototypes.py iris-prototypes.png
"""

from __future__ import annotations

import sys

import torch
from sklearn.datasets import load_iris
from torch import Tensor

from distiller.data.split import stratified_cut
from distiller.prototypes import Prototypes, learn, start

COLOURS = ("#4477aa", "#ddaa33", "#bb5566")


def iris() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return petal lengths and widths, standardised, and classes: 100 flowers to learn from and 50 to test on."""
    flowers = load_iris()
    inputs, classes = torch.tensor(flowers.data[:, 2:]), torch.tensor(flowers.target, dtype=torch.int64)
    kept, cut = stratified_cut(classes, 50, "iris", "test")
    inputs = (inputs - inputs[kept].mean(0)) / inputs[kept].std(0)
    return inputs[kept], classes[kept], inputs[cut], classes[cut]


def hard_labels(prototypes: Prototypes) -> Prototypes:
    """Return the same points, each labelled by its largest class alone."""
    largest = prototypes.labels.argmax(1)
    return Prototypes(prototypes.points, torch.eye(prototypes.labels.shape[1], dtype=torch.float64)[largest])


def draw(path: str, panels: dict[str, Prototypes], inputs: Tensor, classes: Tensor) -> None:
    """Draw the decision regions of each panel's prototypes, and the flowers."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.colors import ListedColormap

    x, y = torch.meshgrid(torch.linspace(-1.8, 2, 300), torch.linspace(-1.8, 2, 300), indexing="xy")
    grid = torch.stack([x.flatten(), y.flatten()], dim=1).double()
    figure, axes = pyplot.subplots(1, len(panels), figsize=(3.3 * len(panels), 3.3), sharey=True, layout="constrained")
    for axis, (title, prototypes) in zip(axes, panels.items(), strict=True):
        regions = prototypes.classify(grid).reshape(x.shape)
        axis.contourf(x, y, regions, levels=[-0.5, 0.5, 1.5, 2.5], colors=COLOURS, alpha=0.3)
        axis.scatter(*inputs.T, c=classes, cmap=ListedColormap(COLOURS), s=8)
        axis.scatter(*prototypes.points.T, c="black", marker="X", s=70)
        axis.set(title=title, xlabel="petal length", xlim=(-1.8, 2), ylim=(-1.8, 2), xticks=[], yticks=[])
    axes[0].set_ylabel("petal width")
    figure.savefig(path, dpi=100, metadata={"Software": None})


def main() -> None:
    """Compare two points with one-hot and with soft labels, and three class means."""
    inputs, classes, test_inputs, test_classes = iris()
    soft = learn(start(inputs, classes, count=2), inputs, classes)
    means = torch.stack([inputs[classes == number].mean(0) for number in range(3)])
    panels = {
        "3 points, one-hot labels": Prototypes(means, torch.eye(3, dtype=torch.float64)),
        "2 points, one-hot labels": hard_labels(soft),
        "2 points, soft labels": soft,
    }
    for title, prototypes in panels.items():
        print(f"{title}: {100 * prototypes.accuracy(test_inputs, test_classes):.1f} % of 50 flowers that were not seen")
    for point, label in zip(soft.points.tolist(), soft.labels.tolist(), strict=True):
        print("point", [round(number, 2) for number in point], "label", [round(number, 2) for number in label])
    if len(sys.argv) > 1:
        draw(sys.argv[1], panels, inputs, classes)


if __name__ == "__main__":
    main()
