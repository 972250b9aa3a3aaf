"""Functions made, copied and varied without losing anything."""
