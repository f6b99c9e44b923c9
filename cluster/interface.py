"""Which network interface of this machine has an address."""

from __future__ import annotations

import socket
import struct
import sys

__all__ = ["interface_of"]

_SIOCGIFADDR = 0x8915  # of Linux: an interface's address (netdevice(7))


def interface_of(address: str) -> str | None:
    """Return the name of the interface with that IPv4 address; `None` where none has it, or this system is not asked so."""
    if sys.platform != "linux":
        return None
    for _, name in socket.if_nameindex():
        if _address(name) == address:
            return name
    return None


def _address(interface: str) -> str | None:
    import fcntl  # not there on every system

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()))
        except OSError:  # it has none
            return None
    return socket.inet_ntoa(answer[20:24])
