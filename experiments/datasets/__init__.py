"""Real data sets, read from files that a person has: one module each, ``cells`` says what is measured, ``measure`` does."""
