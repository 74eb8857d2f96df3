"""Records as experiments write them, made up."""

from experiments.documents import bars

ENVIRONMENT = {"system": "Linux", "machine": "x86_64", "jax": "0.10.2", "commit": "0123456789abcdef", "modified": False}


def record(task="1v1-normal-0.75", seed=0, error=0.01, measure="mutual_information", truth=0.5, **more):
    return {
        "task": task, "n": bars.N, "seed": seed, "options": {}, "measures": [], "cpu_s": 40.0, "truth": {measure: truth},
        "value": {measure: truth + error}, "stderr": {measure: 0.008}, "environment": ENVIRONMENT,
        "beside": {"copula": {measure: 0.4}, "ksg": {measure: 0.45}}, **more,
    }  # fmt: skip
