"""Functions from text and from signatures: `define`, `build_function`, `forward`."""
