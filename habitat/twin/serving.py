"""A twin over HTTP, for readers that do not read from disk: parts of files on demand, nothing outside its folder."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

from habitat.contracts.errors import ConfigError

_TYPES = {
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".tiff": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".png": "image/png",
    ".nc": "application/x-netcdf",
    ".parquet": "application/vnd.apache.parquet",
}
_OTHER_TYPE = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_CHUNK = 2**20
_IDLE_S = 30.0


@contextmanager
def serve(folder: Path, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve a folder's files until the block ends.

    Answers GET and HEAD, whole files and single ranges; lists no folders, and follows no path or symbolic link out of
    the folder. Without further care it is meant for this machine only: there is no encryption and no log.

    Parameters
    ----------
    folder : Path
        What to serve.
    port : int
        Port to listen at; 0 takes a free one.
    host : str
        Address to listen at.

    Yields
    ------
    str
        Its address, ``http://127.0.0.1:41234``, without a slash at its end.

    Raises
    ------
    ConfigError
        If there is no such folder, or the port cannot be had.

    Examples
    --------
    >>> import tempfile, urllib.request
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "catalog.json").write_text("{}")
    ...     with serve(Path(folder)) as address, urllib.request.urlopen(f"{address}/catalog.json") as answer:
    ...         answer.read()
    b'{}'
    """
    root = Path(folder).resolve()
    if not root.is_dir():
        raise ConfigError(f"{root} is no folder; name the folder of a twin")
    try:
        server = _Server((host, port), root)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"cannot listen at {host}:{port}: {error}; name another port, or 0 for a free one") from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Part(NamedTuple):
    """Bytes of a file to send."""

    status: HTTPStatus
    start: int
    length: int


class _Server(ThreadingHTTPServer):
    # Readers keep connections open; ending must not wait for them.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], root: Path) -> None:
        self.root = root
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The usual one asks name servers for this machine's name.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about readers that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "habitat-twin"
    sys_version = ""
    timeout = _IDLE_S

    def do_GET(self) -> None:
        path = _file_below(self.server.root, self.path)
        if path is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            file = path.open("rb")
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with file:
            self._send(file, path.suffix.lower())

    do_HEAD = do_GET

    def _send(self, file: BinaryIO, suffix: str) -> None:
        facts = os.fstat(file.fileno())
        size = facts.st_size
        part = _part_of(self.headers.get("Range"), size)
        if part is None:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"})
            return
        headers = {"Accept-Ranges": "bytes", "Last-Modified": self.date_time_string(int(facts.st_mtime))}
        if part.status is HTTPStatus.PARTIAL_CONTENT:
            headers["Content-Range"] = f"bytes {part.start}-{part.start + part.length - 1}/{size}"
        self._head(part.status, _TYPES.get(suffix, _OTHER_TYPE), part.length, headers)
        if self.command == "HEAD":
            return
        file.seek(part.start)
        left = part.length
        while left and (piece := file.read(min(left, _CHUNK))):
            self.wfile.write(piece)
            left -= len(piece)
        # Cut short meanwhile, the file no longer has the promised length.
        self.close_connection = self.close_connection or left > 0

    def _refuse(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> None:
        body = f"{status.phrase}\n".encode()
        self._head(status, "text/plain; charset=utf-8", len(body), headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(length)} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Keep no log."""


def _file_below(root: Path, target: str) -> Path | None:
    """Return the file a request names, or None if there is none below the folder."""
    try:
        path = unquote(urlsplit(target).path, errors="strict")
    except ValueError:
        return None
    if not path.startswith("/") or "\\" in path or "\0" in path or ".." in path.split("/"):
        return None
    try:
        found = (root / path.lstrip("/")).resolve()
        # Resolved first: a symbolic link may lead anywhere.
        return found if found.is_relative_to(root) and found.is_file() else None
    except OSError:
        return None


def _part_of(wanted: str | None, size: int) -> _Part | None:
    """Return which bytes a Range header asks for, None if there are none; several ranges are answered as a whole."""
    whole = _Part(HTTPStatus.OK, 0, size)
    match = _RANGE.fullmatch((wanted or "").strip())
    if match is None or match.group() == "bytes=-":
        return whole
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        return _Part(HTTPStatus.PARTIAL_CONTENT, size - length, length) if length else None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        # Not a valid range, and such are ignored.
        return whole
    return _Part(HTTPStatus.PARTIAL_CONTENT, start, end - start + 1) if start < size else None
