"""What goes in and out: data files and embedded data sets, records and progress, checkpoints."""
