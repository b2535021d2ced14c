"""What may be typed as an address, and the sentence that each refusal gets."""

from collections import Counter
from ipaddress import ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tallies import TALLIES
from yarl import URL

from vrm.kernel.errors import BadInput
from vrm.kernel.outbound import FEED, WEBHOOK
from vrm.kernel.outbound.address import MAX_URL_LENGTH, check
from vrm.kernel.outbound.public import Gate

CLOSED = Gate()
LOOPBACK_ALLOWED = Gate((ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16")))

LEGITIMATE = {
    "https://blog.example.org/feed": "https://blog.example.org/feed",
    "http://doc.searls.com/feed/": "http://doc.searls.com/feed/",
    "HTTPS://Blog.Example.ORG": "https://blog.example.org/",
    "  https://blog.example.org/  ": "https://blog.example.org/",
    "https://blog.example.org:443/a": "https://blog.example.org/a",
    "http://blog.example.org:80/": "http://blog.example.org/",
    "http://blog.example.org:8080/rss.xml": "http://blog.example.org:8080/rss.xml",
    "https://blog.example.org:8443/": "https://blog.example.org:8443/",
    "https://blog.example.org./feed": "https://blog.example.org/feed",
    "https://example.org?feed=rss2&cat=%20x": "https://example.org/?feed=rss2&cat=%20x",
    "https://example.org/feed#top": "https://example.org/feed",
    "https://münchen.de/feed": "https://xn--mnchen-3ya.de/feed",
    "https://MÜNCHEN.de/feed": "https://xn--mnchen-3ya.de/feed",
    "https://mu\u0308nchen.de/": "https://xn--mnchen-3ya.de/",
    "https://xn--mnchen-3ya.de/": "https://xn--mnchen-3ya.de/",
    "https://straße.de/": "https://xn--strae-oqa.de/",
    "https://例え.テスト/": "https://xn--r8jz45g.xn--zckzah/",
    "https://r3---sn-a5m.googlevideo.com/x": "https://r3---sn-a5m.googlevideo.com/x",
    "https://1and1.co.uk/": "https://1and1.co.uk/",
    "https://4chan.org/": "https://4chan.org/",
    "https://mastodon.social/@ana.rss": "https://mastodon.social/@ana.rss",
    "https://example.org/caf\u00e9?q=\u00fc": "https://example.org/caf%C3%A9?q=%C3%BC",
    "https://hooks.slack.com/services/T00/B00/XXX": "https://hooks.slack.com/services/T00/B00/XXX",
    "https://example.org/a/../b//c;d=1?x=[1]|2": "https://example.org/a/../b//c;d=1?x=%5B1%5D%7C2",
    "https://93.184.216.34/feed": "https://93.184.216.34/feed",
    "https://[2606:2800:220:1::1]/feed": "https://[2606:2800:220:1::1]/feed",
    "https://example.org/?next=http://127.0.0.1/": "https://example.org/?next=http://127.0.0.1/",
}


@pytest.mark.parametrize(("typed", "canonical"), LEGITIMATE.items())
def test_an_ordinary_address_is_accepted_in_its_canonical_form(typed: str, canonical: str) -> None:
    assert check(typed, FEED, CLOSED).url == canonical


HOSTILE = {
    "odd numbers": [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://127.0.0.1./",
        "http://127.0.0.01/",
        "http://127.0.0.0x1/",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://93.184.216.999/",
        "http://example.123/",
        "http://0x/",
        "http://4294967296/",
        "http://99999999999999999999999999/",
        "http://127.0.0.1.0/",
    ],
    "private IPv4": [
        "http://127.0.0.1/",
        "http://127.255.255.254/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://192.0.0.192/",
        "http://192.0.2.1/",
        "http://198.18.0.1/",
        "http://203.0.113.9/",
        "http://224.0.0.1/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://192.88.99.1/",
    ],
    "private IPv6 and embeddings": [
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[::7f00:1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:c0a8:101::1]/",
        "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "http://[2606:2800:220:1:0:5efe:10.0.0.1]/",
        "http://[2606:2800:220:1:200:5efe:127.0.0.1]/",
        "http://[2001:db8::1]/",
        "http://[3fff::1]/",
        "http://[100::1]/",
        "http://[4000::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
    ],
    "zones and malformed brackets": [
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[2606:2800:220:1::1%1]/",
        "http://[::1]x/",
        "http://[::1",
        "http://::1/",
        "http://[]/",
        "http://[v1.x]/",
        "http://[127.0.0.1]/",
        "http://[example.org]/",
        "http://[[::1]]/",
        "http://x[::1]/",
    ],
    "names of the inside": [
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://localhost.localdomain/",
        "http://a.localhost/",
        "http://printer/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://router.lan/",
        "http://nas.home/",
        "http://x.home.arpa/",
        "http://wiki.corp/",
        "http://kubernetes.default.svc/",
        "http://db.default.svc.cluster.local/",
        "http://x.intranet/",
        "http://abcdef.onion/",
        "http://1.0.0.127.in-addr.arpa/",
    ],
    "user information": [
        "http://user@example.org/",
        "http://user:pass@example.org/",
        "http://@example.org/",
        "http://:@example.org/",
        "http://example.org@127.0.0.1/",
        "http://example.org:80@127.0.0.1/",
        "http://127.0.0.1:80@example.org/",
        "http://a@b@example.org/",
    ],
    "characters": [
        "http://example.org\r\n/",
        "http://example.org/\r\nHost: inside",
        "http://example.org/\nX: y",
        "http://example.org/\t",
        "http://exa\tmple.org/",
        "http://example.org/a b",
        "http://exam ple.org/",
        "http://example.org/\x00",
        "http://example.org\x00.internal/",
        "http://example.org/\x7f",
        "http://example.org/\x85",
        "http://example.org/\u2028",
        "http://example.org/\u00a0",
        "http://example.org/\ud800",
        "http://example.org\\@127.0.0.1/",
        "http:\\\\example.org/",
        "http://example.org\\.internal/",
        "\nhttp://example.org/",
        "http://example.org/\n",
        "\u00a0http://example.org/",
    ],
    "IDN tricks": [
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://127．0．0．1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://ⓔⓧⓐⓜⓟⓛⓔ.org/",
        "http://ⓛocalhost/",
        "http://local\u00adhost/",
        "http://exam\u200bple.org/",
        "http://exam\u202eple.org/",
        "http://example.org\u2024internal/",
        "http://example\u2488com/",
        "http://℀.example.org/",
        "http://example.com／.internal/",
        "http://example.com＃@internal/",
        "http://xn--a/",
        "http://xn--a.org/",
        "http://xn--.org/",
        "http://xn--example-.org/",
        "http://xn--localhost-4za.xn--/",
        "http://faceboo\u212a.com/",
        "http://☃.net/",
        "http://١٢٧.٠.٠.١/",
    ],
    "percent in the host": [
        "http://%31%32%37.0.0.1/",
        "http://example%2eorg/",
        "http://example.org%00.internal/",
        "http://example.org%2f@internal/",
        "http://localhost%2e/",
        "http://example%25.org/",
    ],
    "names that are none": [
        "http:///",
        "http://",
        "http://./",
        "http://../",
        "http://example..org/",
        "http://.example.org/",
        "http://example.org../",
        "http://-example.org/",
        "http://example-.org/",
        "http://exam_ple.org/",
        "http://exam!ple.org/",
        "http://exam$(id).org/",
        "http://*.example.org/",
        "http://" + "a" * 64 + ".org/",
        "http://" + "a." * 127 + "org/",
        "http://example.org;evil/",
        "http://example.org,evil.org/",
    ],
    "ports": [
        "http://example.org:22/",
        "http://example.org:25/",
        "http://example.org:6379/",
        "http://example.org:0/",
        "http://example.org:/",
        "http://example.org:65536/",
        "http://example.org:99999999/",
        "http://example.org:-80/",
        "http://example.org:+80/",
        "http://example.org:080/",
        "http://example.org:80:80/",
        "http://example.org:８０/",
        "http://example.org:80a/",
        "http://example.org: 80/",
    ],
    "schemes and shapes": [
        "",
        " ",
        "example.org",
        "example.org/feed",
        "//example.org/",
        "http:example.org",
        "http:/example.org/",
        "http//example.org/",
        "://example.org/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org:70/_x",
        "dict://example.org:2628/",
        "data:text/html,x",
        "javascript:alert(1)",
        "jar:http://example.org/!/",
        "feed://example.org/",
        "ws://example.org/",
        "unix:///var/run/docker.sock",
        "ldap://example.org/",
        "mailto:ana@example.org",
        "http+unix://%2fvar%2frun%2fdocker.sock/",
        "view-source:http://example.org/",
        "hTTp:/\u200b/example.org/",
        "ｈttp://example.org/",
        "https://example.org/" + "a" * MAX_URL_LENGTH,
        "https://example.org/" + "é" * 700,
    ],
}


@pytest.mark.parametrize("url", [url for urls in HOSTILE.values() for url in urls])
def test_a_hostile_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check(url, FEED, CLOSED)
    (sentence,) = refusal.value.problems.values()
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert len(sentence) < 140


def test_there_are_more_than_two_hundred_hostile_cases(request: pytest.FixtureRequest) -> None:
    counts = Counter(addresses=sum(map(len, HOSTILE.values())), kinds=len(HOSTILE))
    request.config.stash[TALLIES].append(("hostile addresses", counts))
    assert counts["addresses"] > 200


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("http://example.org/hook", "https://"),
        ("https://example.org:22/", "80, 443, 8080, 8443"),
        ("https://ana@example.org/", "@"),
        ("https://2130706433/", "write a name"),
        ("https://10.0.0.1/", "public"),
        ("https://printer.local/", "public"),
        ("https://exa mple.org/", "space"),
        ("example.org", "https://"),
        ("https://[fe80::1%25eth0]/", "zone"),
    ],
)
def test_a_refusal_names_the_fix(url: str, fix: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check(url, WEBHOOK, CLOSED)
    assert fix in refusal.value.problems["url"]


def test_the_sentence_is_filed_under_the_field_that_was_asked_for() -> None:
    with pytest.raises(BadInput) as refusal:
        check("x", WEBHOOK, CLOSED, field="webhook/url")
    assert set(refusal.value.problems) == {"webhook/url"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/hook", "http://127.9.9.9/", "http://10.1.2.3:5000/", "https://127.0.0.1:12345/"]
)
def test_an_allowed_private_literal_may_be_plain_http_on_any_port(url: str) -> None:
    assert check(url, WEBHOOK, LOOPBACK_ALLOWED).private_only


def test_a_local_name_may_be_used_where_private_networks_are_allowed_and_must_stay_in_them() -> None:
    assert check("http://localhost:9000/hook", WEBHOOK, LOOPBACK_ALLOWED).private_only
    assert check("http://crm.internal:9000/hook", WEBHOOK, LOOPBACK_ALLOWED).private_only
    assert check("http://crm:9000/hook", WEBHOOK, LOOPBACK_ALLOWED).private_only
    with pytest.raises(BadInput):
        check("http://localhost/", FEED, Gate((ip_network("10.0.0.0/8"),)))


@pytest.mark.parametrize(
    "url",
    [
        "http://10.2.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://user@127.0.0.1/",
        "http://127.1/",
        "http://example.org/hook",
        "https://example.org:9000/hook",
        "http://93.184.216.34:9000/",
    ],
)
def test_allowing_one_network_opens_no_other_door(url: str) -> None:
    with pytest.raises(BadInput):
        check(url, WEBHOOK, LOOPBACK_ALLOWED)


@given(st.text(max_size=60) | st.text(alphabet="htps:/.@[]%0x127ab\\#?é。 ", max_size=40).map("http://".__add__))
@example("HTTP://0.À")
def test_any_text_gives_an_address_or_a_sentence(text: str) -> None:
    try:
        address = check(text, FEED, CLOSED)
    except BadInput:
        return
    assert address.url.isascii()
    assert URL(address.url, encoded=True).raw_host == address.host, "aiohttp must see the host that was checked"
    assert check(address.url, FEED, CLOSED) == address
