"""Networks: the only flax modules of the package, each behind ``Net(init, apply)``."""
