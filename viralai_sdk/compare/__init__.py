"""Which provider is better? Comparisons side by side, blind experiments, statistics that may be peeked at, judges and measurements."""
