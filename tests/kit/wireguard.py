"""A device behind a WireGuard tunnel: WireGuard's handshake, and as much of IP and TCP as one HTTP request takes.

It runs in this process alone, needs no rights, and expects a network that loses nothing: that is 127.0.0.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
import time
from ipaddress import IPv4Address

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from .client import TIMEOUT

_CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
_IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"
_INITIATION, _RESPONSE, _DATA = 1, 2, 4
_FIN, _SYN, _PUSH, _ACK = 1, 2, 8, 16
_TCP = 6
_WINDOW = 65_535


def settings(text: str) -> dict[str, str]:
    """What a client's configuration says, whatever section it stands in."""
    return {
        name.strip(): value.strip()
        for name, equals, value in (line.partition("=") for line in text.splitlines())
        if equals
    }


class Tunnel:
    """A tunnel that is up once this is made, until close()."""

    def __init__(self, configuration: str) -> None:
        """`configuration` is that of a client, as wg-quick reads it."""
        said = settings(configuration)
        host, _, port = said["Endpoint"].rpartition(":")
        self.address = IPv4Address(said["Address"].partition("/")[0])
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(TIMEOUT)
        self._socket.connect((host, int(port)))
        self._sent = 0
        own = X25519PrivateKey.from_private_bytes(base64.b64decode(said["PrivateKey"]))
        self._shake_hands(own, base64.b64decode(said["PublicKey"]))

    def close(self) -> None:
        """Go."""
        self._socket.close()

    def send(self, packet: bytes) -> None:
        """Send an IP packet."""
        nonce = struct.pack("<4xQ", self._sent)
        sealed = self._sending.encrypt(nonce, packet + bytes(-len(packet) % 16), None)
        self._socket.send(struct.pack("<B3xIQ", _DATA, self._peer, self._sent) + sealed)
        self._sent += 1

    def receive(self) -> bytes:
        """The next IP packet. Raises TimeoutError."""
        while True:
            message = self._socket.recv(65_536)
            if message[0] == _DATA:
                packet = self._receiving.decrypt(bytes(4) + message[8:16], message[16:], None)
                # What is empty only keeps the tunnel open.
                if packet:
                    return packet[: int.from_bytes(packet[2:4])]

    def _shake_hands(self, own: X25519PrivateKey, theirs: bytes) -> None:
        server, passing = X25519PublicKey.from_public_bytes(theirs), X25519PrivateKey.generate()
        chain = _hash(_CONSTRUCTION)
        digest = _hash(_hash(chain + _IDENTIFIER) + theirs)
        shown = passing.public_key().public_bytes_raw()
        (chain,) = _derived(chain, shown, 1)
        digest = _hash(digest + shown)
        chain, key = _derived(chain, passing.exchange(server), 2)
        who = _sealed(key, own.public_key().public_bytes_raw(), digest)
        digest = _hash(digest + who)
        chain, key = _derived(chain, own.exchange(server), 2)
        when = _sealed(key, struct.pack(">QI", (1 << 62) + 10 + int(time.time()), 0), digest)
        digest = _hash(digest + when)
        message = struct.pack("<B3x4s", _INITIATION, os.urandom(4)) + shown + who + when
        proof = hashlib.blake2s(message, digest_size=16, key=_hash(b"mac1----" + theirs)).digest()
        self._socket.send(message + proof + bytes(16))

        answer = self._socket.recv(1024)
        assert answer[0] == _RESPONSE
        self._peer = int.from_bytes(answer[4:8], "little")
        shown = answer[12:44]
        (chain,) = _derived(chain, shown, 1)
        digest = _hash(digest + shown)
        for private in (passing, own):
            (chain,) = _derived(chain, private.exchange(X25519PublicKey.from_public_bytes(shown)), 1)
        chain, middle, key = _derived(chain, bytes(32), 3)
        digest = _hash(digest + middle)
        assert ChaCha20Poly1305(key).decrypt(bytes(12), answer[44:60], digest) == b""
        self._sending, self._receiving = map(ChaCha20Poly1305, _derived(chain, b"", 2))


def ask(tunnel: Tunnel, address: str, port: int, request: bytes) -> bytes:
    """What is answered to a request over TCP, until the other side ends the connection. Raises TimeoutError."""
    there, own_port = IPv4Address(address), 40_000 + int.from_bytes(os.urandom(2)) % 20_000
    sent, seen, got = 1000, 0, b""

    def send(flags: int, data: bytes = b"") -> None:
        segment = struct.pack(">HHIIBBHHH", own_port, port, sent, seen, 5 << 4, flags, _WINDOW, 0, 0) + data
        pseudo = tunnel.address.packed + there.packed + struct.pack(">BBH", 0, _TCP, len(segment))
        segment = segment[:16] + _checksum(pseudo + segment) + segment[18:]
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, _TCP, 0)
        head += tunnel.address.packed + there.packed
        tunnel.send(head[:10] + _checksum(head) + head[12:] + segment)

    send(_SYN)
    ended = False
    while not ended:
        packet = tunnel.receive()
        segment = packet[(packet[0] & 15) * 4 :]
        start, flags = int.from_bytes(segment[4:8]), segment[13]
        if packet[9] != _TCP or int.from_bytes(segment[2:4]) != own_port:
            continue
        if flags & _SYN:
            sent, seen = sent + 1, start + 1
            send(_ACK | _PUSH, request)
            sent += len(request)
            continue
        data = segment[(segment[12] >> 4) * 4 :]
        if start != seen or not (data or flags & _FIN):
            continue
        got += data
        ended = bool(flags & _FIN)
        seen += len(data) + ended
        send(_ACK | (_FIN if ended else 0))
    return got


def _hash(data: bytes) -> bytes:
    return hashlib.blake2s(data).digest()


def _derived(key: bytes, data: bytes, count: int) -> list[bytes]:
    secret, made = hmac.digest(key, data, "blake2s"), [b""]
    for number in range(1, count + 1):
        made.append(hmac.digest(secret, made[-1] + bytes([number]), "blake2s"))
    return made[1:]


def _sealed(key: bytes, data: bytes, digest: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(bytes(12), data, digest)


def _checksum(data: bytes) -> bytes:
    total = sum(struct.unpack(f">{len(data + bytes(len(data) % 2)) // 2}H", data + bytes(len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", 0xFFFF ^ total)
