"""Tables and figures of the documents, drawn from records alone.

python -m experiments.tables                                              # docs/acceptance.md and .png
python -m experiments.tables --records=records/benchmark.jsonl            # docs/benchmark.md and .png

``records/NAME.jsonl`` is drawn by ``experiments/documents/NAME.py``, from the cells that ``configs/NAME.py`` asks for: the last
record of each; the document says how many are missing.
"""

import importlib
import sys
from pathlib import Path

from absl import app, flags

from experiments.documents import complete
from jaxinfo.io.log import read_records

DOCUMENTS = sorted(
    p.stem for p in (Path(__file__).parent / "documents").glob("*.py") if p.stem not in ("bars", "complete", "heading")
)
RECORDS = flags.DEFINE_string("records", "records/acceptance.jsonl", f"Records of one of: {', '.join(DOCUMENTS)}.")
OUT = flags.DEFINE_string("out", None, "The table, docs/NAME.md by default; the figure stands beside it as .png.")


def main(_):
    """Write the table and the figure, print the table."""
    path = Path(RECORDS.value)
    if path.stem not in DOCUMENTS:
        sys.exit(
            f"no document is drawn from {path.name}; the name of the records must be one of {', '.join(DOCUMENTS)}."
        )
    out = Path(OUT.value or f"docs/{path.stem}.md")
    document = importlib.import_module(f"experiments.documents.{path.stem}")
    if not path.is_file():
        sys.exit(f"{path} does not exist; this makes it:\n  {document.MAKE}")
    records = read_records(path)
    if not records:
        sys.exit(f"{path} holds no record; this makes them:\n  {document.MAKE}")
    found = complete.recorded(path.stem, records)
    if not found.records:
        sys.exit(
            f"{path} holds no record of a cell that configs/{path.stem}.py asks for; this makes them:\n  {document.MAKE}"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    image = out.with_suffix(".png")
    text = document.markdown(found.records).replace("(acceptance.png)", f"({image.name})")
    text = complete.stated(text, path.stem, found)
    out.write_text(text, encoding="utf-8")
    document.picture(found.records, image)
    print(text)


if __name__ == "__main__":
    app.run(main)
