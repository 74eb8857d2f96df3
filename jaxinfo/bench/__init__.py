"""Benchmarks whose true information is known exactly: samplers, transforms, systems and a registry of tasks.

Data are drawn on the host in float64 and no task depends on the version of JAX.
"""
