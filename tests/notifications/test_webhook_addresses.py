"""Where a webhook may go: more than 200 URLs, each of which some guard somewhere has let through."""

from __future__ import annotations

import ipaddress

import pytest

from notifications.webhook_addresses import AddressRefused, parse, require_allowed, rules_from

PUBLIC = rules_from(networks=[], ports=[443, 8443], allows_http=False)
LAN = rules_from(networks=["192.168.7.0/24", "fd00:7::/64"], ports=[443], allows_http=True)

INNER = [
    "127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.255", "0.0.0.1", "0.1.2.3",
    "0.255.255.255", "10.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.20.10.2",
    "172.31.255.255", "192.168.0.1", "192.168.1.254", "192.168.255.255", "169.254.0.1",
    "169.254.169.254", "169.254.170.2", "169.254.255.255", "100.64.0.1", "100.100.100.200",
    "100.127.255.255", "192.0.0.1", "192.0.0.192", "192.0.0.170", "192.0.2.1", "198.51.100.7",
    "203.0.113.9", "198.18.0.1", "198.19.255.255", "192.88.99.1", "192.31.196.1", "192.52.193.1",
    "192.175.48.1", "224.0.0.1", "224.0.0.251", "232.1.1.1", "239.255.255.250", "240.0.0.1",
    "250.1.2.3", "255.255.255.254", "255.255.255.255",
    "::", "::1", "::2", "::7f00:1", "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1",
    "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:192.168.0.1",
    "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::1", "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b:1:ffff::7f00:1",
    "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2001:db8:ffff::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:a00:1::1",
    "2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fd12:3456:789a::1",
    "fd00:ec2::254", "fe80::1", "fe80::a9fe:a9fe", "febf::1", "fec0::1", "feff::1", "ff00::1",
    "ff02::1", "ff02::fb", "ff05::2", "ff0e::1",
]  # fmt: skip
OUTER = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1",
    "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.1", "172.15.255.255",
    "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1", "198.17.255.255", "198.20.0.1",
    "223.255.255.254", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888",
]  # fmt: skip
# Names that some resolvers take for addresses, and hosts that are none.
NO_NAMES = [
    "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "127.1", "127.0.1",
    "0177.0.0.1", "0177.0.0.01", "127.0.0.1.", "127.0.0.01", "1.1", "0", "0x0", "00000000",
    "10.1", "192.168.257", "3232235521", "0xa9fea9fe", "2852039166", "example.0x7f", "a.1",
    "-example.com", "example-.com", "exa mple.com", "ex..ample.com", ".example.com", "..",
    "*.example.com", "exam!ple.com", "example.com:", "%31%32%37.0.0.1", "127%2e0%2e0%2e1",
    "①②⑦.0.0.1", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "bücher.example", "example。com",
    "a" * 64 + ".example.com", ".".join(["label"] * 50),
    "[::1", "::1]", "[]", "[127.0.0.1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]",
    "[v1.fe80]", "[8.8.8.8]", "[::ffff:127.0.0.1%25lo]",
]  # fmt: skip
NO_URLS = [
    "", " ", "example.com", "//example.com", "/hook", "https:", "https:/", "https://",
    "https:///hook", "https://?q", "https://#f", "https:example.com", "https:/example.com",
    "http://example.com", "ftp://example.com", "file:///etc/passwd", "gopher://example.com",
    "dict://example.com:11211", "ldap://example.com", "javascript:alert(1)", "data:text/plain,x",
    "unix:///var/run/docker.sock", "jar:https://example.com!/x", "ws://example.com",
    "wss://example.com", "httpss://example.com", "ht tps://example.com", "h\ttps://example.com",
    "https\n://example.com", " https://example.com", "https://example.com ",
    "https://user@example.com", "https://user:secret@example.com", "https://@example.com",
    "https://:@example.com", "https://example.com@127.0.0.1", "https://127.0.0.1@example.com",
    "https://example.com#@127.0.0.1", "https://example.com\\@127.0.0.1",
    "https://example.com\\.evil.example", "https://exam\nple.com", "https://exam\tple.com",
    "https://exam\rple.com", "https://example.com/\r\nX-Injected: 1", "https://example.com/a b",
    "https://example.com/\x00", "https://example.com/\x7f", "https://example.com/\u2028",
    "https://example.com/ü", "https://example.com/<x>", 'https://example.com/"', "https://exa^mple",
    "https://example.com/`id`", "https://example.com/{x}", "https://example.com|id",
    "https://example.com/#fragment", "https://example.com/#", "https://example.com:0/",
    "https://example.com:22/", "https://example.com:25/", "https://example.com:80/",
    "https://example.com:3306/", "https://example.com:5432/", "https://example.com:6379/",
    "https://example.com:9200/", "https://example.com:11211/", "https://example.com:65536/",
    "https://example.com:-443/", "https://example.com:443a/", "https://example.com:4 43/",
    "https://example.com:٤٤٣/", "https://example.com:99999999999/",
    "https://example.com/" + "a" * 2_000,
]  # fmt: skip
GOOD = {
    "https://example.com": ("example.com", 443, "/"),
    "https://example.com/": ("example.com", 443, "/"),
    "https://EXAMPLE.com/Hook?Key=1": ("example.com", 443, "/Hook?Key=1"),
    "https://hooks.example.com:8443/a/b": ("hooks.example.com", 8443, "/a/b"),
    "https://example.com?x=1": ("example.com", 443, "/?x=1"),
    "https://example.com./x": ("example.com", 443, "/x"),
    "https://xn--bcher-kva.example/": ("xn--bcher-kva.example", 443, "/"),
    "https://a_b.example.com/": ("a_b.example.com", 443, "/"),
    "https://8.8.8.8/": ("8.8.8.8", 443, "/"),
    "https://[2606:4700:4700::1111]/x": ("2606:4700:4700::1111", 443, "/x"),
    "https://example.com/@user": ("example.com", 443, "/@user"),
    "https://1.example.com/": ("1.example.com", 443, "/"),
}


