"""Mutation testing: whether the tests notice small changes of the code that must never be wrong."""
