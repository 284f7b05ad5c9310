"""A small English formant synthesiser, made of numpy alone."""
