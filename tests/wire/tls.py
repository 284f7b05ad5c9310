"""A certificate for `provider.test` that only these tests trust. The key is public on purpose; it protects nothing."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLMDiU2F6cmD/YeX7
E7LnT83Sfn1lcS57LYC9dD/NIZKhRANCAARgZOJAJTzRlBsAj4YLR7GgRNFw9+rB
4EiRaiygD3K07fEoeh3c3YnX29t0XlHZV1Yj7OgneVtdcAENb5l8K5x6
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBfDCCASOgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1wcm92aWRl
ci50ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1wcm92aWRlci50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYGTi
QCU80ZQbAI+GC0exoETRcPfqweBIkWosoA9ytO3xKHod3N2J19vbdF5R2VdWI+zo
J3lbXXABDW+ZfCuceqNcMFowGAYDVR0RBBEwD4INcHJvdmlkZXIudGVzdDAPBgNV
HRMBAf8EBTADAQH/MB0GA1UdDgQWBBRktvYeYECHtzS52IKFduF1azF13TAOBgNV
HQ8BAf8EBAMCAYYwCgYIKoZIzj0EAwIDRwAwRAIgWc8z67L5Xihdha1c5rLjP5Kv
aGPbvdkxoCJxghr7OaECIC6iBggf/fhgTfTZAo4B5zAKZ5r5ydABe5hkiKDpGuCz
-----END CERTIFICATE-----
"""


def server_context() -> ssl.SSLContext:
    """TLS of a server that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.write_text(PEM)
        context.load_cert_chain(file)
    return context


def client_context() -> ssl.SSLContext:
    """TLS of a client that trusts the certificate and nothing else, and checks the name."""
    return ssl.create_default_context(cadata=PEM[PEM.index("-----BEGIN CERTIFICATE") :])
