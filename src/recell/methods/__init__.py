"""The parts of `classes`: what stands around a method, and copies of it with another `__class__` cell."""
