"""A STAC API on loopback that behaves, or misbehaves, as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

CONFORMANCE = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]


class FakeStac:
    """Serves pages of items; `faults` are answered first, one for each request."""

    def __init__(self, items: list[dict[str, Any]] | None = None, page_size: int = 3) -> None:
        self.items = items or []
        self.page_size = page_size
        self.faults: list[tuple[int, dict[str, str], str | bytes]] = []
        self.landing_faults: list[tuple[int, dict[str, str], str | bytes]] = []
        self.requests: list[dict[str, Any]] = []
        self.page: Callable[[FakeStac, dict[str, Any]], dict[str, Any]] = FakeStac.honest_page
        self.landing_changes: dict[str, Any] = {}
        self.post_allowed = True
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeStac:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def searches(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["path"] == "/search"]

    def landing(self) -> dict[str, Any]:
        return {
            "type": "Catalog",
            "stac_version": "1.0.0",
            "id": "fake",
            "description": "a catalogue for tests",
            "conformsTo": CONFORMANCE,
            "links": [
                {"rel": "self", "href": self.url},
                {"rel": "root", "href": self.url},
                {"rel": "search", "href": f"{self.url}/search", "type": "application/geo+json"},
            ],
        } | self.landing_changes

    def honest_page(self, asked: dict[str, Any]) -> dict[str, Any]:
        start = int(asked.get("token", 0))
        features = self.items[start : start + self.page_size]
        answer: dict[str, Any] = {"type": "FeatureCollection", "features": features, "links": []}
        if start + self.page_size < len(self.items):
            answer["links"].append(self.next_link(asked, start + self.page_size))
        return answer

    def next_link(self, asked: dict[str, Any], token: object, **changes: Any) -> dict[str, Any]:
        body = {key: value for key, value in asked.items() if key != "token"} | {"token": token}
        return {"rel": "next", "method": "POST", "href": f"{self.url}/search", "body": body} | changes

    def _answer(self, request: dict[str, Any]) -> tuple[int, dict[str, str], str | bytes]:
        self.requests.append(request)
        if request["path"] == "/":
            return self.landing_faults.pop(0) if self.landing_faults else (200, {}, json.dumps(self.landing()))
        if request["path"] == "/search":
            if request["method"] == "POST" and not self.post_allowed:
                return 405, {}, "not allowed"
            if self.faults:
                return self.faults.pop(0)
            return 200, {}, json.dumps(self.page(self, request["asked"]))
        return 404, {}, "not here"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self, asked: dict[str, Any]) -> None:
                path = urlsplit(self.path).path
                request = {"method": self.command, "path": path, "asked": asked, "headers": dict(self.headers)}
                status, headers, body = fake._answer(request)
                payload = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                for name, value in (
                    {"Content-Type": "application/json", "Content-Length": str(len(payload))} | headers
                ).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def do_GET(self) -> None:
                self._serve(dict(parse_qsl(urlsplit(self.path).query)))

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self._serve(json.loads(self.rfile.read(length) or b"{}"))

            def log_message(self, *args: object) -> None:
                pass

        return Handler
