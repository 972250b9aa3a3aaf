"""Functions changed in place, and back: `override`, `patch_closure`, `swap`, `wrap`."""
