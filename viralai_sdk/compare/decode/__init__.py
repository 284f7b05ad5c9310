"""Results decoded for comparison: pictures, sounds and films in one form, whatever a provider delivered."""