def test_there_are_more_than_two_hundred() -> None:
    assert len(INNER) + len(OUTER) + len(NO_NAMES) + len(NO_URLS) + len(GOOD) > 200


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_refused_as_found_and_as_written(address: str) -> None:
    with pytest.raises(AddressRefused):
        require_allowed([ipaddress.ip_address(address)], PUBLIC)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused):
        parse(f"https://{host}/hook", PUBLIC)


@pytest.mark.parametrize("address", OUTER)
def test_outer_addresses_are_allowed(address: str) -> None:
    require_allowed([ipaddress.ip_address(address)], PUBLIC)


@pytest.mark.parametrize("host", NO_NAMES)
def test_hosts_that_are_no_names_are_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        target = parse(f"https://{host}/", PUBLIC)
        # What is left of them is an address, and then it is looked at as one.
        require_allowed([ipaddress.ip_address(target.host)], PUBLIC)


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_of_ours_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse(url, PUBLIC)


@pytest.mark.parametrize("url", GOOD)
def test_good_urls_are_taken_apart(url: str) -> None:
    target = parse(url, PUBLIC)
    assert (target.host, target.port, target.path) == GOOD[url]


def test_one_inner_address_among_several_is_enough_to_refuse() -> None:
    outer, inner = ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("10.0.0.1")
    for addresses in ([outer, inner], [inner, outer], []):
        with pytest.raises(AddressRefused):
            require_allowed(addresses, PUBLIC)


def test_an_operator_may_open_a_network_of_their_own() -> None:
    require_allowed([ipaddress.ip_address("192.168.7.9")], LAN)
    require_allowed([ipaddress.ip_address("fd00:7::9")], LAN)
    assert parse("http://192.168.7.9:8123/api/webhook", LAN).port == 8123
    for other in ("192.168.8.9", "127.0.0.1", "fd00:8::1", "169.254.169.254"):
        with pytest.raises(AddressRefused):
            require_allowed([ipaddress.ip_address(other)], LAN)


def test_the_refusal_does_not_tell_where_a_name_leads() -> None:
    with pytest.raises(AddressRefused) as refused:
        require_allowed([ipaddress.ip_address("10.11.12.13")], PUBLIC)
    assert "10.11" not in str(refused.value)


def test_the_host_header_has_the_port_only_where_it_is_unusual() -> None:
    assert parse("https://example.com/", PUBLIC).host_header == "example.com"
    assert parse("https://example.com:8443/", PUBLIC).host_header == "example.com:8443"
    assert parse("https://[2606:4700:4700::1111]/", PUBLIC).host_header == "[2606:4700:4700::1111]"
