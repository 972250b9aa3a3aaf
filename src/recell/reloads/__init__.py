"""The parts of `reloading`: two versions of a module compared, and the new one brought over to what lives."""
