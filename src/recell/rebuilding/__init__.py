"""The parts of `functions`: functions built, copied and varied without losing anything."""
