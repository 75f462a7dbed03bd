"""Packed answers: both clients read them in the same way, although their libraries differ."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from sinch_provider.sms.errors import SinchError, SinchUncertainError, SinchUnexpectedAnswerError
from tests.unit.sms.calls import BATCH, GET, SEND
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.proxying import RawServer
from tests.unit.sms.scripted import Reply, ScriptedServer, reply

PLAIN = json.dumps(BATCH).encode()
_MEGABYTE = bytes(1024 * 1024)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def chunked(encoding: str, packed: bytes) -> Reply:
    """Byte by byte, each in its own chunk."""
    chunks = b"".join(b"1\r\n%b\r\n" % packed[index : index + 1] for index in range(len(packed)))
    encoded = f"Transfer-Encoding: chunked\r\nContent-Encoding: {encoding}\r\n\r\n".encode()
    return Reply(_HEAD + encoded + chunks + b"0\r\n\r\n")


PACKED = {
    "gzip": ("gzip", gzip.compress(PLAIN)),
    "in capitals": ("GZIP", gzip.compress(PLAIN)),
    "by its old name": ("x-gzip", gzip.compress(PLAIN)),
    "gzip in members": ("gzip", gzip.compress(PLAIN[:50]) + gzip.compress(PLAIN[50:])),
    "deflate": ("deflate", zlib.compress(PLAIN)),
    "bare deflate": ("deflate", bare(PLAIN)),
    "gzip, padded": ("gzip", gzip.compress(PLAIN) + bytes(8)),
    "deflate, padded": ("deflate", zlib.compress(PLAIN) + b"\r\n"),
    "not at all": ("identity", PLAIN),
}


@pytest.mark.parametrize("name", list(PACKED))
@pytest.mark.parametrize("sent", ["at once", "byte by byte"])
def test_every_way_of_packing_is_understood(do: Player, server: ScriptedServer, name: str, sent: str) -> None:
    encoding, packed = PACKED[name]
    whole = reply(200, packed, Content_Encoding=encoding)
    server.script = [whole if sent == "at once" else chunked(encoding, packed)]
    assert do(plan_account(server.url), *GET).id == BATCH["id"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "no such"])
def test_what_was_not_asked_for_is_not_unpacked(do: Player, server: ScriptedServer, encoding: str) -> None:
    server.script = [reply(200, gzip.compress(gzip.compress(PLAIN)), Content_Encoding=encoding)] * 2
    with pytest.raises(SinchUnexpectedAnswerError, match="not JSON"):
        do(plan_account(server.url), *GET)
    with pytest.raises(SinchUncertainError):
        do(plan_account(server.url), *SEND)
    assert do.pauses == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("damage", [lambda data: data[:-20] + bytes(20), lambda data: data[: len(data) // 2]])
def test_a_damaged_answer_is_a_lost_one(
    do: Player, server: ScriptedServer, encoding: str, damage: Callable[[bytes], bytes]
) -> None:
    packed = damage(gzip.compress(PLAIN) if encoding == "gzip" else zlib.compress(PLAIN))
    server.script = [reply(201, packed, Content_Encoding=encoding), reply(201, BATCH)]
    with pytest.raises(SinchUncertainError):
        do(plan_account(server.url), *SEND)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param((gzip.compress(PLAIN), gzip.compress(b"") * 3000), id="of empty members"),
        pytest.param((b"", bytes.fromhex("000000ffff") * 12000), id="of empty blocks"),
        pytest.param((b"\x1f\x8b\x08\x08" + bytes(6), b"n" * 60000), id="of a file name"),
    ],
)
def test_what_unpacks_to_nothing_is_not_read_without_end(do: Player, flood: tuple[bytes, bytes]) -> None:
    first, more = flood

    def serve(connection: Any) -> None:
        connection.recv(65536)
        encoding = "gzip" if first else "deflate"
        connection.sendall(_HEAD + f"Content-Encoding: {encoding}\r\n\r\n".encode() + first)
        while True:
            connection.sendall(more)

    with RawServer(serve) as server, pytest.raises(SinchError, match="longer than any answer"):
        do(plan_account(server.url), *GET)


def test_a_bomb_takes_no_more_memory_than_the_limit(do: Player, server: ScriptedServer) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(_MEGABYTE) for _ in range(64)) + packer.flush()
    server.script = [reply(200, packed, Content_Encoding="gzip")]
    tracemalloc.start()
    try:
        with pytest.raises(SinchUnexpectedAnswerError, match="longer than any"):
            do(plan_account(server.url), *GET)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A batch may have 4 MB, which are there twice while they are put together.
    assert most < 12 * 1024 * 1024
