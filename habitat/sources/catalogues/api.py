"""STAC APIs: ask page by page, patiently, never elsewhere than the API itself, never in circles."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from pystac_client import Client
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import PystacClientWarning
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry

from habitat.contracts.errors import CatalogueError, HabitatError, UnsafeReference
from habitat.sources.catalogues.providers import Provider
from habitat.sources.catalogues.signing import redact
from habitat.sources.catalogues.static_catalogue import parsed_json

_BUSY = (429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_NOT_ALLOWED = 405


@dataclass(frozen=True)
class Limits:
    """How patient a search is, and how much it takes."""

    page_size: int = 100
    """Items asked for at a time."""
    max_pages: int = 500
    """Pages after which a search is given up."""
    max_items: int = 20_000
    """Items after which a search is given up."""
    max_bytes: int = 64 * 2**20
    """Largest answer taken [bytes]."""
    connect_s: float = 10.0
    """Wait for a connection [s]."""
    read_s: float = 60.0
    """Wait for an answer [s]."""
    retries: int = 5
    """Attempts after the first when the server is busy or the line breaks."""
    backoff_s: float = 0.5
    """First wait between attempts [s]; it doubles each time."""
    longest_wait_s: float = 60.0
    """Longest wait [s], whatever the server asks for."""


class PatientRetry(Retry):
    """Retries that obey ``Retry-After``, up to a longest wait."""

    longest_wait_s: float = 60.0

    def get_retry_after(self, response: Any) -> float | None:
        """Wait asked for by the server [s], bounded."""
        try:
            asked = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return None if asked is None else min(asked, self.longest_wait_s)

    def new(self, **changed: Any) -> PatientRetry:
        """Next attempt's settings."""
        following: PatientRetry = super().new(**changed)
        following.longest_wait_s = self.longest_wait_s
        return following


