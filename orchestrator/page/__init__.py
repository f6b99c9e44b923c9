"""A run as one HTML file: what won, by how much and how sure, its pictures and plots, and the SQL behind every figure."""

from orchestrator.page.document import page, write_curve, write_page

__all__ = ["page", "write_curve", "write_page"]
