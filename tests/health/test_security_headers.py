"""Every reply tells the browser what not to do; production settings pass Django's own check."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/healthz", "/no/such/page", "/metrics", "/admin/", "/static/css/hamlet.css", "login"]
)
def test_every_reply_carries_the_policy(client: Client, path: str) -> None:
    response = client.get(path if path.startswith("/") else reverse(path))
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy, "no inline script or style, no eval"
    assert "http" not in policy, "no other host"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


@pytest.mark.django_db
def test_pages_may_not_be_framed_sniffed_or_leak_where_people_come_from(client: Client) -> None:
    response = client.get(reverse("login"))
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


def test_admin_pages_obey_the_policy(chromium, web_server: str, admin) -> None:
    admin.is_staff = admin.is_superuser = True
    admin.save()
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{web_server}/admin/")
    page.fill("[name=username]", admin.username)
    page.fill("[name=password]", admin.plain_password)
    page.click("[type=submit]")
    for path in ("/admin/", "/admin/registry/user/", f"/admin/registry/user/{admin.pk}/change/"):
        assert page.goto(f"{web_server}{path}").status == 200
        assert page.locator("#content").is_visible()
    assert not [text for text in complaints if "Content Security Policy" in text], complaints


@pytest.mark.django_db
def test_host_that_is_not_ours_is_refused(client: Client) -> None:
    assert client.get(reverse("login"), headers={"Host": "evil.example"}).status_code == 400


def test_production_settings_pass_the_deployment_check() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=os.environ | {"HAMLET_HTTPS": "on"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_policy_stops_an_inline_script_in_a_real_browser(
    chromium, web_server: str, student
) -> None:
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{web_server}{reverse('login')}")
    assert not [text for text in complaints if "Content Security Policy" in text], complaints
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s); }"
    )
    assert page.evaluate("() => window.ran") is None
    assert [text for text in complaints if "Content Security Policy" in text]
    opened = page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener('securitypolicyviolation', e => resolve(e.blockedURI));
            const s = new WebSocket(location.origin.replace('http', 'ws') + '/ws/none');
            s.onerror = s.onopen = s.onclose = () => setTimeout(() => resolve('allowed'), 50);
        })"""
    )
    assert opened == "allowed", "sockets of our own host are allowed"
