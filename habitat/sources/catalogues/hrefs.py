"""Hrefs: which links of a catalogue may be followed, and identifiers that are harmless in names and logs."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from habitat.contracts.errors import UnsafeReference
from habitat.sources.catalogues.providers import Provider

_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CREDENTIAL = re.compile(r"(?:^|&)(?:sig|signature|token|access_token|api_?key|password|x-amz-[a-z-]+)=", re.IGNORECASE)
_LONGEST = 2048
_DEFAULT_PORTS = {"https": 443, "http": 80}
# A host written as a number in any of the ways inet_aton reads: 2130706433, 0x7f.1, 017700000001.
_NUMERIC_HOST = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+))*")


def checked_id(text: object, what: str = "item") -> str:
    """Return an identifier as it came, if it is harmless in a file name and a log.

    Raises
    ------
    UnsafeReference
        If it is no text, too long, or holds anything but letters, digits and ``_ . + -``.

    Examples
    --------
    >>> checked_id("S2B_52TFN_20250503_0_L2A")
    'S2B_52TFN_20250503_0_L2A'
    """
    if isinstance(text, str) and _IDENTIFIER.fullmatch(text) and ".." not in text:
        return text
    raise UnsafeReference(
        f"{what} id {_shown(text)} is refused: an id has up to 200 letters, digits, dots, hyphens and "
        "underscores, and no '..'"
    )


def checked_href(href: object, provider: Provider, base: str | Path = "") -> str:
    """Href of an asset as a reader may open it: https address, ``/vsis3`` path or path below the catalogue.

    Parameters
    ----------
    href : str
        As the item says it.
    provider : Provider
        Whose rules hold.
    base : str or Path
        Address or path of the item itself, for relative hrefs.

    Raises
    ------
    UnsafeReference
        If the href leads anywhere the provider's files do not lie.
    """
    if isinstance(href, str) and len(href) <= _LONGEST and provider.plain.fullmatch(href) and ".." not in href:
        return _for_reader(href)
    text = _legible(href)
    if not _SCHEME.match(text) and not text.startswith("//"):
        if isinstance(base, Path):
            return str(confined_path(text, provider, base.parent))
        if not base or text.lower().startswith("/vsi"):
            raise _refused(text, "it is a path, and the item came from an API")
        text = urljoin(base, text)
    return _for_reader(checked_address(text, provider))


def checked_address(address: str, provider: Provider) -> str:
    """Absolute address, if its scheme and host are on the provider's list.

    Raises
    ------
    UnsafeReference
        If not, or if it carries a user, a password, an odd port or a credential.
    """
    text = _legible(address)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _refused(text, "it is no address") from error
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in ("https", "http", "s3"):
        raise _refused(text, f"scheme {scheme or 'none'!r} is not one of https, s3")
    if "@" in parts.netloc:
        raise _refused(text, "it carries a user name")
    netloc = host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"
    if (scheme, netloc) not in provider.hosts:
        _refuse_strange_host(text, host, port)
        if not any(scheme == s and suffix.startswith(".") and host.endswith(suffix) for s, suffix in provider.hosts):
            allowed = ", ".join(f"{s}://{h}" for s, h in provider.hosts)
            raise _refused(text, f"{provider.title} keeps its files at {allowed}")
    if any(part in (".", "..") for part in re.split(r"[/\\]", unquote(unquote(parts.path)))):
        raise _refused(text, "its path climbs with '..'")
    if _CREDENTIAL.search(parts.query):
        raise _refused(parts._replace(query="").geturl(), "it carries a signature; hrefs are kept unsigned")
    return parts.geturl()


def confined_path(href: str, provider: Provider, folder: Path) -> Path:
    """Path of a file a static catalogue names, if it lies below the catalogue's own folder.

    Raises
    ------
    UnsafeReference
        If ``..``, a symbolic link or an absolute path leads out of it.
    """
    root = provider.root
    if root is None or href.lower().startswith("/vsi") or "\\" in href or _SCHEME.match(href):
        raise _refused(href, "it is no path below the catalogue")
    paths = []
    for text in dict.fromkeys((href, unquote(href))):
        # Control characters may hide behind percent signs, so the decoded form is looked at again.
        parent, _, name = _legible(text).rpartition("/")
        where = _real_folder(folder, parent or ("/" if text.startswith("/") else ""))
        path = where / name
        if name in ("", ".", ".."):
            raise _refused(href, "it names a folder")
        if path.is_symlink():
            path = path.resolve()
        if not path.is_relative_to(root):
            raise _refused(href, f"it leads out of {root}")
        paths.append(path)
    # A file may bear the percent signs in its own name; what is missing is found out when it is read.
    return next((path for path in paths if path.exists()), paths[0])


@lru_cache(maxsize=4096)
def _real_folder(folder: Path, parent: str) -> Path:
    return (folder / parent).resolve()


def _for_reader(address: str) -> str:
    return f"/vsis3/{address[5:]}" if address.startswith("s3://") else address


def _legible(href: object) -> str:
    if not isinstance(href, str) or not href:
        raise _refused(href, "it is no text")
    if len(href) > _LONGEST:
        raise _refused(href, f"it has {len(href)} characters")
    if any(not character.isprintable() for character in href) or href != href.strip():
        raise _refused(href, "it holds control characters or blanks at its ends")
    return href


def _refuse_strange_host(text: str, host: str, port: int | None) -> None:
    if port is not None:
        raise _refused(text, f"port {port} is not on the list")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        bare = bool(_NUMERIC_HOST.fullmatch(host.rstrip(".")))
    else:
        bare = True
    if bare:
        raise _refused(text, "its host is a bare number")
    if not host.isascii() or not host or host.endswith("."):
        raise _refused(text, f"{host!r} is no plain host name")


def _refused(href: object, why: str) -> UnsafeReference:
    return UnsafeReference(f"href {_shown(href)} is refused: {why}")


def _shown(text: object) -> str:
    # A hostile text must not bring line breaks, colours or its own length into a log.
    shown = ascii(text)
    shown = re.sub(r"//[^/@]*@", "//***@", shown)
    shown = re.sub(r"\?.*", "?…'", shown)
    return shown if len(shown) <= 160 else f"{shown[:150]}…'"
