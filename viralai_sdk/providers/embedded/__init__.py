"""Engines that need no key, no model and no network. They work by rules and say so in every result."""
