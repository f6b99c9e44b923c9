import torch
import torch.nn.functional as F

from distiller.losses import along_labels, correct, cross_entropy, one_hot, predicted

LABELS = torch.tensor([2, 0, 1, 2])


def test_one_hot_has_one_output_for_two_classes():
    assert one_hot(LABELS, 3).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert one_hot(torch.tensor([1, 0]), 2).tolist() == [[1], [0]]


def test_cross_entropy_of_hard_targets_is_torchs():
    logits = torch.randn(5, 4, 3, dtype=torch.float64)
    ours = cross_entropy(logits, one_hot(LABELS, 3).double())
    assert torch.allclose(ours, torch.stack([F.cross_entropy(each, LABELS) for each in logits]))


def test_two_classes_are_torchs_binary_cross_entropy():
    logits, targets = torch.randn(5, 4, 1, dtype=torch.float64), torch.tensor([[1.0], [0.0], [0.0], [1.0]]).double()
    expected = [F.binary_cross_entropy_with_logits(each, targets) for each in logits]
    assert torch.allclose(cross_entropy(logits, targets), torch.stack(expected))


def test_targets_are_used_raw():
    # The derivative by the logits is (sum of q) softmax(z) - q, or sigmoid(z) - q: the scale of a label is a rate of its example.
    for outputs in (3, 1):
        logits = torch.randn(1, outputs, dtype=torch.float64, requires_grad=True)
        q = torch.full((1, outputs), 2.5, dtype=torch.float64) - torch.arange(outputs) * 2
        (gradient,) = torch.autograd.grad(cross_entropy(logits, q), logits)
        expected = q.sum() * logits.softmax(-1) - q if outputs > 1 else logits.sigmoid() - q
        assert torch.allclose(gradient, expected.detach())


def test_correct_counts_and_has_its_threshold_at_zero():
    logits = torch.tensor([[[1.0, 0, 2], [0, 1, 0]], [[3.0, 0, 2], [0, 0, 5]]])
    assert correct(logits, torch.tensor([2, 1])).tolist() == [2, 0]
    assert correct(torch.tensor([[0.2], [-0.2], [0.7]]), torch.tensor([1, 0, 0])).item() == 2


def test_along_labels_is_the_second_derivative_of_the_loss_by_labels_and_along_logits():
    for outputs in (3, 1):
        logits, tangent, targets = torch.randn(3, 4, outputs, dtype=torch.float64)
        logits.requires_grad_()
        targets.requires_grad_()
        (by_logits,) = torch.autograd.grad(cross_entropy(logits, targets), logits, create_graph=True)
        (expected,) = torch.autograd.grad(by_logits, targets, tangent)
        assert torch.allclose(along_labels(logits.detach(), tangent), expected, rtol=1e-12, atol=1e-14)


def test_a_threshold_moves_the_second_class_and_no_other():
    logits = torch.tensor([[-0.1], [0.3], [0.7]])
    assert predicted(logits).tolist() == [0, 1, 1]
    assert predicted(logits, 0.5).tolist() == [0, 0, 1]
    assert correct(logits, torch.tensor([0, 0, 1]), 0.5).item() == 3
    many = torch.tensor([[0.1, 0.2], [0.2, 0.1]])
    assert predicted(many, 0.5).tolist() == predicted(many).tolist()
