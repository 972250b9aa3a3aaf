"""The parts of `verifier`: code objects decoded as moves of the value stack, and walked."""
