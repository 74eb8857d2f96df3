"""The permutation test of independence beside an estimate, at a moderate cost."""

SYSTEM = ("total_correlation", "dual_total_correlation")  # 0 exactly when all variables are independent


def tested(vs: dict, measures, count: int, seed: int, options: dict, **more) -> list[dict]:
    """Rows of these measures with their ``p_value`` from ``count`` permutations; none without permutations.

    Statistic and null are refits of the quick budget whatever the estimate is given, so it is given no more than that.
    """
    import jaxinfo as ji

    if not count:
        return []
    quick = options | {"budget": "quick"}
    return ji.estimate(vs, measures, null=count, seed=seed, discrete=(), progress=False, **quick, **more).rows()


def beside(rows: list[dict], found: list[dict]) -> list[dict]:
    """The rows, each with the p-value of its measure, None where it was not tested."""
    p = {row["measure"]: row["p_value"] for row in found}
    return [row | {"p_value": p.get(row["measure"])} for row in rows]
