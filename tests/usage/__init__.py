"""Test modules as users write them: one small application, `shop`, and its tests in every style."""
