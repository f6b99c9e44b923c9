"""The loss and the accuracy of logits against soft targets, for any number of classes.

Two classes have one logit and one real target q, trained by binary cross-entropy; more have a softmax. Targets are used raw: they
may be negative and need not sum to one, as in SLDD (arXiv 1910.02551, section 3), where the scale of a label acts as a rate of
its example. The accuracy of one logit has its threshold at 0, a probability of one half, unless a recipe says otherwise; Wang et
al.'s code has it at 0.5, with which IMDB's published figures were measured.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["along_labels", "correct", "cross_entropy", "one_hot", "predicted"]


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Return class numbers [...] as targets [..., outputs] of kind int64: one output for two classes, else one a class."""
    return labels[..., None] if classes == 2 else F.one_hot(labels, classes)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over examples of the cross-entropy of ``logits`` [..., B, n] against ``targets`` [B, n]: [...]."""
    if logits.shape[-1] == 1:
        return (F.softplus(logits) - targets * logits).squeeze(-1).mean(-1)
    return -(targets * F.log_softmax(logits, dim=-1)).sum(-1).mean(-1)


def predicted(logits: Tensor, threshold: float = 0.0) -> Tensor:
    """Return the class of each of B examples that ``logits`` [..., B, n] say: int64 [..., B]; one above ``threshold`` says 1."""
    return (logits.squeeze(-1) > threshold).to(torch.int64) if logits.shape[-1] == 1 else logits.argmax(-1)


def along_labels(logits: Tensor, tangent: Tensor) -> Tensor:
    """Return the derivative by targets [B, n] of `cross_entropy`'s change along ``tangent``, a direction of ``logits`` [B, n].

    The loss is linear in its targets, so that it is minus the change of what they weight: of one logit itself, or of a softmax's
    log-probabilities, over B.
    """
    if logits.shape[-1] == 1:
        return -tangent / len(logits)
    change = tangent - (logits.softmax(-1) * tangent).sum(-1, keepdim=True)
    return -change / len(logits)


def correct(logits: Tensor, labels: Tensor, threshold: float = 0.0) -> Tensor:
    """Return how many of B examples ``logits`` [..., B, n] assign to their class ``labels`` [B]: int64 [...]."""
    return (predicted(logits, threshold) == labels).sum(-1)
