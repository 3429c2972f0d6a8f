"""Where a webhook may lead. Nothing here leaves loopback: resolver and socket are watched."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from registry.webhooks import sending
from registry.webhooks.addresses import inner_address, is_public
from registry.webhooks.errors import AddressRefusedError, NotDeliveredError
from tests.webhooks.receiver import NAME, Receiver

BODY = b'{"id":"1"}'


def post(url: str) -> sending.Answer:
    return sending.post(url, BODY, {"X-Hamlet-Event": "ping"})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example:70/_x",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@hooks.example/",
        "https://user:word@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://127.0.0.1\\@hooks.example/",
        "https://hooks.example/#x",
        "https://hooks.example/ x",
        "https://hooks.example/\r\nX-Evil: 1",
        "https://hooks.example/\x00",
        "https://h\u00f6oks.example/",
        "https://hooks\uff0eexample/",
        "https://hooks.example:0/",
        "https://hooks.example:22/",
        "https://hooks.example:25/",
        "https://hooks.example:80/",
        "https://hooks.example:6667/",
        "https://hooks.example:65536/",
        "https://hooks.example:x/",
        "https://%31%32%37.0.0.1/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[::1/",
        "https://[v1.x]/",
        "https://-hooks.example/",
        "https://hooks_\u200b.example/",
        "https://" + "a" * 300 + "/",
        "https://hooks.example/" + "a" * 500,
    ],
)
def test_addresses_that_no_webhook_needs_are_refused_unasked(names, connections, url):
    names.clear()
    with pytest.raises(AddressRefusedError):
        post(url)
    assert connections == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "0",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[100::1]",
        "localhost",
    ],
)
def test_addresses_that_are_not_public_are_refused_however_they_are_spelt(names, connections, host):
    names["localhost"] = [["127.0.0.1"]]
    with pytest.raises(AddressRefusedError):
        post(f"https://{host}/")
    assert connections == []


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "2606:2800:220:1::1", "64:ff9b::101:101", "::ffff:1.1.1.1"]
)
def test_public_addresses_pass(text):
    assert is_public(inner_address(ip_address(text)))


def test_name_that_leads_to_a_private_address_is_refused(names, connections):
    for address in ("127.0.0.1", "169.254.169.254", "::1", "10.0.0.7"):
        names[NAME] = [[address]]
        with pytest.raises(AddressRefusedError, match="is not public"):
            post(f"https://{NAME}/")
    assert connections == []


def test_one_private_address_among_public_ones_refuses_the_name(names, connections):
    names[NAME] = [["93.184.216.34", "10.0.0.7"]]
    with pytest.raises(AddressRefusedError, match=r"leads to 10\.0\.0\.7"):
        post(f"https://{NAME}/")
    assert connections == []


def test_second_answer_of_the_resolver_is_never_asked_for(names, connections):
    """DNS rebinding: public when it is judged, private when it is connected to."""
    names[NAME] = [["93.184.216.34"], ["127.0.0.1"], ["169.254.169.254"]]
    with pytest.raises(NotDeliveredError):
        post(f"https://{NAME}/")
    assert connections == ["93.184.216.34"]
    with pytest.raises(AddressRefusedError):
        post(f"https://{NAME}/")


def test_address_of_one_link_is_refused(monkeypatch, connections):
    scoped = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:2800:220:1::1", 443, 0, 3))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: scoped)
    with pytest.raises(AddressRefusedError, match="one link"):
        post(f"https://{NAME}/")
    assert connections == []


def test_only_the_networks_of_the_setting_are_opened(settings, names, connections):
    settings.WEBHOOK_NETWORKS = ["10.1.0.0/16"]
    names[NAME] = [["10.1.2.3"]]
    with pytest.raises(NotDeliveredError):
        post(f"https://{NAME}/")
    assert connections == ["10.1.2.3"]
    for address in ("10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1"):
        names[NAME] = [[address]]
        with pytest.raises(AddressRefusedError):
            post(f"https://{NAME}/")


def test_plain_http_needs_its_setting(settings, loopback, connections):
    plain = Receiver()
    with pytest.raises(AddressRefusedError, match="https://"):
        post(plain.url)
    settings.WEBHOOK_HTTP = True
    assert post(plain.url).status == 204
    plain.stop()
