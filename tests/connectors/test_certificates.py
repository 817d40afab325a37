"""Real TLS with certificates that are not to be trusted: refused at once, in one true line."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors import ConnectorError, SourceUnreachable, TransientError, Untrusted
from connectors.download import Downloader
from connectors.http import Http
from connectors.limiter import Limiter

DAY = timedelta(days=1)
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning"


def certificate(path: Path, *, host: str = "localhost", ends: datetime | None = None) -> Path:
    """Write a self-signed certificate and its key to one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    ends = ends or datetime.now(UTC) + DAY
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - 10 * DAY)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def served(pem: Path, answer: bytes) -> Iterator[tuple[str, list[str]]]:
    """Answer each TLS connection with these bytes and close it; yield the URL and the connections so far."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    connections: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                connections.append("accepted")
                with plain:
                    try:
                        with context.wrap_socket(plain, server_side=True) as secure:
                            secure.recv(65_536)
                            secure.sendall(answer)
                            plain.close()  # without the words that end TLS
                    except OSError:
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://localhost:{listening.getsockname()[1]}/file", connections
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def ask_api(url: str, directory: Path) -> None:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    async def ask() -> None:
        limiter = Limiter(10_000, sleep=sleep)
        async with Http("TMDb", limiter=limiter, concurrency=1, sleep=sleep) as http:
            await http.get(url, lambda answer: answer.body)

    asyncio.run(ask())


def ask_file(url: str, directory: Path) -> None:
    Downloader("IMDb", directory, sleep=lambda seconds: None).file(url)


Ask = Callable[[str, Path], None]
both = pytest.mark.parametrize("ask", [ask_api, ask_file])


def failure(ask: Ask, pem: Path, answer: bytes = b"") -> tuple[ConnectorError, int]:
    """Return how asking such a server fails, and how many connections that took."""
    with served(pem, answer) as (url, connections), pytest.raises(ConnectorError) as raised:
        ask(url, pem.parent)
    assert "\n" not in str(raised.value)
    return raised.value, len(connections)


@both
def test_a_certificate_of_nobody_is_refused_at_once(tmp_path: Path, ask: Ask) -> None:
    error, connections = failure(ask, certificate(tmp_path / "pem"))
    assert isinstance(error, Untrusted)
    assert "cannot be trusted" in str(error)
    assert "self-signed certificate. Check" in str(error)
    assert connections == 1


@both
@pytest.mark.parametrize(
    ("host", "age", "reason"),
    [
        ("localhost", DAY, "certificate has expired"),
        ("other.test", -DAY, "certificate is not valid for 'localhost'"),
    ],
)
def test_an_expired_one_and_one_of_another_host_are_named(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, host: str, age: timedelta, reason: str
) -> None:
    pem = certificate(tmp_path / "pem", host=host, ends=datetime.now(UTC) - age)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    error, connections = failure(ask, pem)
    assert isinstance(error, SourceUnreachable)
    assert reason in str(error)
    assert connections == 1


@both
def test_tls_that_ends_in_the_middle_is_tried_again_a_few_times(
    tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path / "pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    error, connections = failure(ask, pem, CUT)
    assert isinstance(error, TransientError)
    assert connections == 5
