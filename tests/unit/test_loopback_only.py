"""The tests themselves cannot reach the world."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


def test_a_connection_beyond_loopback_is_an_error() -> None:
    """A test that connects to any other host fails before a packet leaves (192.0.2.1 is nobody's, by RFC 5737)."""
    with (
        socket.socket() as client,
        pytest.warns(UserWarning, match="A test tried to use"),
        pytest.raises(SocketConnectBlockedError),
    ):
        client.connect(("192.0.2.1", 80))


def test_loopback_is_open() -> None:
    """A test may talk to a server of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