class GuardedIO(StacApiIO):
    """Requests of pystac-client that stay at one API, are bounded, and notice when pages repeat."""

    def __init__(self, root: str, limits: Limits) -> None:
        retry = PatientRetry(
            total=limits.retries,
            backoff_factor=limits.backoff_s,
            backoff_max=limits.longest_wait_s,
            status_forcelist=_BUSY,
            allowed_methods=None,
            raise_on_status=False,
        )
        retry.longest_wait_s = limits.longest_wait_s
        super().__init__(max_retries=retry)
        self.root = root
        self.limits = limits

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """Ask the API and return the body of its answer.

        Raises
        ------
        CatalogueError
            If it cannot be reached, refuses, or answers too much.
        UnsafeReference
            If the address, or a redirect, is not at the API.
        """
        verb = (method or "GET").upper()
        address = self.at_home(href)
        json_body, query = (parameters, None) if verb == "POST" else (None, parameters)
        for _ in range(_MOST_REDIRECTS + 1):
            request = requests.Request(verb, address, headers=headers, json=json_body, params=query)
            answer = self._send(request, address)
            if answer.status_code not in _REDIRECTS:
                return self._body(answer, address)
            answer.close()
            address = self.at_home(urljoin(address, answer.headers.get("Location", "")))
            query = None
        raise CatalogueError(f"{redact(href)} redirects more than {_MOST_REDIRECTS} times")

    def at_home(self, href: str) -> str:
        """Address, if it is at the API's own host.

        Raises
        ------
        UnsafeReference
            If not.
        """
        home, there = urlsplit(self.root), urlsplit(href)
        if home.scheme == "https" and there.scheme == "http" and home.netloc == there.netloc:
            # Servers behind a proxy often announce their links without the s.
            return there._replace(scheme="https").geturl()
        if (home.scheme, home.netloc.lower()) != (there.scheme, there.netloc.lower()):
            raise UnsafeReference(
                f"the catalogue at {home.netloc} refers to {there.scheme!a}://{there.hostname!a}, which is "
                "another place; links of an API are only followed at the API itself"
            )
        return href

    def _send(self, request: requests.Request, address: str) -> requests.Response:
        try:
            prepared = self.session.prepare_request(request)
            settings = self.session.merge_environment_settings(address, {}, True, None, None)  # noqa: FBT003
            # pystac-client resets its own timeout to none when it opens a catalogue.
            patience = (self.limits.connect_s, self.limits.read_s)
            return self.session.send(prepared, timeout=patience, allow_redirects=False, **settings)
        except (requests.RequestException, HTTPError) as error:
            raise CatalogueError(
                f"{redact(address)} cannot be reached after {self.limits.retries + 1} attempts: "
                f"{redact(str(error))[:300]}; is the address right, and the network up?"
            ) from None

    def _body(self, answer: requests.Response, address: str) -> str:
        with answer:
            if answer.status_code != requests.codes.ok:
                start = next(answer.iter_content(300), b"").decode("utf-8", "replace")
                raise _Refused(answer.status_code, f"{redact(address)} answered", redact(" ".join(start.split())))
            parts, size = [], 0
            try:
                for part in answer.iter_content(2**16):
                    size += len(part)
                    if size > self.limits.max_bytes:
                        raise CatalogueError(
                            f"{redact(address)} answers more than {self.limits.max_bytes} bytes; ask for smaller pages"
                        )
                    parts.append(part)
            except (requests.RequestException, HTTPError) as error:
                raise CatalogueError(f"the answer of {redact(address)} broke off: {type(error).__name__}") from None
        return b"".join(parts).decode("utf-8", "replace")

    def json_loads(self, txt: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Parse an answer.

        Raises
        ------
        CatalogueError
            If it is no JSON object.
        """
        return parsed_json(txt, self.root)

    def get_pages(
        self, url: str, method: str | None = None, parameters: dict[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield pages with features until there is no next one.

        Raises
        ------
        CatalogueError
            If a page is not STAC, pages repeat, or there are too many.
        """
        asked: set[str] = set()
        verb, address, body, headers = method or "GET", url, parameters, None
        for _ in range(self.limits.max_pages):
            question = json.dumps([verb, address, body], sort_keys=True, default=str)
            if question in asked:
                raise CatalogueError(f"{self.root} leads back to a page already read; its paging goes in circles")
            asked.add(question)
            page = self.json_loads(self.request(address, verb, headers, body))
            features, links = page.get("features"), page.get("links") or []
            if not isinstance(features, list) or not isinstance(links, list):
                raise CatalogueError(f"{self.root} answered a search with something that is no item collection")
            # An empty page in the middle is legal; pystac-client's own loop would end there.
            if features:
                yield page
            link = next((link for link in links if isinstance(link, dict) and link.get("rel") == "next"), None)
            if link is None:
                return
            address = urljoin(address, str(link.get("href")))
            verb, headers = str(link.get("method") or "GET").upper(), None
            body = {**(parameters or {}), **(link.get("body") or {})} if link.get("merge") else link.get("body")
        raise CatalogueError(
            f"{self.root} has more than {self.limits.max_pages} pages for this search; ask for a shorter period"
        )


class _Refused(CatalogueError):
    """An HTTP status other than success."""

    def __init__(self, status: int, who: str, said: str) -> None:
        super().__init__(f"{who} HTTP {status}: {said or 'nothing more'}")
        self.status = status


def items_from(
    provider: Provider, collections: Sequence[str], where: Mapping[str, Any], interval: str, limits: Limits
) -> list[dict[str, Any]]:
    """List the items a STAC API answers, each id of a collection once, as plain JSON data.

    Parameters
    ----------
    provider : Provider
        With the root of the API.
    collections : sequence of str
        Collection ids.
    where : mapping
        ``bbox`` or ``intersects``.
    interval : str
        Start and end, ISO 8601, with a slash between.
    limits : Limits
        Patience and size.

    Raises
    ------
    CatalogueError
        If the API cannot be reached, refuses, or answers anything but STAC.
    UnsafeReference
        If it sends us elsewhere.
    """
    with warnings.catch_warnings():
        # What an API says it conforms to is not relied upon: every filter is applied again to what it answers.
        warnings.simplefilter("ignore", PystacClientWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        client = _opened(provider, limits)
        try:
            return _unique(client, collections, where, interval, limits, "POST")
        except _Refused as refusal:
            if refusal.status != _NOT_ALLOWED:
                raise
            return _unique(client, collections, where, interval, limits, "GET")


def _opened(provider: Provider, limits: Limits) -> Client:
    try:
        client = Client.open(provider.api, stac_io=GuardedIO(provider.api, limits))
    except HabitatError:
        raise
    except Exception as error:
        # Whatever pystac makes of a document that is no catalogue.
        raise CatalogueError(
            f"{provider.api} is no STAC catalogue ({type(error).__name__}); name the root of a STAC API"
        ) from error
    if not any(link.rel == "search" for link in client.links):
        raise CatalogueError(
            f"{provider.api} is a STAC catalogue without search; download it and name its catalog.json"
        )
    # A link to its search says enough; what it forgot to announce does not matter here.
    client.add_conforms_to("ITEM_SEARCH")
    return client


def _unique(
    client: Client, collections: Sequence[str], where: Mapping[str, Any], interval: str, limits: Limits, verb: str
) -> list[dict[str, Any]]:
    search = client.search(
        method=verb, collections=list(collections), datetime=interval, limit=limits.page_size, **where
    )
    items: dict[tuple[str, str], dict[str, Any]] = {}
    for page in search.pages_as_dicts():
        before = len(items)
        for item in page["features"]:
            if not isinstance(item, dict):
                raise CatalogueError(f"{search.url} answered a feature that is no object")
            items.setdefault((str(item.get("collection")), str(item.get("id"))), item)
        if len(items) == before:
            raise CatalogueError(f"{search.url} answers the same items again; its paging goes in circles")
        if len(items) > limits.max_items:
            raise CatalogueError(
                f"{search.url} has more than {limits.max_items} items for this search; ask for a shorter period"
            )
    return list(items.values())
