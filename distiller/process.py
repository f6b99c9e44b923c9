"""What a process has to be set to, so that a recipe gives the same bits in it as in any other."""

from __future__ import annotations

import torch

from distiller.recipe import Recipe

__all__ = ["settle_process"]


def settle_process(recipe: Recipe) -> None:
    """Set this process's threads and its GPU arithmetic as ``recipe`` wants them, whatever they were.

    Sums of another number of threads round otherwise, and Ray sets OpenMP's from the resources that a task reserves. On CUDA,
    convolutions of float32 would be rounded to TF32, and cuDNN would choose among algorithms by timing them, some of which do not
    repeat their own result.
    """
    torch.set_num_threads(recipe.threads)
    if recipe.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
