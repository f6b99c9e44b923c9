"""What one distillation is: recipe, data, networks, the unrolled distiller, evaluation.

Each room is imported by its name, ``from distiller.distill import start, advance``; nothing is imported here, so that a recipe
can be read and checked without torch.
"""
