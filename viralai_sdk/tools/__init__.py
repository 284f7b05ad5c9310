"""The command modules that the old documentation names. `viralai` has the same and more."""
