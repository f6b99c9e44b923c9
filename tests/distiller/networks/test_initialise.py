import math

import pytest
import torch
from torch import nn

from distiller.networks import SCHEMES, NetworkError, Stack, build, initialise
from distiller.seeds import derive, seed_tensor


def seeds(count):
    return seed_tensor([derive("initialise", k) for k in range(count)])


class Mixed(nn.Module):
    """Every role: convolution, linear, norm, a module that draws its own, one that has no way to, and a bare parameter."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((3,), 2.5))
        self.convolution = nn.Conv2d(6, 16, 5)
        self.norm = nn.GroupNorm(4, 16)
        self.recurrent = nn.RNN(16, 8)
        self.head = nn.Linear(8, 4)


LAYERS = [nn.Conv2d(6, 16, 5), nn.Conv2d(6, 16, 3, groups=2), nn.ConvTranspose2d(8, 4, 3), nn.Linear(400, 120)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize(
    "scheme, theirs",
    [
        ("xavier_normal", nn.init.xavier_normal_),
        ("xavier_uniform", nn.init.xavier_uniform_),
        ("kaiming_normal", lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")),
        ("kaiming_normal_out", lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu")),
        ("kaiming_uniform", lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu")),
        ("normal", lambda w: nn.init.normal_(w, std=0.02)),
        ("default", lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5))),
    ],
)
def test_weights_spread_as_those_of_torch(layer, scheme, theirs):
    weight, bias = Stack(layer, "loop").draw(scheme, seeds(40), torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        reference = torch.stack([theirs(torch.empty_like(layer.weight)) for _ in range(40)]).double()
    # Six standard errors of each of the two variances, whichever the distribution.
    tolerance = 6 * math.sqrt(2 * 2 / weight.numel())
    assert weight.var().item() == pytest.approx(reference.var().item(), rel=tolerance)
    assert abs(weight.mean()) < 6 * weight.std() / math.sqrt(weight.numel())
    # A uniform one ends where torch's ends, a normal one has tails.
    ends = (weight.abs().max() / weight.std()).item()
    assert ends == pytest.approx(math.sqrt(3), rel=0.03) if SCHEMES[scheme].normal is False else ends > 3
    if scheme == "default":
        bound = 1 / math.sqrt(layer.weight[0].numel())
        assert bias.abs().max() <= bound
        assert bias.var().item() == pytest.approx(bound**2 / 3, rel=6 * math.sqrt(2 / bias.numel()))
    else:
        assert not bias.any()


@pytest.mark.parametrize("rows, columns", [(16, 150), (120, 20)])
def test_orthogonal_weights_have_orthonormal_rows_or_columns(rows, columns):
    weight, _ = Stack(nn.Linear(columns, rows), "loop").draw("orthogonal", seeds(3), torch.float64)
    short = weight if rows < columns else weight.mT
    assert torch.allclose(short @ short.mT, torch.eye(min(rows, columns), dtype=torch.float64).expand(3, -1, -1))
    # Uniform over orthogonal matrices: signs are not those that a QR decomposition would give every time.
    assert 0 < (weight[:, 0, 0] > 0).sum() < 3 or (weight.diagonal(dim1=1, dim2=2) < 0).any()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("module", [build("lenet", (1, 28, 28), 10), Mixed()], ids=lambda module: type(module).__name__)
def test_a_network_is_the_same_alone_and_among_others(scheme, module):
    stack = Stack(module, "loop")
    together = stack.draw(scheme, seeds(3), torch.float32)
    for k in range(3):
        alone = stack.draw(scheme, seeds(3)[k : k + 1], torch.float32)
        assert all(torch.equal(a[0], b[k]) for a, b in zip(alone, together, strict=True))
    assert not torch.equal(together[-2][0], together[-2][1])


def test_every_role_gets_what_it_should():
    stack = Stack(Mixed(), "loop")
    drawn = dict(zip(stack.names, stack.draw("xavier_normal", seeds(4), torch.float32), strict=True))
    assert torch.equal(drawn["scale"], torch.full((4, 3), 2.5))
    assert torch.equal(drawn["norm.weight"], torch.ones(4, 16))
    assert torch.equal(drawn["norm.bias"], torch.zeros(4, 16))
    recurrent = drawn["recurrent.weight_hh_l0"]
    assert recurrent.abs().max() <= 1 / math.sqrt(8)
    assert len({tuple(matrix.flatten().tolist()) for matrix in recurrent}) == 4


def test_drawing_leaves_the_global_generator_alone():
    stack = Stack(Mixed(), "loop")
    before = torch.random.get_rng_state()
    stack.draw("default", seeds(2), torch.float32)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_plain_module_gets_the_network_of_a_seed():
    module = nn.Sequential(nn.Conv2d(1, 3, 2), nn.GroupNorm(1, 3), nn.Dropout(), nn.Flatten(), nn.Linear(27, 2)).train()
    stack = Stack(module, "loop")
    module.train()
    assert initialise(module, "default", 2**64 - 7) is module
    assert not module.training
    (drawn,) = zip(*stack.draw("default", seed_tensor([2**64 - 7]), torch.float32), strict=True)
    assert all(torch.equal(own, one) for own, one in zip(module.parameters(), drawn, strict=True))
    inputs = torch.randn(4, 1, 4, 4)
    assert torch.equal(module(inputs), stack.logits(tuple(one[None] for one in drawn), inputs)[0])


def test_unknown_schemes_list_the_known():
    with pytest.raises(NetworkError, match="'xaiver'; known: xavier_normal, "):
        Stack(nn.Linear(2, 2), "loop").draw("xaiver", seeds(1), torch.float32)
