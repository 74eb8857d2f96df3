"""scikit-learn's conventions."""

import numpy as np
import pytest

from jaxinfo.sklearn_adapter import MutualInformation

pytestmark = pytest.mark.usefixtures("quick_compile")
SMALL = dict(budget="quick", steps=300, width=16, depth=2, num_mc=4, checks=3, progress=False)


def test_clone_params_fit_and_score():
    base = pytest.importorskip("sklearn.base")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 1))
    y = x[:, 0] + rng.normal(size=2000)
    m = base.clone(MutualInformation(random_state=3, **SMALL))
    assert m.get_params()["random_state"] == 3 and m.get_params()["steps"] == 300
    with pytest.raises(ValueError, match="not fitted"):
        m.score(x, y)
    m.fit(x, y)
    assert abs(m.mutual_information_ - 0.5 * np.log(2)) < 4 * m.stderr_
    assert abs(m.score(x, y) - m.mutual_information_) < 0.05
    assert m.pointwise(x[:50], y[:50]).shape == (50,)
    assert m.set_params(budget="standard").budget == "standard"
