"""One folder a provider. Adapters translate between our requests and a vendor's wire format, and do nothing else."""
