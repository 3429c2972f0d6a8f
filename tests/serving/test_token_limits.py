"""Requests per minute of a token: exact across processes, cheap within one, kind without Valkey."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.accounts.models import ApiToken, Scope
from registry.accounts.services import issue_token
from registry.limits import buckets
from registry.limits.buckets import Buckets, Limit, limit_of
from registry.limits.errors import TooManyRequestsError
from registry.limits.leases import Permit, TokenLimits
from registry.serving.counting import COUNTS
from tests.serving.asking import PREDICT, Program

ZEROS = {"model": "walker", "observation": [0.0] * 38}
NEVER = 10.0  # a rate so low that nothing comes while a test runs: 10 a minute


def token(number: int = 1, per_minute: int | None = 10) -> ApiToken:
    return ApiToken(pk=number, requests_per_minute=per_minute)


def let_through(limits: TokenLimits, asked: int, of: ApiToken) -> int:
    passed = 0
    for _ in range(asked):
        try:
            limits.take(of)
            passed += 1
        except TooManyRequestsError:
            pass
    return passed


@pytest.mark.usefixtures("redis_url")
def test_processes_that_ask_at_once_share_one_limit():
    began = time.monotonic()
    processes = [TokenLimits() for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        passed = sum(threads.map(lambda limits: let_through(limits, 10, token()), processes * 2))
    came_meanwhile = (time.monotonic() - began) * 10 / 60
    assert 10 <= passed <= 10 + came_meanwhile


@pytest.mark.usefixtures("redis_url")
def test_leases_never_let_more_through_than_the_limit(settings):
    """6,000 a minute and 200 at once, asked for by four processes as fast as they can."""
    settings.TOKEN_REQUESTS_PER_MINUTE, settings.TOKEN_BURST = 6000, 200
    busy = token(2, None)
    assert limit_of(None).lease > 1
    began = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        passed = sum(
            threads.map(
                lambda limits: let_through(limits, 300, busy), [TokenLimits() for _ in range(4)]
            )
        )
    assert 100 <= passed <= 200 + (time.monotonic() - began) * 100


@pytest.mark.usefixtures("redis_url")
def test_steady_use_makes_few_round_trips(settings):
    settings.TOKEN_REQUESTS_PER_MINUTE, settings.TOKEN_BURST = 600_000, 60_000

    class Counted(Buckets):
        trips = 0

        def take(self, *arguments):
            self.trips += 1
            return super().take(*arguments)

    counted = Counted()
    limits = TokenLimits(counted)
    busy = token(3, None)
    for _ in range(2000):
        found = limits.try_take(busy)
        if found is Permit.NONE:
            limits.take(busy)
        elif found is Permit.LAST:
            limits.fetch(busy)
    assert counted.trips < 60


def test_refusal_says_when_to_come_back(redis_url):
    limits = TokenLimits()
    let_through(limits, 10, token(4))
    with pytest.raises(TooManyRequestsError, match="10 requests per minute") as refused:
        limits.take(token(4))
    assert 1 <= refused.value.retry_after_s <= 6
    assert refused.value.headers["RateLimit-Policy"] == '"token";q=10;w=60'


def test_token_without_limit_is_never_refused(settings, redis_url):
    settings.TOKEN_REQUESTS_PER_MINUTE = 0
    assert let_through(TokenLimits(), 100, token(5, None)) == 100


def test_without_valkey_each_process_counts_alone(monkeypatch):
    buckets._client.cache_clear()
    monkeypatch.setattr("django.conf.settings.REDIS_URL", "redis://127.0.0.1:1/0")
    try:
        before = COUNTS.local_permits
        limits = TokenLimits()
        assert let_through(limits, 15, token(6)) == 10
        assert COUNTS.local_permits - before == 10
    finally:
        buckets._client.cache_clear()


@pytest.mark.parametrize(
    ("per_minute", "burst"), [(1, 1), (10, 10), (60, 10), (6000, 600), (60_000, 6000)]
)
def test_bucket_and_leases_together_stay_within_the_burst(per_minute, burst):
    limit = Limit(per_minute, burst)
    assert limit.lease >= 1
    assert limit.capacity + limit.rate * limit.lease_s <= burst + 1e-9


def test_server_refuses_with_the_headers_that_say_so(register, server, student):
    register()
    made, secret = issue_token(student, "busy", [Scope.PREDICT, Scope.READ])
    ApiToken.objects.filter(pk=made.pk).update(requests_per_minute=3)
    program = Program(server, secret)
    statuses = [program.ask(PREDICT, ZEROS).status for _ in range(3)]
    assert statuses == [200] * 3
    told = program.ask(PREDICT, ZEROS)
    assert told.status == 429
    assert int(told.headers["retry-after"]) >= 1
    assert told.headers["ratelimit-policy"] == '"token";q=3;w=60'
    assert told.headers["ratelimit"].startswith('"token";r=0;t=')
    v2 = program.get("/v2/models/walker")
    assert (v2.status, list(v2.data)) == (429, ["error"])


def test_browser_is_counted_by_its_user(settings, client, register, student, instructor, redis_url):
    settings.TOKEN_REQUESTS_PER_MINUTE, settings.TOKEN_BURST = 6, 3
    register()

    def ask() -> int:
        return client.post(PREDICT, ZEROS, content_type="application/json").status_code

    client.force_login(student)
    assert [ask() for _ in range(11)][-1] == 429
    client.force_login(instructor)
    assert ask() == 200
