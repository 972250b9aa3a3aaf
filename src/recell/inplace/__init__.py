"""The parts of `patching`: layers over functions and cells, and the verbs that put them there."""
