"""Which addresses callbacks may go to."""

from __future__ import annotations

import ipaddress


class TargetRefusedError(Exception):
    """A URL that the sandbox does not call."""


def check_address(
    host: str,
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    allow_remote: bool,
    allow_loopback: bool,
) -> None:
    """Check where a callback would go.

    :param host: the host as the URL names it.
    :param address: what the host resolves to.
    :raises TargetRefusedError: Callbacks to such addresses are not allowed.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not allow_loopback and (address.is_loopback or address.is_unspecified):
        raise TargetRefusedError(
            f"{host} is this machine's own loopback; a sandbox that other machines reach does not call it"
        )
    if not allow_remote and not address.is_loopback:
        raise not_loopback(host)


def not_loopback(host: str) -> TargetRefusedError:
    return TargetRefusedError(
        f"{host} is not a loopback address; callbacks to others need --allow-remote-callbacks"
    )
