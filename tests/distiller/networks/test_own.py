import sys

import pytest
import torch

from distiller.networks import NetworkError, Stack, build
from distiller.seeds import seed_tensor

SOURCE = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.layer = nn.Linear(shape[0] * shape[1] * shape[2], outputs)
        self.dropout = nn.Dropout(0.5)
        self.gain = nn.Parameter(torch.randn(outputs))
        self.register_buffer("offset", torch.ones(outputs))
    def forward(self, inputs):
        return self.dropout(self.layer(inputs.flatten(1))) * self.gain + self.offset

class Defaults(Small):
    def __init__(self, shape=(1, 4, 4), outputs=3, width=7):
        super().__init__(shape, outputs)

class Fixed(Small):
    def __init__(self, width=5):
        super().__init__((1, 4, 4), 3)

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(16, 16)
        self.second = nn.Linear(16, 16)
        self.second.weight = self.first.weight
        self.head = nn.Linear(16, 3)
    def forward(self, inputs):
        return self.head(self.second(self.first(inputs.flatten(1)).tanh()).tanh())

class One(nn.Module):
    def __init__(self, shape): super().__init__()

class Fails(nn.Module):
    def __init__(self): raise RuntimeError("no luck\\nat all")

class Empty(nn.Module):
    def forward(self, inputs): return inputs.flatten(1)[:, :3]

class Normed(Fixed):
    def __init__(self, **options):
        super().__init__()
        self.norm = nn.BatchNorm2d(1, **options)
    def forward(self, inputs): return super().forward(self.norm(inputs))

class Batch(Normed):
    def __init__(self): super().__init__(track_running_stats=False)

class Listed(Fixed):
    def forward(self, inputs): return [super().forward(inputs)]

function = len
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A working directory with modules in it that Python has not seen."""
    (tmp_path / "nets_of_mine.py").write_text(SOURCE)
    (tmp_path / "broken_nets.py").write_text("import a_module_that_is_nowhere\n")
    (tmp_path / "crooked_nets.py").write_text("def f(:\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("nets_of_mine", "broken_nets", "crooked_nets"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["Small", "Defaults", "Fixed", "Tied", "Batch"])
@pytest.mark.parametrize("backend", ["loop", "vmap"])
def test_networks_of_ones_own_are_built_and_stacked(home, name, backend):
    stack = Stack(build(f"nets_of_mine:{name}", (1, 4, 4), 3), backend)
    drawn = stack.draw("xavier_normal", seed_tensor([1, 2]), torch.float64)
    inputs = torch.randn(5, 1, 4, 4, dtype=torch.float64)
    logits = stack.logits(drawn, inputs)
    assert logits.shape == (2, 5, 3)
    # Dropout is off.
    assert torch.equal(logits, stack.logits(drawn, inputs))


def test_a_shared_parameter_is_one_parameter(home):
    stack = Stack(build("nets_of_mine:Tied", (1, 4, 4), 3), "loop")
    assert stack.names == ("first.weight", "first.bias", "second.bias", "head.weight", "head.bias")


def test_what_a_constructor_draws_does_not_depend_on_what_ran_before(home):
    torch.manual_seed(1)
    first = build("nets_of_mine:Small", (1, 4, 4), 3)
    second = build("nets_of_mine:Small", (1, 4, 4), 3)
    assert torch.equal(first.gain, second.gain)


def test_the_search_path_stays_as_it_was(home):
    before = list(sys.path)
    build("nets_of_mine:Small", (1, 4, 4), 3)
    assert sys.path == before


@pytest.mark.parametrize(
    "name, words",
    [
        ("nowhere_at_all:Net", "no module nowhere_at_all in "),
        ("broken_nets:Net", "importing broken_nets failed with ModuleNotFoundError: .*a_module_that_is_nowhere"),
        ("crooked_nets:Net", "importing crooked_nets failed with SyntaxError"),
        ("nets_of_mine:Smal", "module nets_of_mine has no class 'Smal'"),
        ("nets_of_mine:function", "expected a class of torch.nn.Module, got <built-in function len>"),
        ("nets_of_mine:One", r"its constructor needs 1 arguments; expected \(shape, outputs\) or none at all"),
        ("nets_of_mine:Fails", r"Fails\(\) failed with RuntimeError: no luck"),
        ("nets_of_mine:Empty", "has no parameters to train"),
        ("nets_of_mine:Normed", "norm keeps running statistics.*; build it with track_running_stats=False"),
        ("nets_of_mine:Listed", "expected a tensor of logits, got list"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(home, name, words):
    with pytest.raises(NetworkError, match=f"^network {name}: {words}") as caught:
        build(name, (1, 4, 4), 3)
    assert "\n" not in str(caught.value)


def test_a_network_that_does_not_fit_the_data_is_refused(home):
    with pytest.raises(NetworkError, match=r"does not fit examples of shape \(1, 5, 5\): RuntimeError"):
        build("nets_of_mine:Fixed", (1, 5, 5), 3)
    with pytest.raises(NetworkError, match=r"expected logits of shape \(2, 4\) for two examples, got \(2, 3\)"):
        build("nets_of_mine:Fixed", (1, 4, 4), 4)
