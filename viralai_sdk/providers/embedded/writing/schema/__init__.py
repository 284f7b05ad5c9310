"""Values for JSON schemas: a bounded search that proposes values and validates them before giving them back."""
