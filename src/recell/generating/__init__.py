"""The parts of `source`: texts, signatures and the lines that debuggers show."""
