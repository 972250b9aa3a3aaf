"""The test suites of other packages, run while recell has every function of the package in its hands.

See README.md in this folder; `python -m packages attrs click networkx` runs them.
"""
