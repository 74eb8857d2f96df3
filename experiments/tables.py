"""Tables and figures of the documents, drawn from records alone.

python -m experiments.tables                                              # docs/acceptance.md and .png
python -m experiments.tables --records=records/benchmark.jsonl            # docs/benchmark.md and .png
python -m experiments.tables --records=records                            # all of them

``records/NAME.jsonl`` is drawn by ``experiments/documents/NAME.py``, from the cells that ``configs/NAME.py`` asks for: the last
record of each; the document says how many are missing.  Those of the ablations also make ``docs/method_notes.md``.
"""

import hashlib
import importlib
import sys
from pathlib import Path

from absl import app, flags

from experiments.documents import complete, missed
from jaxinfo.io.log import read_records

HERE = Path(__file__).parent
DOCUMENTS = sorted(
    {path.stem for path in (HERE / "documents").glob("*.py")}
    & {path.stem for path in (HERE.parent / "configs").glob("*.py")}
)
WORDS = {"ablations": "method_notes"}  # a second document of the same records, without a figure
RECORDS = flags.DEFINE_string(
    "records", "records/acceptance.jsonl", f"Records of one of: {', '.join(DOCUMENTS)}; or where those of all are."
)
OUT = flags.DEFINE_string("out", None, "The table, docs/NAME.md by default; the figure stands beside it as .png.")


def read(path: Path) -> complete.Recorded:
    """The records of a document; an error says what makes them."""
    if path.stem not in DOCUMENTS:
        sys.exit(
            f"no document is drawn from {path.name}; the name of the records must be one of {', '.join(DOCUMENTS)}."
        )
    make = importlib.import_module(f"experiments.documents.{path.stem}").MAKE
    if not path.is_file():
        sys.exit(f"{path} does not exist; this makes it:\n  {make}")
    records = read_records(path)
    if not records:
        sys.exit(f"{path} holds no record; this makes them:\n  {make}")
    found = complete.recorded(path.stem, records)
    if not found.records:
        sys.exit(f"{path} holds no record of a cell that configs/{path.stem}.py asks for; this makes them:\n  {make}")
    return found


def written(name: str, found: complete.Recorded, image: str, of: str | None = None) -> str:
    """The text of a document, whose figure is the file ``image``, from the records ``of`` its own name or another."""
    document = importlib.import_module(f"experiments.documents.{name}")
    text = document.markdown(found.records).replace("(acceptance.png)", f"({image})")
    return complete.stated(text, of or name, found)


def outside(folder: Path) -> str:
    """Every bar that was missed, by the documents in a folder."""
    there = {name: folder / f"{name}.md" for name in DOCUMENTS}
    return missed.markdown({name: p.read_text(encoding="utf-8") for name, p in there.items() if p.is_file()})


def digest(text: str) -> str:
    """What tells one table from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def sign(image: Path, text: str) -> None:
    """Note in a figure which table it was drawn beside, so that one that was left behind is found."""
    from PIL import Image, PngImagePlugin

    note = PngImagePlugin.PngInfo()
    note.add_text("table", digest(text))
    with Image.open(image) as figure:
        figure.load()
        figure.save(image, pnginfo=note, optimize=True)


def draw(path: Path, out: Path) -> str:
    """Write the table, the figure beside it, and which bars were missed by all tables there; returns the table."""
    found, image = read(path), out.with_suffix(".png")
    text = written(path.stem, found, image.name)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    importlib.import_module(f"experiments.documents.{path.stem}").picture(found.records, image)
    sign(image, text)
    if words := WORDS.get(path.stem):
        out.with_name(f"{words}.md").write_text(written(words, found, "", path.stem), encoding="utf-8")
    out.with_name("missed.md").write_text(outside(out.parent), encoding="utf-8")
    return text


def main(_):
    """Draw what is asked for, print the table of one."""
    path = Path(RECORDS.value)
    if path.is_dir():
        for each in sorted(p for p in path.glob("*.jsonl") if p.stem in DOCUMENTS):
            draw(each, Path(f"docs/{each.stem}.md"))
            print(f"docs/{each.stem}.md")
    else:
        print(draw(path, Path(OUT.value or f"docs/{path.stem}.md")))


if __name__ == "__main__":
    app.run(main)
