import torch
import torch.nn.functional as F

from distiller.networks.response_norm import ResponseNorm, local_response_norm


def large(*shape):
    # Large enough that the normalisation bends: its scale is 2.8e-5.
    return 300 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def reference(inputs):
    return F.local_response_norm(inputs, 4, 0.001 / 9, 0.75, 1)


def test_equals_torchs():
    inputs = large(2, 64, 3, 3)
    assert torch.allclose(local_response_norm(inputs), reference(inputs), rtol=1e-12)


def test_derivatives_are_those_of_the_function_and_networks_stay_apart():
    inputs = large(2, 2 * 8, 3, 3)
    along, grad = large(2, 16, 3, 3), large(2, 16, 3, 3)

    def of_both(x):
        return torch.cat([reference(part) for part in x.split(8, dim=1)], dim=1)

    value, push = torch.func.jvp(of_both, (inputs,), (along,))

    def back(x):
        return torch.func.vjp(of_both, x)[1](grad)[0]

    pulled, bent = torch.func.jvp(back, (inputs,), (along,))
    norm = ResponseNorm(inputs, networks=2)
    for ours, theirs in [
        (norm.value(), value),
        (norm.along(along), push),
        (norm.back(grad), pulled),
        (norm.bend(grad, along), bent),
    ]:
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-12 * theirs.abs().max().item())
