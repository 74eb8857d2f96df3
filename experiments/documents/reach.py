"""How far the default goes: the table of acceptance with bars of its own, ``docs/reach.md``."""

from functools import partial

from experiments.documents import acceptance

MAKE = acceptance.MAKE.replace("acceptance", "reach")
markdown = partial(acceptance.markdown, name="reach")
picture = acceptance.picture
