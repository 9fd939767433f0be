"""A certificate authority for tests, and certificates that it signs; the tool is openssl."""

import subprocess
from pathlib import Path
from typing import NamedTuple

DAYS = "2"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
# A file of its own: what an installed openssl.cnf adds differs between systems.
CONFIGURATION = """\
[req]
distinguished_name = names
[names]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
"""


class Pair(NamedTuple):
    """A certificate and its key, as PEM files; the key is not encrypted."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority whose files are in `directory`, which exists.

    Raises
    ------
    FileNotFoundError
        There is no openssl on the PATH.
    """

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.directory = directory
        self._configuration = directory / f"{name}.cnf"
        self._configuration.write_text(CONFIGURATION)
        self._own = self._make(name, "authority")

    @property
    def file(self) -> Path:
        """Its own certificate, which clients and servers trust."""
        return self._own.certificate

    def server(self, name: str) -> Pair:
        """A certificate for a server on the loopback address."""
        return self._make(name, "server", *self._signing())

    def client(self, name: str) -> Pair:
        """A certificate for a client; its common name is `name`."""
        return self._make(name, "client", *self._signing())

    def _signing(self) -> tuple[str, ...]:
        return "-CA", str(self._own.certificate), "-CAkey", str(self._own.key)

    def _make(self, name: str, kind: str, *signing: str) -> Pair:
        pair = Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        what = ["-extensions", kind, "-subj", f"/CN={name}", "-days", DAYS, *CURVE, *signing]
        files = ["-config", self._configuration, "-keyout", pair.key, "-out", pair.certificate]
        command = ["openssl", "req", "-x509", *what, *files]
        subprocess.run(command, check=True, capture_output=True)
        return pair
