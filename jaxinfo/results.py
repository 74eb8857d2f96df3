"""A bundle of estimates: prints as a table, goes to pandas, CSV, JSON lines and a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxinfo.types import Estimate


class Results(dict[str, Estimate]):
    """Name -> :class:`~jaxinfo.types.Estimate`, with a title for people."""

    FILES = ("estimates.csv", "profile.csv", "records.jsonl")  # that :meth:`save` writes

    def __init__(self, estimates: Mapping[str, Estimate], title: str = ""):
        super().__init__(estimates)
        self.title = title

    def rows(self, level: float = 0.95) -> list[dict[str, Any]]:
        """Tidy records: measure, value, stderr, interval, Gaussian value beside it, unit, rows, tests, flags."""
        out = []
        for name, e in self.items():
            low, high = e.ci(level)
            out.append(
                {
                    "measure": name,
                    "value": e.value,
                    "stderr": e.stderr,
                    "low": low,
                    "high": high,
                    "gaussian": e.diagnostics.get("gaussian"),
                    "unit": e.unit,
                    "n": e.diagnostics.get("n"),
                    "p_value": e.diagnostics.get("p_value"),
                    "bootstrap_stderr": e.diagnostics.get("bootstrap_stderr"),
                    "flags": "; ".join(e.flags),
                }
            )
        return out

    def to_pandas(self, level: float = 0.95) -> Any:
        """The same rows as a DataFrame indexed by measure."""
        try:
            import pandas as pd
        except ImportError as e:
            raise ImportError('to_pandas needs pandas: pip install "jaxinfo[plots]"') from e
        return pd.DataFrame(self.rows(level)).set_index("measure")

    def save(self, directory: str | Path) -> Path:
        """Write ``estimates.csv``, ``profile.csv`` and append to ``records.jsonl``; returns the directory."""
        from jaxinfo.io.log import JsonLines, environment

        directory = Path(directory)
        if directory.is_file():
            raise ValueError(f"{directory} is a file: expected a directory to write to; name another.")
        directory.mkdir(parents=True, exist_ok=True)
        rows = self.rows()
        with open(directory / "estimates.csv", "w", newline="") as f:
            writer = csv.DictWriter(f, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        with open(directory / "profile.csv", "w", newline="") as f:
            lines = csv.writer(f)
            lines.writerow(["measure", "logsnr", "gap", "difference", "gaussian"])
            for name, e in self.items():
                if e.profile is not None:
                    p = e.profile
                    lines.writerows(
                        [name, *map(float, values)]
                        for values in zip(
                            p["logsnr"], p["gap"], p["difference"], p.get("gaussian", [float("nan")] * len(p["gap"]))
                        )
                    )
        with JsonLines(directory / "records.jsonl") as log:
            log.write({"kind": "environment", **environment()})
            for name, e in self.items():
                log.write(
                    {"kind": "estimate", "measure": name, "value": e.value, "stderr": e.stderr, "unit": e.unit}
                    | {k: v for k, v in e.diagnostics.items() if k not in ("null", "bootstrap")}
                )
        return directory

    def plot(self, path: str | Path | None = None) -> Any:
        """Bars with intervals, the integrand of each measure, and the gradient of Ω by variable; returns the Figure."""
        from jaxinfo import plots

        prefix = "o_information_gradient("
        gradient = {k[len(prefix) : -1]: e for k, e in self.items() if k.startswith(prefix)}
        others = {k: e for k, e in self.items() if not k.startswith(prefix)}
        if not others:
            return plots.gradient(gradient, path)
        return plots.report(others, gradient or None, path)

    def __str__(self) -> str:
        width = max([len(k) for k in self] + [7])
        unit = next(iter(self.values())).unit if self else "nats"
        lines = [self.title] if self.title else []
        lines.append(f"{'measure':<{width}}  {unit:>9}   ± s.e.    95 % interval         Gaussian")
        for name, e in self.items():
            low, high = e.ci(0.95)
            g = e.diagnostics.get("gaussian")
            beside = f"{g:9.4f}" if g is not None else "        –"
            p = e.diagnostics.get("p_value")
            text = f"{name:<{width}}  {e.value:9.4f}  {e.stderr:7.4f}  [{low:9.4f}, {high:9.4f}] {beside}"
            spread = e.diagnostics.get("bootstrap_stderr")
            text += f"   bootstrap ± {spread:.4f}" if spread is not None else ""
            lines.append(text + (f"   p = {p:.3f}" if p is not None else ""))
        seen: dict[str, list[str]] = {}
        for name, e in self.items():
            for flag in e.flags:
                seen.setdefault(flag, []).append(name)
        for flag, names in seen.items():
            who = "" if len(names) == len(self) else f" ({', '.join(names)})"
            lines.append(f"! {flag}{who}")
        return "\n".join(lines)

    __repr__ = __str__
