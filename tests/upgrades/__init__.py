"""Real packages upgraded in place, and judged by the new version's own tests."""
