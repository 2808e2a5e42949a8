"""One question to a name server, to know that names work: no library, and no resolver that remembers an old answer."""

import secrets
import socket
import struct

PORT = 53
TIMEOUT_SECONDS = 0.5
TYPE_A, CLASS_IN = 1, 1
RECURSION_DESIRED = 0x0100
RESPONSE_CODE = 0x000F
HEADER = struct.Struct(">HHHHHH")


def answers(server: str, name: str) -> bool:
    """Whether `server` knows an address of `name` right now."""
    number = secrets.randbits(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT_SECONDS)
        try:
            client.connect((server, PORT))
            client.send(question(number, name))
            reply = client.recv(512)
        except OSError:
            return False
    return has_address(reply, number)


def question(number: int, name: str) -> bytes:
    """The message that asks for the addresses of `name`."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return HEADER.pack(number, RECURSION_DESIRED, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", TYPE_A, CLASS_IN)


def has_address(reply: bytes, number: int) -> bool:
    """Whether `reply` answers the question `number` with at least one record."""
    if len(reply) < HEADER.size:
        return False
    echoed, flags, _, records, _, _ = HEADER.unpack_from(reply)
    return bool(echoed == number and flags & RESPONSE_CODE == 0 and records > 0)
