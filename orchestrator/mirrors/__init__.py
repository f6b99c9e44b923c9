"""Copies of a run in the tools that people already use, fed from the run's files and never by its driver."""
