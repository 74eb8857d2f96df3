"""Networks: the only flax modules of the package; those of scores stand behind :class:`~jaxinfo.types.Net`."""
