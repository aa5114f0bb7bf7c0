"""Clients of many keys: one connection for all keys of a Cal.com, and those to the last four Cal.coms in a thread."""

from collections.abc import Callable
from typing import Any

from tasks.calcom.http.exchange import SERVERS


def test_all_keys_of_a_cal_com_share_a_threads_connection(
    serve: Callable[..., Any], client: Callable[..., Any]
) -> None:
    """Each call carries its own key."""
    server = serve()
    default = client(server.url)
    clients = [default, default.with_key("cal_first"), default.with_key("cal_second"), default]

    for one in clients:
        one.me()

    keys = [line for sent in server.requests for line in sent.split(b"\r\n") if line.startswith(b"Authorization")]
    assert keys == [
        b"Authorization: Bearer " + key
        for key in (b"cal_test_secret_of_ours", b"cal_first", b"cal_second", b"cal_test_secret_of_ours")
    ]
    assert server.connections == 1


def test_a_thread_keeps_connections_to_the_servers_it_called_last(
    serve: Callable[..., Any], client: Callable[..., Any]
) -> None:
    """One more closes the one that was used the longest ago, which is opened again when it is called."""
    servers = [serve() for _ in range(SERVERS + 1)]
    default = client(servers[0].url)
    clients = [default, *(default.at(server.url).with_key("cal_key") for server in servers[1:])]

    for one in (*clients[:-1], clients[0], clients[-1], clients[0], clients[1]):
        one.me()

    assert [server.connections for server in servers] == [1, 2, *([1] * (SERVERS - 1))]
