"""The parts of `nested`: where a function stands in another, how it is made there, and how that is changed."""
