"""The simulated vendors: one module or package each, mounted under its name. A new one is found by being here."""
