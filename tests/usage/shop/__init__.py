"""A small shop: what the test modules beside it test."""
