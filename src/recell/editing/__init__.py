"""The parts of `editor` and `scopes`: code units read, exchanged, and put back with their tables."""
