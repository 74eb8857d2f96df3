"""Which cases of a test run at once, and which are marked broad, for a longer look."""

import pytest


def few(cases, *fast):
    """All ``cases``, those not in ``fast`` marked broad."""
    assert set(fast) <= set(cases)
    spread = lambda case: case if isinstance(case, tuple) else (case,)
    return [case if case in fast else pytest.param(*spread(case), marks=pytest.mark.broad) for case in cases]
