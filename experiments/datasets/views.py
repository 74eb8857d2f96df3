"""Views of many features cut to few coordinates."""

import numpy as np


def reduced(x: np.ndarray, dim: int) -> np.ndarray:
    """The first principal components of standardised features, each scaled to variance 1: ``[n, dim]``."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    standard = StandardScaler().fit_transform(np.asarray(x, np.float64))
    return PCA(min(dim, x.shape[1]), whiten=True, svd_solver="full").fit_transform(standard)
