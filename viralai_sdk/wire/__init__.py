"""HTTP and what flows through it. Knows no provider."""
