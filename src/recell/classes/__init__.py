"""`super()` and `__class__` cells: `attach`, `repoint`."""
