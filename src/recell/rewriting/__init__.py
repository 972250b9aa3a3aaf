"""Code edited through the `bytecode` library, and probes: what edits of single names cannot do."""
