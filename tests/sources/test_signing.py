"""Signing: one token for each container, fresh enough, never in any text."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from habitat.contracts.errors import CatalogueError, ReadFailure
from habitat.sources.catalogues.providers import PROFILES, provider_for
from habitat.sources.catalogues.signing import TokenStore, is_forbidden, read_signed, redact, sign

HREF = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/52/T/FN/B04.tif"
LANDSAT = "https://landsateuwest.blob.core.windows.net/landsat-c2/level-2/SR_B4.TIF"


class TokenService:
    """Hands out numbered tokens that are valid for 45 minutes of a clock the test moves."""

    def __init__(self):
        self.now = datetime(2025, 5, 3, 12, 0, tzinfo=UTC)
        self.asked = []
        self.faults = []
        self.lifetime = timedelta(minutes=45)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                service.asked.append(self.path)
                status, headers, body = service.faults.pop(0) if service.faults else (200, {}, service.answer())
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        endpoint = f"http://127.0.0.1:{self.server.server_port}/token"
        self.provider = replace(PROFILES["planetary-computer"], token_endpoint=endpoint)
        self.waited = []
        self.store = TokenStore(now=lambda: self.now, wait=self.waited.append)

    def answer(self):
        end = (self.now + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ").replace(":", "%3A")
        token = f"st=x&se={end}&sp=rl&sv=2024-05-04&sr=c&sig=secret{len(self.asked)}%3D"
        return json.dumps({"msft:expiry": "2000-01-01T00:00:00Z", "token": token})

    def sign(self, href=HREF, **options):
        return sign(href, self.provider, store=self.store, **options)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def service():
    running = TokenService()
    yield running
    running.close()


def test_a_token_is_put_behind_the_address(service):
    signed = service.sign()
    assert signed.startswith(f"{HREF}?st=x&se=2025-05-03T12%3A45%3A00Z&")
    assert signed.endswith("sig=secret1%3D")
    assert service.asked == ["/token/sentinel2l2a01/sentinel2-l2"]


def test_one_token_for_each_container(service):
    for _ in range(3):
        service.sign()
        service.sign(LANDSAT)
    assert service.asked == ["/token/sentinel2l2a01/sentinel2-l2", "/token/landsateuwest/landsat-c2"]


def test_a_token_is_renewed_five_minutes_before_its_own_end(service):
    service.sign()
    service.now += timedelta(minutes=39, seconds=59)
    assert service.sign().endswith("secret1%3D")
    service.now += timedelta(seconds=1)
    assert service.sign().endswith("secret2%3D")


def test_many_threads_ask_once(service):
    with ThreadPoolExecutor(8) as pool:
        signed = set(pool.map(lambda _: service.sign(), range(40)))
    assert len(signed) == len(service.asked) == 1


@pytest.mark.parametrize(
    ("href", "provider"),
    [
        (HREF, "earth-search"),
        (HREF, provider_for("http://127.0.0.1:1")),
        (HREF, "no-such-provider"),
        ("/vsis3/eodata/a.jp2", "planetary-computer"),
        ("/data/B04.tif", "planetary-computer"),
        ("https://other.blob.core.windows.net/c/a.tif", "planetary-computer"),
        ("https://sentinel2l2a01.blob.core.windows.net.evil.org/c/a.tif", "planetary-computer"),
        ("http://sentinel2l2a01.blob.core.windows.net/c/a.tif", "planetary-computer"),
    ],
)
def test_everything_else_stays_as_it_is(href, provider):
    # No store is reached: the default one would try the network.
    assert sign(href, provider) == href


def test_an_address_with_a_query_gets_an_ampersand(service):
    assert service.sign(HREF + "?comp=x").startswith(HREF + "?comp=x&st=x")


def test_a_busy_service_is_asked_again_as_it_wishes(service):
    service.faults = [(429, {"Retry-After": "7"}, ""), (504, {}, ""), (503, {"Retry-After": "9999"}, "")]
    assert service.sign().endswith("secret4%3D")
    # Obeyed; then doubling; then bounded.
    assert service.waited == [7.0, 2.0, 30.0]


def test_a_service_that_stays_down_is_given_up(service):
    service.faults = [(504, {}, "")] * 4
    with pytest.raises(CatalogueError, match="4 attempts, last: HTTP 504"):
        service.sign()


def test_a_refusal_is_final(service):
    service.faults = [(404, {}, "no such container")]
    with pytest.raises(CatalogueError, match="HTTP 404"):
        service.sign()
    assert len(service.asked) == 1


def test_tokens_that_are_expired_already_are_not_used(service):
    service.lifetime = timedelta(minutes=-1)
    with pytest.raises(CatalogueError, match="clock"):
        service.sign()
    assert len(service.asked) == 4


def test_a_redirect_is_not_followed(service):
    service.faults = [(302, {"Location": "http://169.254.169.254/"}, "")]
    with pytest.raises(CatalogueError, match="HTTP 302"):
        service.sign()


@pytest.mark.parametrize(
    "body",
    [
        "<html>sig=secret</html>",
        "[]",
        '{"token": "sig=secret"}',
        '{"msft:expiry": "2030-01-01T00:00:00Z"}',
        "x" * 70_000,
    ],
)
def test_answers_that_are_no_token_are_refused_without_quoting_them(service, body):
    service.faults = [(200, {}, body)]
    with pytest.raises(CatalogueError, match="no token") as caught:
        service.sign()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nobody_answers():
    provider = replace(PROFILES["planetary-computer"], token_endpoint="http://127.0.0.1:1/token")
    with pytest.raises(CatalogueError, match="ConnectionError"):
        sign(HREF, provider, store=TokenStore(wait=lambda _: None))


def test_the_end_stands_in_the_answer_if_not_in_the_token(service):
    service.faults = [(200, {}, json.dumps({"msft:expiry": "2025-05-03T12:10:00Z", "token": "?sig=plain"}))]
    assert service.sign() == f"{HREF}?sig=plain"
    service.now += timedelta(minutes=4)
    assert service.sign() == f"{HREF}?sig=plain"
    service.now += timedelta(minutes=2)
    assert service.sign().endswith("secret2%3D")


class Refusing:
    """Refuses the first few tokens it is shown."""

    def __init__(self, times, text="HTTP response code: 403"):
        self.times, self.text, self.seen = times, text, []

    def __call__(self, address):
        self.seen.append(address)
        if len(self.seen) <= self.times:
            raise OSError(f"{self.text} for {address}")
        return "pixels"


def test_a_refused_token_is_renewed_once(service):
    door = Refusing(1)
    assert read_signed(HREF, service.provider, door, store=service.store) == "pixels"
    assert [address.rsplit("=", 1)[1] for address in door.seen] == ["secret1%3D", "secret2%3D"]


def test_a_second_refusal_is_final_and_tells_no_secret(service):
    door = Refusing(5)
    with pytest.raises(ReadFailure, match="fresh token") as caught:
        read_signed(HREF, service.provider, door, store=service.store)
    assert caught.value.reason == "forbidden"
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(door.seen) == 2


def test_other_errors_are_not_tried_again(service):
    door = Refusing(5, "HTTP response code: 404")
    with pytest.raises(OSError, match="404"):
        read_signed(HREF, service.provider, door, store=service.store)
    assert len(door.seen) == 1
    # Where nothing is signed there is nothing to renew.
    door = Refusing(5)
    with pytest.raises(OSError, match="403"):
        read_signed("/data/a.tif", "folder", door)
    assert len(door.seen) == 1


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("HTTP response code: 403", True),
        ("AccessDenied: Access Denied", True),
        ("AuthenticationFailed", True),
        ("HTTP response code: 404", False),
        ("tile 4032 is broken", False),
    ],
)
def test_what_a_refusal_looks_like(text, forbidden):
    assert is_forbidden(OSError(text)) is forbidden


SECRET = "S3cr3tV4lue"


@pytest.mark.parametrize(
    "text",
    [
        f"https://h/a.tif?sv=1&sig={SECRET}&se=2",
        f"https://h/a.tif?X-Amz-Signature={SECRET}",
        f"https://h/a.tif?x-amz-security-token={SECRET}&X-Amz-Credential={SECRET}%2F20250503",
        f"https://h/a.tif?token={SECRET}",
        f"https://h/a.tif?access_token={SECRET}#2",
        f"https://user:{SECRET}@h/a.tif",
        f"https://{SECRET}@h/a.tif",
        f"Authorization: Bearer {SECRET}",
        f"authorization: Basic {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f'{{"token": "{SECRET}"}}',
        f"curl -H 'Authorization: {SECRET}'",
        f"/vsicurl?url=https%3A%2F%2Fh%2Fa.tif%3Fsig%3D{SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"password={SECRET}",
        f"api_key={SECRET}",
        f"CURL error on /vsicurl/https://h/a.tif?sp=rl&sig={SECRET}: 403",
        f"one sig={SECRET}\nand another sig={SECRET}",
    ],
)
def test_secrets_are_blotted_out(text):
    blotted = redact(text)
    assert SECRET not in blotted
    assert "***" in blotted
    assert redact(blotted) == blotted


@pytest.mark.parametrize(
    "text",
    [
        "https://h/design=3/a.tif?versionId=4",
        "S2B_52TFN_20250503_0_L2A: cloud cover above 80 %",
        "mail me at ranger@leopard.ru",
        "tokens are short-lived",
        "",
    ],
)
def test_other_texts_stay(text):
    assert redact(text) == text


def test_a_store_does_not_show_its_tokens(service):
    service.sign()
    assert "secret" not in repr(service.store)
