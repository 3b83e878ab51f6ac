"""Which proxy leads to an address: the usual proxy variables decide, and nothing else is read (no netrc)."""

from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass


def environment_proxy(url: str) -> str | None:
    """The proxy for `url` by `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`; None for the direct way.

    Loopback is always direct: a proxy cannot reach it, and would be handed the key in the clear.
    """
    parts, proxies = urlsplit(url), getproxies_environment()
    named = (_usable(proxies.get(scheme, "")) for scheme in (parts.scheme, "all"))
    proxy = next(filter(None, named), None)
    if proxy is None or _is_loopback(parts.hostname or "") or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy


def _usable(proxy: str) -> str | None:
    """`proxy` with its scheme; None for one that does not speak HTTP, such as SOCKS."""
    address = proxy if "://" in proxy or not proxy else f"http://{proxy}"
    return address if address.startswith(("http://", "https://")) else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
