"""Random Corefiles: built from the grammar, most of them accepted, and broken ones."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

ZONES = (".", "example.org", "a.example.org.", "10.0.0.0/8", "10.0.0.0/15", "fd00::/61", "cluster.local", "Example.NET")
ADDRESSES = ("8.8.8.8", "127.0.0.1", "1.1.1.1:5353", "[2001:db8::1]:53", "tls://9.9.9.9", "::1", "/etc/resolv.conf")
NETWORKS = ("10.0.0.0/8", "192.168.1.7", "2001:db8::/32", "*")
DURATIONS = ("5s", "5s", "1m", "1h30m", "300ms", "10")
NUMBERS = ("1", "30", "30", "512", "4096", "0", "-1")

# Each line is one way to write a plugin; words in capitals stand for a random value, {...} for random lines of a block.
PLUGINS: dict[str, tuple[str, Sequence[str]]] = {
    "acl": ("ZONE", ("allow net NETWORK", "block type A AAAA net NETWORK", "filter", "drop type ANY net NETWORK")),
    "any": ("", ()),
    "autopath": ("@kubernetes", ()),
    "bind": ("127.0.0.1", ("except ::1",)),
    "bufsize": ("1232", ()),
    "cache": (
        "NUMBER ZONE",
        (
            "success NUMBER NUMBER",
            "denial 100 60 5",
            "prefetch 10 1m 20%",
            "serve_stale 1h verify",
            "servfail DURATION",
            "disable denial ZONE",
            "keepttl",
        ),
    ),
    "cancel": ("DURATION", ()),
    "chaos": ("CoreDNS me", ()),
    "debug": ("", ()),
    "dns64": ("64:ff9b::/96", ("translate_all", "prefix 64:ff9b::/96", "allow_ipv4")),
    "dnstap": ("/tmp/dnstap.sock full", ("identity me", "version 1")),
    "erratic": ("", ("drop 3", "delay 2 10ms", "truncate", "large")),
    "errors": ("", ('consolidate 5m ".* i/o timeout$" warning', "stacktrace", "consolidate 30s ^Failed")),
    "etcd": ("ZONE", ("path /skydns", "endpoint http://localhost:2379", "fallthrough ZONE", "credentials a b")),
    "file": ("missing.db ZONE", ("reload DURATION", "fallthrough", "upstream")),
    "forward": (
        "ZONE ADDRESS ADDRESS",
        (
            "except ZONE ZONE",
            "policy round_robin",
            "max_fails 3",
            "health_check DURATION no_rec domain a.org",
            "expire 5s",
            "force_tcp",
            "prefer_udp",
            "tls_servername dns.quad9.net",
            "max_concurrent 1000",
            "next NXDOMAIN",
            "failover SERVFAIL REFUSED",
        ),
    ),
    "grpc": ("ZONE 127.0.0.1:9005", ("except ZONE", "policy random", "tls_servername a")),
    "header": ("", ("response set ra aa", "response clear rd", "query set rd")),
    "health": (":8091", ("lameduck DURATION",)),
    "hosts": ("", ("10.0.0.1 a.example.org b", "::1 lo", "ttl 30", "no_reverse", "reload 1m", "fallthrough ZONE")),
    "kubernetes": (
        "cluster.local ZONE",
        (
            "endpoint http://127.0.0.1:8080",
            "namespaces a b",
            "labels a=b,c in (d,e),!f",
            "pods verified",
            "endpoint_pod_names",
            "ttl NUMBER",
            "noendpoints",
            "ignore empty_service",
            "fallthrough in-addr.arpa ip6.arpa",
        ),
    ),
    "loadbalance": ("round_robin", ("prefer 10.0.0.0/8",)),
    "local": ("", ()),
    "log": ("ZONE", ("class denial error", "class all")),
    "loop": ("", ()),
    "metadata": ("ZONE", ()),
    "minimal": ("", ()),
    "multisocket": ("2", ()),
    "nomad": ("", ("address http://127.0.0.1:4646", "ttl 10", "token x")),
    "nsid": ("me", ()),
    "pprof": (":6053", ("block",)),
    "prometheus": (":9253", ()),
    "ready": (":8281", ()),
    "reload": ("10s 5s", ()),
    "rewrite": (
        "name regex REGEXP REPLACEMENT",
        ("name exact a.org b.org", "type A AAAA", "ttl regex REGEXP 5-30", "edns0 local set 0xffee x"),
    ),
    "root": (".", ()),
    "secondary": ("ZONE", ("transfer from 10.0.0.1",)),
    "template": (
        "IN A ZONE",
        (
            "match REGEXP",
            'answer "{{ .Name }} 60 IN A {{ index .Match 1 }}"',
            "rcode NXDOMAIN",
            "fallthrough ZONE",
            "ederror 21 blocked",
            'authority "{{ .Zone }} 60 IN SOA ns.{{ .Zone }} h.{{ .Zone }} (1 60 60 60 60)"',
        ),
    ),
    "timeouts": ("", ("read 5s", "write DURATION", "idle 1m")),
    "trace": ("zipkin localhost:9411", ("every 10", "service me", "client_server")),
    "transfer": ("ZONE", ("to *", "to 10.0.0.1 10.0.0.2:5353")),
    "tsig": ("ZONE", ("secret a.key. NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=", "require all")),
    "view": ("inner", ("expr incidr(client_ip(), '10.0.0.0/8')", "expr type() == 'A' && port() == '53'")),
    "whoami": ("", ()),
}
NEED_ARGUMENTS = frozenset({"autopath", "bind", "dnstap", "file", "forward", "grpc", "rewrite", "root", "template"})
REGEXPS = (r"^(\w+)\.example\.org\.$", "(.*)", "[a-z]{2,4}[.]", r"(?i)\bfoo|bar\b", "a**", "(")
REPLACEMENTS = ("{1}.example.net", "b.org", "b.org answer auto")


def corefile(random: Random) -> str:
    """A Corefile by the grammar: snippets, server blocks, comments, any white space that may stand between words."""
    snippets = [f"snippet{number}" for number in range(random.choice((0, 0, 1, 2)))]
    parts = [_snippet(random, name) for name in snippets]
    ports = random.sample(range(1024, 1100), 4)
    parts += [_block(random, ports, snippets) for _ in range(random.choice((1, 1, 2, 3)))]
    return _gap(random).join(parts) + random.choice(("", "\n", "\n\n# end"))


def _snippet(random: Random, name: str) -> str:
    return f"({name}) {{{_end(random)}{_directives(random, (), 2)}}}\n"


def _block(random: Random, ports: list[int], snippets: Sequence[str]) -> str:
    keys = []
    for zone in random.sample(ZONES, random.choice((1, 1, 2))):
        scheme = random.choice(("", "", "", "dns://"))
        keys.append(f"{scheme}{zone}:{random.choice(ports)}")
    separator = random.choice((" ", ", ", ",\n  "))
    return f"{separator.join(keys)} {{{_end(random)}{_directives(random, snippets, 6)}}}\n"


def _directives(random: Random, snippets: Sequence[str], most: int) -> str:
    names = random.sample(sorted(PLUGINS), random.randint(0, most))
    lines = [_directive(random, name) for name in names]
    if snippets and random.random() < 0.4:
        lines.insert(random.randint(0, len(lines)), f"import {random.choice(snippets)}{_end(random)}")
    return "".join(_indent(random) + line for line in lines)


def _directive(random: Random, name: str) -> str:
    arguments, options = PLUGINS[name]
    words = [name, *(arguments.split() if random.random() < 0.7 or name in NEED_ARGUMENTS else ())]
    line = _fill(random, " ".join(words))
    chosen = random.sample(options, random.randint(0, min(3, len(options)))) if random.random() < 0.6 else []
    if not chosen:
        return f"{line}{_end(random)}"
    body = "".join(f"{_indent(random)}{_fill(random, option)}{_end(random)}" for option in chosen)
    return f"{line} {{{_end(random)}{body}{_indent(random)}}}{_end(random)}"


def _fill(random: Random, text: str) -> str:
    values = {
        "ZONE": ZONES,
        "ADDRESS": ADDRESSES,
        "NETWORK": NETWORKS,
        "DURATION": DURATIONS,
        "NUMBER": NUMBERS,
        "REGEXP": REGEXPS,
        "REPLACEMENT": REPLACEMENTS,
    }
    words = []
    for word in text.split(" "):
        word = random.choice(values.get(word, (word,)))
        if random.random() < 0.03 and '"' not in word:
            word = f'"{word}"'
        words.append(word)
    return random.choice((" ", " ", "\t", "  ", " \u00a0")).join(words)


def _end(random: Random) -> str:
    return random.choice(("\n",) * 12 + ("\n\n", "\n\n\n", " # why\n", "\r\n", "#glued\n", "\n   # own line\n"))


def _indent(random: Random) -> str:
    return random.choice(("    ", "\t", "", "  "))


def _gap(random: Random) -> str:
    return random.choice(("", "\n", "\n\n\n", "# between\n"))


_PIECES = (
    *(
        "{",
        "}",
        "{\n",
        "}\n",
        "\n",
        " ",
        '"',
        "#",
        "\\",
        "\r",
        ",",
        "(",
        ")",
        "/",
        "://",
        ".",
        "::",
        "0",
        "-1",
        "9" * 30,
    ),
    *(
        "import ",
        "import *.conf\n",
        "import Corefile\n",
        "{$X}",
        "{%X%}",
        "{$SELF}",
        "{$",
        "\ufeff",
        "\x00",
        "\U0001f600",
    ),
    *("fallthrough", '"a\nb"', "{{", "}}", "(?P<n>", "\ud7ff"),
)


def mutated(random: Random, text: str, others: Sequence[str]) -> str:
    """One to five small changes: pieces cut out, doubled, exchanged, inserted, and parts of other Corefiles."""
    for _ in range(random.randint(1, 5)):
        start = random.randint(0, len(text))
        end = min(len(text), start + random.choice((0, 1, 1, 2, 5, 30)))
        match random.randrange(6):
            case 0:
                text = text[:start] + text[end:]
            case 1 | 2:
                text = text[:start] + random.choice(_PIECES) + text[end:]
            case 3:
                text = text[:end] + text[start:end] + text[end:]
            case 4:
                other = random.choice(others)
                at = random.randint(0, len(other))
                text = text[:start] + other[at : at + 40] + text[start:]
            case 5:
                words = text.split(" ")
                first, second = random.randrange(len(words)), random.randrange(len(words))
                words[first], words[second] = words[second], words[first]
                text = " ".join(words)
    return text
