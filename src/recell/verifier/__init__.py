"""The verifier: refuses code objects that could crash the interpreter."""
