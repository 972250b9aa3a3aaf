"""Functions inside functions: `inner`, `replace_inner`, `patch_inner`."""
