"""What every provider promises and every caller may rely on. This package imports nothing else of the SDK."""
