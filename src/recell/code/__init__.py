"""Everything that reads or writes a code object."""
