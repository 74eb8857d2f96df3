"""Ours, and the estimators it is compared with, behind one shape, ``types.Estimator``."""
