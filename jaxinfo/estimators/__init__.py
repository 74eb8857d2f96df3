"""Estimators behind one shape, ``types.Estimator``: ours and the baselines they are compared with."""
