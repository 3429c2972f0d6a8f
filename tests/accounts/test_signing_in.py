"""Signing in: right, wrong, too often, and with Valkey away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from django.test import Client
from django.urls import reverse

from registry.accounts import throttle
from registry.accounts.addresses import read_address
from registry.accounts.errors import TooManyAttemptsError, spell_wait
from registry.accounts.throttle import LOGIN, Limit, counted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]


def sign_in(name: str, password: str, *, address: str = "10.0.0.1", path: str = ""):
    data = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post(path or reverse("login"), data)


def use_up_attempts(name: str, address: str = "10.0.0.1") -> None:
    for _ in range(LOGIN.attempts):
        assert sign_in(name, "wrong", address=address).status_code == 422


def test_right_password_signs_in(student):
    client = Client()
    response = client.post(
        reverse("login"), {"username": "student", "password": student.plain_password}
    )
    assert response.status_code == 302
    assert client.get(reverse("account")).status_code == 200


def test_wrong_password_says_so_without_saying_which_half(student):
    wrong_word = sign_in("student", "wrong")
    wrong_name = sign_in("nobody", "wrong")
    assert wrong_word.status_code == wrong_name.status_code == 422
    message = "Name or password is wrong"
    assert message in wrong_word.content.decode()
    assert message in wrong_name.content.decode()


def test_too_many_wrong_ones_wait_and_are_told_how_long(student):
    use_up_attempts("student")
    response = sign_in("student", student.plain_password)
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= LOGIN.window_s
    assert "Try again in" in response.content.decode()


def test_waiting_ends_by_itself(student, redis_url):
    use_up_attempts("student")
    with redis.Redis.from_url(redis_url) as client:
        keys = list(client.scan_iter("hamlet:throttle:login:*"))
        assert len(keys) == 1
        assert 0 < client.pttl(keys[0]) <= LOGIN.window_s * 1000
        client.pexpire(keys[0], 0)  # as if the window had passed
    assert sign_in("student", student.plain_password).status_code == 302


def test_trying_while_waiting_does_not_make_the_wait_longer(student, redis_url):
    use_up_attempts("student")
    with redis.Redis.from_url(redis_url) as client:
        (key,) = client.scan_iter("hamlet:throttle:login:*")
        client.pexpire(key, 5000)
    response = sign_in("student", "wrong")
    assert int(response["Retry-After"]) <= 5


def test_nobody_is_locked_out_from_another_address(student):
    use_up_attempts("student", address="10.0.0.66")
    assert sign_in("student", student.plain_password, address="10.0.0.1").status_code == 302


def through_proxies(*forwarded: str, proxy: str = "10.9.9.9") -> int:
    """One wrong attempt, as the web process sees it behind a proxy. Returns: the status."""
    client = Client(REMOTE_ADDR=proxy, headers={"X-Forwarded-For": ", ".join(forwarded)})
    data = {"username": "student", "password": "wrong"}
    return client.post(reverse("login"), data).status_code


def test_behind_proxies_each_client_counts_for_itself(student, settings):
    settings.PROXIES = 2
    for number in range(LOGIN.attempts):
        # What the client claims itself stands furthest left, and changes nothing.
        assert through_proxies(f"1.2.3.{number}", "203.0.113.5:4711", "10.8.8.8") == 422
    assert through_proxies("203.0.113.6", "203.0.113.5", "10.8.8.8") == 429
    assert through_proxies("203.0.113.5", "203.0.113.6", "10.8.8.8") == 422


def test_without_trusted_proxies_the_header_is_nobody(student):
    for number in range(LOGIN.attempts):
        assert through_proxies(f"203.0.113.{number}") == 422
    assert through_proxies("203.0.113.99") == 429


@pytest.mark.parametrize("forwarded", [("not an address",), ()])
def test_what_did_not_pass_all_proxies_counts_as_its_direct_peer(student, settings, forwarded):
    settings.PROXIES = 1
    for _ in range(LOGIN.attempts):
        assert through_proxies(*forwarded) == 422
    assert through_proxies(*forwarded) == 429
    assert through_proxies(*forwarded, proxy="10.9.9.10") == 422


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (" 203.0.113.5 ", "203.0.113.5"),
        ("203.0.113.5:80", "203.0.113.5"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_addresses_are_read_as_proxies_write_them(written, address):
    assert read_address(written) == address


def test_neighbours_at_the_same_address_still_sign_in(student, instructor):
    use_up_attempts("student")
    assert sign_in("instructor", instructor.plain_password).status_code == 302


def test_right_passwords_are_never_counted(student):
    for _ in range(LOGIN.attempts + 3):
        assert sign_in("student", student.plain_password).status_code == 302


def test_other_spellings_of_a_name_share_one_count(student):
    for number in range(LOGIN.attempts):
        sign_in("STUDENT" if number % 2 else "student", "wrong")
    assert sign_in("Student", "wrong").status_code == 429


def test_admin_site_has_no_back_door(student):
    use_up_attempts("student")
    response = sign_in("student", student.plain_password, path=reverse("admin:login"))
    assert "Too many attempts" in response.content.decode()


def test_many_guesses_at_once_are_counted_one_by_one():
    limit = Limit("test-at-once", attempts=10, window_s=60)

    def guess(_: int) -> bool:
        try:
            with counted((limit, ("somebody",))):
                return True
        except TooManyAttemptsError:
            return False

    with ThreadPoolExecutor(20) as pool:
        let_through = sum(pool.map(guess, range(100)))
    assert let_through == 10


def test_attempt_that_one_limit_refuses_does_not_fill_the_other():
    narrow = Limit("test-narrow", attempts=1, window_s=60)
    wide = Limit("test-wide", attempts=3, window_s=60)
    with counted((narrow, ("a",)), (wide, ("here",))):
        pass
    for _ in range(5):
        with pytest.raises(TooManyAttemptsError), counted((narrow, ("a",)), (wide, ("here",))):
            pass
    for name in ("b", "c"):
        with counted((narrow, (name,)), (wide, ("here",))):
            pass


def test_without_valkey_nobody_guesses_freely(student, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    throttle._client.cache_clear()
    try:
        response = sign_in("student", student.plain_password)
    finally:
        throttle._client.cache_clear()
    assert response.status_code == 503
    assert "Valkey" in response.content.decode()


def test_signing_out_ends_the_session(student):
    client = Client()
    client.force_login(student)
    assert client.get(reverse("logout")).status_code == 405
    client.post(reverse("logout"))
    assert client.get(reverse("account")).status_code == 302


def test_next_never_leads_to_another_site(student):
    data = {"username": "student", "password": student.plain_password}
    response = Client().post(reverse("login"), {**data, "next": "https://elsewhere.example/steal"})
    assert "elsewhere" not in response["Location"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (89, "89 seconds"), (90, "2 minutes"), (300, "5 minutes")],
)
def test_waits_are_spelled_for_people(seconds, words):
    assert spell_wait(seconds) == words
