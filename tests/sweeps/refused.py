"""What a sweep that is refused is told."""

import pytest

import sweeps
from sweeps import SweepError


def refusal(source, overrides=()):
    """Return the one line that refuses a sweep."""
    with pytest.raises(SweepError) as caught:
        sweeps.read(source, overrides)
    message = str(caught.value)
    assert message.isprintable()  # one line, whatever the file holds
    return message
