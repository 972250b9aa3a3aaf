"""The engine of in-place changes: layers over a function, a cell, an attribute or an item."""
