import dataclasses

import pytest
import torch

from distiller.distilled import Distilled
from distiller.operations import examples_seen, training_operations
from distiller.training import Training


def distilled(steps=3, each=10, epochs=2, shape=(1, 28, 28), training=None):
    inputs, labels = torch.zeros(steps, each, *shape), torch.zeros(steps, each, 10)
    rates = torch.ones(steps * epochs if training is None else 0)
    about = (epochs, 10, (0.0,), (1.0,), "digits", "lenet")
    return Distilled(inputs, labels, rates, *about, training=training or Training())


def test_lenets_operations_are_those_of_its_layers_by_hand():
    # Forward: two convolutions and three linear layers. Backward: twice that, but for the gradient of the first layer's inputs.
    first, rest = 28 * 28 * 6 * 25, 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    assert training_operations(distilled(), "lenet") == 3 * 10 * 2 * (2 * first + 3 * rest)


def test_operations_grow_with_the_examples_seen_and_with_nothing_else():
    once = training_operations(distilled(epochs=1), "lenet")
    assert training_operations(distilled(epochs=4), "lenet") == 4 * once
    assert training_operations(distilled(steps=6, epochs=1), "lenet") == 2 * once
    twice = dataclasses.replace(distilled(epochs=1), rates=torch.full((3,), 0.5))
    assert training_operations(twice, "lenet") == once


@pytest.mark.parametrize("batch, steps, seen", [(10, 7, 70), (8, 4, 30), (8, 5, 38), (50, 3, 90)])
def test_drawn_batches_see_each_example_once_a_pass(batch, steps, seen):
    # Of thirty examples: a pass by eight is 8, 8, 8 and 6.
    training = Training(optimiser="adam", lr=0.001, batch=batch, steps=steps)
    assert examples_seen(distilled(training=training)) == seen


@pytest.mark.parametrize("network", ["alexcifarnet", "convnet3", "resnet14"])
def test_every_network_is_counted(network):
    few, many = (distilled(epochs=epochs, shape=(3, 32, 32)) for epochs in (1, 3))
    assert 0 < training_operations(few, network) * 3 == training_operations(many, network)
