"""From a request to a recorded response: routes, the call pipeline, and the one runner that does all sending for all adapters."""
