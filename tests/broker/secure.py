"""A development broker that asks who its clients are, and lets them do only what they may."""

import base64
import json
import secrets
import ssl
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from app.broker.broker import ATTEMPTS, Broker
from app.broker.kraft import server_properties
from app.broker.node import Node, new_cluster_id
from app.broker.ports import HOST, choose_ports
from app.broker.ready import until_ready
from app.errors import BrokerError
from tests.broker.certificates import Authority, Pair

SCRAM = ("SCRAM-SHA-512", "SCRAM-SHA-256")
MECHANISMS = (*SCRAM, "PLAIN", "OAUTHBEARER")
MODULES = "org.apache.kafka.common.security"
TOKEN_LIVES = 3600  # seconds
DENIED = "is Denied"
LOG_DENIALS = "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=info"
PROPERTIES = {
    "listener.security.protocol.map": (
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",  # whoever uses the plaintext listener, for setting up
    "sasl.enabled.mechanisms": ",".join(MECHANISMS),
    # Relative, as the data directory is; Kafka runs in the directory of the node.
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": "server.pem",
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": "files/authority.crt",
    "listener.name.mtls.ssl.client.auth": "required",
    # A certificate's user has the name that passwords and tokens give, so one table of rights fits.
    "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
}


class SecureBroker(Broker):
    """A broker with TLS, four SASL mechanisms and an authorizer that denies by default.

    `bootstrap` is plaintext and may do everything: a test sets up with it. `sasl` and `mtls` are
    the addresses that users connect to. Denials are in its log.

    Parameters
    ----------
    users: who can log in, with a password of their own in `password_file`.

    Examples
    --------
    async with SecureBroker({"worker"}) as broker:
        producer = AIOKafkaProducer(**broker.as_user("worker"))
    """

    def __init__(self, users: Collection[str]) -> None:
        super().__init__()
        self.passwords = {user: secrets.token_hex(16) for user in sorted(users)}
        self._more_ports: tuple[int, int] | None = None
        self._authority: Authority | None = None

    @property
    def sasl(self) -> str:
        """The address for passwords and tokens, over TLS."""
        return f"{HOST}:{self._ports[0]}"

    @property
    def mtls(self) -> str:
        """The address for client certificates."""
        return f"{HOST}:{self._ports[1]}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the broker's."""
        return self._signs.file

    def certificate(self, user: str) -> Pair:
        """A new client certificate of a user, and its key."""
        return self._signs.client(user)

    def password_file(self, user: str) -> Path:
        """A file with the user's password."""
        return self._file(f"{user}.password", self.passwords[user])

    def token_file(self, user: str) -> Path:
        """A file with a new token of the user."""
        return self._file(f"{user}.token", token(user))

    def as_user(
        self, user: str, mechanism: str = SCRAM[0], password: str | None = None
    ) -> dict[str, Any]:
        """What an aiokafka client is given to be this user, by password or by token."""
        given = {
            "bootstrap_servers": self.sasl,
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=self.ca_file),
            "sasl_mechanism": mechanism,
        }
        if mechanism == "OAUTHBEARER":
            return {**given, "sasl_oauth_token_provider": Tokens(token(user))}
        secret = self.passwords[user] if password is None else password
        return {**given, "sasl_plain_username": user, "sasl_plain_password": secret}

    def by_certificate(self, pair: Pair | None) -> dict[str, Any]:
        """What an aiokafka client is given to use a client certificate, or none."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return {
            "bootstrap_servers": self.mtls,
            "security_protocol": "SSL",
            "ssl_context": context,
        }

    def denials(self, user: str) -> list[str]:
        """The lines of its log that say what a user was denied."""
        asked = f"Principal = User:{user} {DENIED}"
        return [line for line in self.log.read_text().splitlines() if asked in line]

    @property
    def _ports(self) -> tuple[int, int]:
        if self._more_ports is None:
            raise BrokerError("The broker has not been started.")
        return self._more_ports

    @property
    def _signs(self) -> Authority:
        if self._authority is None:
            raise BrokerError("The broker has not been started.")
        return self._authority

    def _file(self, name: str, text: str) -> Path:
        file = self._signs.directory / name
        file.write_text(text + "\n")
        return file

    async def _launch(self, node: Node) -> None:
        if self._authority is None:
            self._certify(node)
        for attempt in range(1, ATTEMPTS + 1):
            port, controller = choose_ports(self.port)
            more = self._more_ports or choose_ports(None, {port, controller})
            node.configure(self._properties(port, controller, more))
            try:
                await node.format(new_cluster_id(), *self._scram_users())
                await node.start(until_ready(f"{HOST}:{port}"))
            except BrokerError:
                if self.port or attempt == ATTEMPTS or not node.port_was_taken():
                    raise
            else:
                self.port, self._more_ports = port, more
                return

    def _certify(self, node: Node) -> None:
        node.java.append(LOG_DENIALS)
        files = node.directory / "files"
        files.mkdir()
        self._authority = Authority(files)
        own = self._authority.server("server")
        store = own.key.read_text() + own.certificate.read_text()
        (node.directory / "server.pem").write_text(store)

    def _properties(self, port: int, controller: int, more: tuple[int, int]) -> str:
        sasl, mtls = more
        added = f",SASL://{HOST}:{sasl},MTLS://{HOST}:{mtls}"
        lines = server_properties(port, controller, PROPERTIES | self._logins()).splitlines()
        extended = ("listeners=", "advertised.listeners=")
        return "".join(f"{one}{added if one.startswith(extended) else ''}\n" for one in lines)

    def _logins(self) -> dict[str, str]:
        users = "".join(f' user_{user}="{secret}"' for user, secret in self.passwords.items())
        modules = {
            **dict.fromkeys(SCRAM, "scram.ScramLoginModule required"),
            "PLAIN": f"plain.PlainLoginModule required{users}",
            "OAUTHBEARER": (
                'oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker"'
            ),
        }
        return {
            f"listener.name.sasl.{mechanism.lower()}.sasl.jaas.config": f"{MODULES}.{module};"
            for mechanism, module in modules.items()
        }

    def _scram_users(self) -> list[str]:
        return [
            f"--add-scram={mechanism}=[name={user},password={secret}]"
            for mechanism in SCRAM
            for user, secret in self.passwords.items()
        ]


def token(user: str, lives: int = TOKEN_LIVES) -> str:
    """An unsecured JSON Web Token of a user, which expires after `lives` seconds."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": user, "iat": now, "exp": now + lives})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
    return ".".join([*(part.decode().rstrip("=") for part in encoded), ""])


class Tokens(AbstractTokenProvider):
    """Gives aiokafka the same token for each connection."""

    def __init__(self, value: str) -> None:
        self.value = value

    async def token(self) -> str:
        return self.value
