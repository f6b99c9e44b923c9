"""Networks of sentences: sizes, masks, and K of them at once."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from distiller.losses import cross_entropy
from distiller.networks import NetworkError, Stack, build
from distiller.seeds import seed_tensor

NAMES = ["textconvnet", "birnn", "bilstm", "convlstm"]
COUNTS = [
    ("textconvnet", (400, 100), 1, 120_601),
    ("textconvnet", (20, 100), 50, 135_350),
    ("textconvnet", (56, 100), 5, 121_805),
    ("textconvnet", (30, 100), 6, 122_106),
    ("birnn", (56, 100), 5, 101_805),
    ("bilstm", (30, 100), 6, 404_406),
    ("convlstm", (20, 100), 50, 3_606),
]


def sentences(count=4, length=9, size=12, padded=True, seed=0):
    """Draw sentences of which all but the first end in padding, and one has a word of no vector."""
    inputs = torch.randn(count, length, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for row in range(1, count) if padded else ():
        inputs[row, length - row - 1 :] = 0
    inputs[-1, 1] = 0
    return inputs


def stack(name, backend="batched", masked=True, shape=(9, 12), outputs=3):
    return Stack(build(name, shape, outputs, masked), backend)


@pytest.mark.parametrize("name, shape, outputs, count", COUNTS)
def test_networks_have_the_papers_sizes(name, shape, outputs, count):
    assert Stack(build(name, shape, outputs), "batched").count == count


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_backends_agree_in_values_and_both_derivatives(name, masked):
    inputs, labels = sentences(), torch.eye(3, dtype=torch.float64)[[0, 1, 2, 0]]
    params = stack(name).draw("xavier_normal", seed_tensor([1, 2]), torch.float64)

    def through(backend):
        leaves = tuple(p.clone().requires_grad_() for p in params)
        x, q = inputs.clone().requires_grad_(), labels.clone().requires_grad_()
        gradient = stack(name, backend, masked).gradient(leaves, x, q, cross_entropy)
        along = [torch.sin(torch.arange(g.numel(), dtype=torch.float64)).view_as(g) for g in gradient]
        return *gradient, *torch.autograd.grad(gradient, [x, q, *leaves], along)

    reference = through("loop")
    for backend in ("batched", "vmap"):
        for ours, theirs in zip(through(backend), reference, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["birnn", "bilstm"])
def test_unmasked_recurrent_networks_are_torchs_own(name):
    network, inputs = build(name, (9, 12), 3, masked=False).double(), sentences()
    last = network.recurrent(inputs.transpose(0, 1))[1]
    last = last[0] if isinstance(network.recurrent, nn.LSTM) else last
    expected = network.head(torch.cat([last[-2], last[-1]], -1))
    torch.testing.assert_close(network(inputs), expected, rtol=1e-10, atol=1e-12)


def test_unmasked_textconvnet_is_the_published_two_dimensional_one():
    network, inputs = build("textconvnet", (9, 12), 3, masked=False).double(), sentences()
    pooled = [
        F.relu(F.conv2d(inputs[:, None], layer.weight.mT[:, None], layer.bias)).squeeze(3).max(-1).values
        for layer in (network.conv3, network.conv4, network.conv5)
    ]
    torch.testing.assert_close(network(inputs), network.head(torch.cat(pooled, -1)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["birnn", "bilstm"])
def test_masked_networks_pass_over_padding_and_unknown_words(name):
    network, inputs = build(name, (9, 12), 3).double(), sentences()
    together = network(inputs)
    for row, sentence in enumerate(inputs):
        words = sentence[(sentence != 0).any(-1)]
        torch.testing.assert_close(together[row], network(words[None])[0], rtol=1e-10, atol=1e-12)


def test_masked_windows_without_a_word_give_no_answer():
    network = build("textconvnet", (12, 6), 3).double()
    # A positive bias is what an empty window answers; filters that see a word answer less.
    for layer in (network.conv3, network.conv4, network.conv5):
        nn.init.constant_(layer.weight, -1.0)
        nn.init.constant_(layer.bias, 1.0)
    inputs = torch.zeros(1, 12, 6, dtype=torch.float64)
    inputs[0, :2] = 1.0
    torch.testing.assert_close(network(inputs)[0], network.head.bias)
    network.masked = False
    assert not torch.allclose(network(inputs)[0], network.head.bias)


@pytest.mark.parametrize("name", ["birnn", "bilstm"])
def test_padding_has_no_derivative_where_it_is_masked(name):
    inputs = sentences().requires_grad_()
    params = stack(name).draw("xavier_normal", seed_tensor([1]), torch.float64)
    (gradient,) = torch.autograd.grad(stack(name).logits(params, inputs).sum(), inputs)
    padding = (inputs == 0).all(-1)
    assert (gradient[padding] == 0).all()
    assert (gradient[~padding] != 0).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_without_a_known_word_has_finite_derivatives(name):
    inputs = torch.zeros(2, 9, 12, dtype=torch.float64)
    params = stack(name).draw("xavier_normal", seed_tensor([1]), torch.float64)
    many = stack(name).logits_of_many(params, inputs)
    assert many.isfinite().all()
    gradient = stack(name).gradient(params, inputs, torch.eye(3, dtype=torch.float64)[:2], cross_entropy)
    assert all(g.isfinite().all() for g in gradient)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_words_are_looked_up(name):
    vectors = sentences(1, 40)[0]
    numbers = torch.randint(0, 40, (5, 9), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    looked = Stack(build(name, (9, 12), 3), "batched", embedded=lambda ids: F.embedding(ids, vectors))
    params = looked.draw("xavier_normal", seed_tensor([1, 2]), torch.float64)
    torch.testing.assert_close(looked.logits(params, numbers), stack(name).logits(params, vectors[numbers.long()]))


def test_recurrent_parameters_are_drawn_within_a_tenth():
    params = dict(
        zip(
            stack("bilstm").names,
            stack("bilstm").draw("xavier_normal", seed_tensor([1, 2]), torch.float32),
            strict=True,
        )
    )
    drawn = params["recurrent.weight_hh_l0"]
    assert 0.099 < drawn.abs().max() <= 0.1
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize(
    "name, shape, message",
    [("bilstm", (1, 28, 28), "takes sentences"), ("textconvnet", (4, 12), "5 at least; name a larger text.length")],
)
def test_what_does_not_fit_is_refused(name, shape, message):
    with pytest.raises(NetworkError, match=message):
        build(name, shape, 3)
