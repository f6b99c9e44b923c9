import torch

from distiller.moments import moments_of, restore


def test_an_optimiser_goes_on_where_it_stopped():
    ours, theirs = torch.ones(3), torch.ones(3)
    whole = torch.optim.Adam([ours], lr=0.1)
    gradients = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    for gradient in gradients:
        ours.grad = gradient
        whole.step()
    kept = {}
    for part in gradients.split(2):
        adam = torch.optim.Adam([theirs], lr=0.1)
        restore(adam, {"x": theirs}, kept)
        for gradient in part:
            theirs.grad = gradient
            adam.step()
        kept = moments_of(adam, {"x": theirs})
    assert torch.equal(ours, theirs)
    assert set(kept) == {"x.step", "x.exp_avg", "x.exp_avg_sq"}
