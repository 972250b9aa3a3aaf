"""The meaning of a name inside a function: `scope`, `promote`, `demote`, `freeze`."""
