"""Signing: short-lived tokens put on an address just before it is opened, and secrets kept out of every text."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import requests

from habitat.contracts.errors import CatalogueError, ReadFailure
from habitat.sources.catalogues.providers import PROFILES, Provider

_MARGIN = timedelta(minutes=5)
_BLOB_HOST = ".blob.core.windows.net"
_ATTEMPTS = 4
_BUSY = (429, 500, 502, 503, 504)
_LONGEST_WAIT_S = 30.0
_LONGEST_ANSWER = 65536

_SECRETS = (
    (re.compile(r"(?i)(://)[^/@\s'\"]+@"), r"\1***@"),
    (
        re.compile(r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)(?:(?:bearer|basic|digest)\s+)?[^\s'\",;]+"),
        r"\1***",
    ),
    (re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"), r"\1***"),
    (
        re.compile(
            r"(?i)(?:\b|(?<=%3f)|(?<=%26))((?:sig|signature|x-amz-[a-z-]+|[a-z_-]*token|api_?key|password|secret|aws_secret_access_key)"
            r"['\"]?(?:\s*[:=]\s*['\"]?|%3d))[^&\s'\"<>#,;}]+"
        ),
        r"\1***",
    ),
)

Answer = TypeVar("Answer")


def redact(text: str) -> str:
    """Text with signatures, tokens, passwords and authorisation headers blotted out.

    Examples
    --------
    >>> redact("GET https://u:pw@host/a.tif?sv=1&sig=abc%3D failed")
    'GET https://***@host/a.tif?sv=1&sig=*** failed'
    """
    for pattern, blot in _SECRETS:
        text = pattern.sub(blot, text)
    return text


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class TokenStore:
    """Anonymous tokens, one for each container, fetched when needed and shared by all threads."""

    now: Callable[[], datetime] = _now
    """Clock."""
    wait: Callable[[float], None] = time.sleep
    """How to wait [s] between attempts."""
    _tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def token(self, address: str, *, fresh: bool = False) -> str:
        """Token for a container, valid for five minutes at least.

        Parameters
        ----------
        address : str
            Where the token is to be had: endpoint, account and container.
        fresh : bool
            Fetch a new one even if the old seems valid.

        Raises
        ------
        CatalogueError
            If the service gives none, or only expired ones.
        """
        with self._lock:
            known = self._tokens.get(address)
            if known is not None and not fresh and self.now() < known[1] - _MARGIN:
                return known[0]
            token, expires = self._fetch(address)
            self._tokens[address] = token, expires
            return token

    def _fetch(self, address: str) -> tuple[str, datetime]:
        problem, asked_to_wait = "", ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                pause = float(asked_to_wait) if asked_to_wait.isdecimal() else 0.5 * 2**attempt
                self.wait(min(pause, _LONGEST_WAIT_S))
            try:
                answer = requests.get(address, timeout=(10, 30), allow_redirects=False)
            except requests.RequestException as error:
                problem = type(error).__name__
                continue
            if answer.status_code in _BUSY:
                problem, asked_to_wait = f"HTTP {answer.status_code}", answer.headers.get("Retry-After", "")
                continue
            if answer.status_code != requests.codes.ok:
                raise CatalogueError(f"the token service {address} answered HTTP {answer.status_code}")
            token, expires = _parsed(answer, address)
            # Tokens have been handed out that were expired already.
            if self.now() < expires:
                return token, expires
            problem = f"a token that expired at {expires.isoformat()}; is this machine's clock right?"
        raise CatalogueError(f"the token service {address} gave none in {_ATTEMPTS} attempts, last: {problem}")


def _parsed(answer: requests.Response, address: str) -> tuple[str, datetime]:
    try:
        if len(answer.content) > _LONGEST_ANSWER:
            raise ValueError("too long")
        data: dict[str, Any] = answer.json()
        token = str(data["token"]).lstrip("?")
        # The end of validity stands in the token itself; the field beside it is a courtesy.
        said = parse_qs(token).get("se") or [str(data.get("msft:expiry"))]
        expires = datetime.fromisoformat(said[0])
        return token, expires if expires.tzinfo else expires.replace(tzinfo=UTC)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Without the cause: its text may quote the token.
        raise CatalogueError(f"the token service {address} answered something that is no token") from None


_STORE = TokenStore()


def sign(href: str, provider: Provider | str, *, fresh: bool = False, store: TokenStore | None = None) -> str:
    """Address with a token where the provider wants one; any other href as it is.

    Call it just before opening and throw the result away: what is signed must not be kept, shown or logged.

    Parameters
    ----------
    href : str
        From a Scene's asset.
    provider : Provider or str
        Or the name of a profile.
    fresh : bool
        Take a new token, after the server has refused the old one.
    store : TokenStore, optional
        Where tokens are kept; the process' own by default.

    Raises
    ------
    CatalogueError
        If there is no token to be had.

    Examples
    --------
    >>> sign("/data/scene/B04.tif", "earth-search")
    '/data/scene/B04.tif'
    """
    profile = PROFILES.get(provider) if isinstance(provider, str) else provider
    if profile is None or not profile.signing:
        return href
    parts = urlsplit(href)
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" or not host.endswith(_BLOB_HOST) or ("https", host) not in profile.hosts:
        return href
    container = parts.path.lstrip("/").split("/")[0]
    address = f"{profile.token_endpoint}/{host.removesuffix(_BLOB_HOST)}/{container}"
    token = (store or _STORE).token(address, fresh=fresh)
    return f"{href}{'&' if parts.query else '?'}{token}"


def read_signed(
    href: str, provider: Provider | str, read: Callable[[str], Answer], *, store: TokenStore | None = None
) -> Answer:
    """Call `read` with the signed address, and once more with a fresh token if that is refused.

    Raises
    ------
    ReadFailure
        With reason ``forbidden`` if the second attempt is refused too; other errors come as they are.
    """
    signed = sign(href, provider, store=store)
    try:
        return read(signed)
    except Exception as error:
        if signed == href or not is_forbidden(error):
            raise
    try:
        return read(sign(href, provider, fresh=True, store=store))
    except Exception as error:
        if not is_forbidden(error):
            raise
        # Without the cause: GDAL's text quotes the signed address.
        raise ReadFailure("forbidden", f"{redact(href)} is refused even with a fresh token") from None


def is_forbidden(error: BaseException) -> bool:
    """Whether an error of GDAL or an HTTP client says that access was refused."""
    text = f"{error} {error.__cause__ or ''}"
    return bool(re.search(r"\b403\b|AccessDenied|AuthenticationFailed|AuthorizationFailure", text))
