"""Build the `manual-pages` multi-label data set: which other pages does a manual page send you to?

A row is a manual page of one of the packages below. Its features are the words of its text, its
labels the pages under SEE ALSO: references like open(2), and names of pages that are no words of a
sentence, like Net::DNS or SoNode. That section is cut out, and so are all such references in the
rest, so that no label reaches the features, and what stands up to the title line. Of long pages
the first 1,000 words count.

Files are as those of the other text set: train.txt.gz and test.txt.gz in the format of the Extreme
Classification Repository, the names of labels and features line by line; train.tsv and test.tsv
hold the same rows as text, a tab, and the names of the labels. Words and labels are kept if at
least two training rows have them; words are lower-case runs of letters and digits, weighted by
count x (ln((1 + n) / (1 + df)) + 1), rows scaled to unit length. Rows whose crc32 of the name
leaves 0 when divided by 10 are the test set, and rows are in the order of that hash.

    apt-get update
    python benchmarks/manual_pages.py OUT

downloads the packages (about 220 MB) with apt-get to a folder that is gone at the end, or takes
them from --debs FOLDER, and unpacks them with dpkg-deb; nothing is installed. The versions are
those of Debian 12 "bookworm" in November 2026; others give slightly different counts. Each page has
the licence of its package, so the result is to be built, not shared.
"""

from __future__ import annotations

import argparse
import gzip
import math
import re
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PACKAGES = """
9base=1:6-13 allegro4-doc=2:4.4.3.1-3 allegro5-doc=2:5.2.8.0+dfsg-1 apt=2.6.2 auditd=1:3.0.9-1
babeltrace2=2.0.4-1+b6 bind9=1:9.18.49-1~deb12u3 binutils-common=2.40-2 bioperl=1.7.8-1
blt-dev=2.5.3+dfsg-4.1 bluez=5.66-1+deb12u2 bpfcc-tools=0.26.0+ds-1 bpftool=7.1.0+6.1.192-2
bpftrace=0.17.0-1 bsdgames=2.17-29+b1 btrfs-progs=6.2-1+deb12u2 cargo=0.66.0+ds1-1
cmake-data=3.25.1-1 coreutils=9.1-1 corosync=3.1.7-1+deb12u2 courier-mta=1.0.16-3+b6
cups-client=2.4.2-3+deb12u9 daemontools=1:0.76-8.1 debhelper=13.11.4 devscripts=2.23.4+deb12u2
dovecot-core=1:2.3.19.1+dfsg1-2.1+deb12u7 dpkg=1.21.23 dpkg-dev=1.21.23 drbd-utils=9.22.0-1
e2fsprogs=1.47.0-2+b2 emboss=6.6.0+dfsg-12 erlang-manpages=1:25.2.3+dfsg-1+deb12u4
exim4-base=4.96-15+deb12u10 expect=5.45.4-2+b1 ffmpeg=7:5.1.9-0+deb12u1 fp-utils-3.2.2=3.2.2+dfsg-20
freebsd-manpages=12.2-1 freeipmi-tools=1.6.10-1+b1 freeradius-common=3.2.1+dfsg-4+deb12u1
frr=8.4.4-1.1~deb12u2 gdal-bin=3.6.2+dfsg-1+b2 git-extras=6.5.0-1 git-man=1:2.39.5-0+deb12u3
gnutls-doc=3.7.9-2+deb12u7 golang-go=2:1.19~1 graphviz=2.42.2-7+deb12u1
gridengine-client=8.1.9+dfsg-10+b1 gridengine-common=8.1.9+dfsg-10 groff=1.22.4-10
guestfs-tools=1.48.2-1+deb12u1 heimdal-dev=7.8.git20221117.28daf24+dfsg-2 hmmer=3.3.2+dfsg-1
hylafax-client=3:6.0.7-5 hylafax-server=3:6.0.7-5 imagemagick-6.q16=8:6.9.11.60+dfsg-1.6+deb12u15
infiniband-diags=44.0-2 inn2=2.7.1-1+deb12u1 inventor-doc=2.1.5-10+dfsg-2 iproute2=6.1.0-3
iptables=1.8.9-2 itcl3-doc=3.4.4-2 iwidgets4-doc=4.1.1-2.1 ldnsutils=1.8.3-1+b1 libaa1-dev=1.4p5-50
libacl1-dev=2.3.1-3 libaio-dev=0.3.113-4 libanyevent-perl=7.170-2+b3 libarchive-dev=3.6.2-1+deb12u5
libaudit-dev=1:3.0.9-1 libbio-perl-perl=1.7.8-1 libbsd-dev=0.11.7-2 libc-ares-dev=1.18.1-3
libcaca-dev=0.99.beta20-3+deb12u1 libcatalyst-perl=5.90130-1 libcdk5-dev=5.0.20180306-3
libcpg-dev=3.1.7-1+deb12u2 libcurl4-doc=7.88.1-10+deb12u15 libczmq-dev=4.2.1-1
libdancer-perl=1.3521+dfsg-1 libdancer2-perl=0.400001+dfsg-1 libdbi-perl=1.643-4+deb12u3
libdbix-class-perl=0.082843-1 libdevel-cover-perl=1.38-1+b1 libexcel-writer-xlsx-perl=1.10-1
libfabric-dev=1.17.0-3 libgetdns-dev=1.6.0-3+b1 libgle3-dev=3.1.0-10 libgsasl-dev=2.2.0-1+deb12u2
libhwloc-doc=2.9.0-1 libibumad-dev=44.0-2 libibverbs-dev=44.0-2 libidn-dev=1.41-1
libimager-perl=1.019+dfsg-1+b2 libkeyutils-dev=1.6.3-2 liblapack-doc=3.11.0-2
libldap-dev=2.5.13+dfsg-5 libldns-dev=1.8.3-1+b1 libmessage-passing-perl=0.117-1
libmime-tools-perl=5.510-1 libmodbus-dev=3.1.6-2.1+deb12u1 libmodule-build-perl=0.423200-1
libmojolicious-perl=9.31+dfsg-1 libmoose-perl=2.2203-1 libmotif-dev=2.3.8-3
libnet-dns-perl=1.36-1+deb12u1 libnet-ldap-perl=1:0.6800+dfsg-1 libnvme-dev=1.3-1+deb12u1
libpapi-dev=7.0.0-2 libpcp3-dev=6.0.3-1.1 libpcre2-dev=10.42-1+deb12u2 libpcre3-dev=2:8.39-15
libperl-critic-perl=1.148-1 libplack-perl=1.0050-1 libpoe-perl=2:1.3700-1 libppi-perl=1.276-1
libqb-dev=2.0.6-2 librdmacm-dev=44.0-2 libreswan=4.10-2+deb12u1 librose-db-object-perl=1:0.820-2
libsdl-perl=2.548-3+b1 libseccomp-dev=2.5.4-1+deb12u1 libselinux1-dev=3.4-1+b6
libsemanage-dev=3.4-1+b5 libsnmp-dev=5.9.3+dfsg-2+deb12u1 libspreadsheet-writeexcel-perl=2.40-4
libssh2-1-dev=1.10.0-3+deb12u1 libssl-doc=3.0.22-1~deb12u2 libtemplate-perl=2.27-1+b5
libtest-simple-perl=1.302192-1 libtest2-suite-perl=0.000145-1 libtiff-dev=4.5.0-6+deb12u4
libtk-img-doc=1:1.4.14+dfsg-2 libtraceevent-doc=1:1.7.1-1 libtracefs-doc=1.6.4-1 liburing-dev=2.3-3
libvirt-clients=9.0.0-4+deb12u2 libwww-perl=6.68-1 libwx-perl=1:0.9932-8+b1
libx11-doc=2:1.8.4-2+deb12u2 libxml-libxml-perl=2.0207+dfsg+really+2.0134-1+deb12u1
libzmq3-dev=4.3.4-6 linux-perf=6.1.192-2 lttng-tools=2.13.9-1+deb12u1 lvm2=2.03.16-2
maildrop=2.9.3-2.1 manpages=6.03-2 manpages-dev=6.03-2 mariadb-client=1:10.11.19-0+deb12u1
mariadb-server=1:10.11.19-0+deb12u1 mpich-doc=4.0.2-3 mtools=4.0.33-1+really4.0.32-1
multipath-tools=0.9.4-3+deb12u2 munin-doc=2.0.73-1 ncbi-tools-bin=6.1.20170106+dfsg1-10
ncurses-doc=6.4-4 netpbm=2:11.01.00-2 network-manager=1.42.4-1+deb12u1 nfs-common=1:2.6.2-4+deb12u1
nmh=1.8~RC2-2 npm=9.2.0~ds1-1 nvme-cli=2.4+really2.3-3 ocaml-man=4.13.1-4
openafs-client=1.8.9-1+deb12u1 openafs-fileserver=1.8.9-1+deb12u1 openbabel=3.1.1+dfsg-9+b3
openipmi=2.0.33-1+b1 openmpi-doc=4.1.4-3 opensc=0.23.0-0.3+deb12u2 openssh-client=1:9.2p1-2+deb12u10
openssl=3.0.22-1~deb12u2 openvswitch-common=3.1.0-2+deb12u1 ovn-common=23.03.1-1~deb12u2
pacemaker-cli-utils=2.1.5-1+deb12u1 papi-tools=7.0.0-2 passwd=1:4.13+dfsg1-1+deb12u2 pcp=6.0.3-1.1
pdl=1:2.081-2 pdns-tools=4.7.3-2 perl-doc=5.36.0-7+deb12u4 plplot-doc=5.15.0+dfsg2-6
policycoreutils=3.4-1 postfix=3.7.11-0+deb12u1 procps=2:4.0.2-3 quota=4.06-1+b2 rdmacm-utils=44.0-2
rrdtool=1.7.2-4+b8 rss-glx=0.9.1-6.4~deb12u1 runit=2.1.2-54 samba=2:4.17.12+dfsg-0+deb12u4
samba-common-bin=2:4.17.12+dfsg-0+deb12u4 samtools=1.16.1-1 selinux-utils=3.4-1+b6
slapd=2.5.13+dfsg-5 sleuthkit=4.11.1+dfsg-1+b1 slurm-client=22.05.8-4+deb12u3
smbclient=2:4.17.12+dfsg-0+deb12u4 snmp=5.9.3+dfsg-2+deb12u1 spamassassin=4.0.1-1~deb12u1
systemd=252.39-1~deb12u2 tcl-itcl4-doc=4.2.3-1 tcl8.6-doc=8.6.13+dfsg-2 tcllib=1.21+dfsg-1
tix-dev=8.4.3-11 tk8.6-doc=8.6.13-2 tklib=0.8~20230222-1 trace-cmd=3.1.6-1 ucspi-tcp=1:0.88-7
util-linux=2.38.1-5+deb12u3 wireshark-common=4.0.17-0+deb12u3 x11-apps=7.7+9 x11-utils=7.7+5
x11-xserver-utils=7.7+9+b1 xfsprogs=6.1.0-1 xscreensaver-data=6.06+dfsg1-3+deb12u1
xscreensaver-data-extra=6.06+dfsg1-3+deb12u1 xscreensaver-gl-extra=6.06+dfsg1-3+deb12u1
zsh-common=5.9-4
"""

WORD = re.compile(r"[^\W_]+")
N_WORDS = 1000
PAGE = re.compile(r"\./usr/share/man/man(\w)/([^/]+)\.\1\w*\.gz")
TITLE = re.compile(r"^[.'](?:TH|Dt)\b.*$", re.MULTILINE)
SECTION = re.compile(r"^[.'] *S[Hh] +(.*)$", re.MULTILINE)
CROSS = re.compile(r"^\.Xr (\S+) ([1-9nl])\w*", re.MULTILINE)  # mdoc's way to refer to a page
REFERENCE = re.compile(r"([A-Za-z_][\w.:+-]*)\s?\(([1-9nl])\w*\)")
IDENTIFIER = re.compile(r"\w*(?:_|::|[A-Z])[\w:]*\w")  # no word of a sentence, unless it starts one
DEFINITION = re.compile(r"^\.(?:de|ig)\b.*?^\.\.$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^[.'] *(?:\\\"|(?:if|ie|el|ds|nr|so|tr|rm|ne|sp|ta|in|ft|ad|hy|na|nh|UR|UE|Os|Dd|Rs|Re|IX)\b)"
    r".*$"
    r"|^[.'] *[A-Za-z]{1,3}\b",  # of other requests, what follows is text
    re.MULTILINE,
)
ESCAPE = re.compile(
    r"\\[fF*n](?:\[[^]]*\]|\(..|.)|\\s[+-]?\d|\\\[[^]]*\]|\\\(..|\\[hvwblLDoXZ]'[^']*'"
    r"|\\[&|^%/,:)~0 ]"
)


@dataclass(frozen=True, kw_only=True)
class Page:
    name: str
    text: str
    others: list[str]  # pages that it sends you to, each once

    @property
    def hash(self) -> int:
        return zlib.crc32(self.name.encode())

    @property
    def words(self) -> Counter[str]:
        return Counter(WORD.findall(self.text.lower()))


def packages() -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in PACKAGES.split())


def download(folder: Path) -> None:
    names = list(packages())
    subprocess.run(["apt-get", "download", "-q", *names], cwd=folder, check=True, stdout=sys.stderr)


def read_pages(debs: Path) -> dict[str, bytes]:
    """Return the source of every page by its name, as in open(2); the first package has it."""
    pages: dict[str, bytes] = {}
    for deb in sorted(debs.glob("*.deb")):
        name, version = deb.name.split("_")[:2]
        known = packages().get(name)
        if known is None:
            continue
        if known != version.replace("%3a", ":"):
            print(f"{name} is {version}, not {known}: expect other counts", file=sys.stderr)
        unpacked = ["dpkg-deb", "--fsys-tarfile", str(deb)]
        with (
            subprocess.Popen(unpacked, stdout=subprocess.PIPE) as process,
            tarfile.open(fileobj=process.stdout, mode="r|") as files,
        ):
            for file in files:
                found = PAGE.fullmatch(file.name)
                if found and file.isfile():
                    content = files.extractfile(file)
                    assert content is not None
                    pages.setdefault(f"{found[2]}({found[1]})", gzip.decompress(content.read()))
    return pages


def plain(roff: str) -> str:
    """Return the text of roff source, near enough to count words and find references."""
    text = DEFINITION.sub(" ", roff.replace("\\-", "-").replace("\\e", "\\\\"))
    text = ESCAPE.sub("", COMMAND.sub(" ", CROSS.sub(r"\1(\2)", text)))
    return " ".join(text.replace('"', " ").replace("\0", " ").split())


def sections(source: bytes) -> list[tuple[str, str]]:
    """Return title and text of each section; of what is no page, such as a link, nothing."""
    roff = source.decode("utf-8", "replace")
    title = TITLE.search(roff)
    _, *parts = SECTION.split(roff[title.end() :]) if title else [""]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [(plain(head).upper(), plain(body)) for head, body in pairs]


class Parser:
    """Makes pages; `names` are those of all of them, by which identifiers are references."""

    def __init__(self, names: Iterable[str]) -> None:
        self.by_identifier = {name[:-3]: name for name in sorted(names, reverse=True)}

    def parse(self, name: str, source: bytes) -> Page:
        others: dict[str, None] = {}
        words: list[str] = []
        for title, text in sections(source):
            if title.startswith("SEE ALSO"):
                others |= dict.fromkeys(self.references(text))
            else:
                words += self.hidden(name, text).split()
        others.pop(name, None)
        return Page(name=name, text=" ".join(words[:N_WORDS]), others=list(others))

    def references(self, text: str) -> list[str]:
        """Return what text refers to: open(2), and identifiers that are the names of pages."""
        plain = [f"{page}({number})" for page, number in REFERENCE.findall(text)]
        bare = IDENTIFIER.findall(REFERENCE.sub(" ", text))
        return plain + [self.by_identifier[word] for word in bare if word in self.by_identifier]

    def hidden(self, name: str, text: str) -> str:
        """Return text without references, but for its page's own name."""

        def keep(found: re.Match[str]) -> str:
            return " " if self.by_identifier.get(found[0], name) != name else found[0]

        return IDENTIFIER.sub(keep, REFERENCE.sub(" ", text))


def common(counted: Iterable[Iterable[str]]) -> tuple[list[str], Counter[str]]:
    """Return what occurs in at least two of the collections, sorted, and all the counts."""
    counts = Counter(item for items in counted for item in items)
    return sorted(item for item, count in counts.items() if count >= 2), counts


def tf_idf(words: Counter[str], idf: dict[str, float]) -> dict[str, float]:
    weights = {word: count * idf[word] for word, count in words.items() if word in idf}
    norm = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {word: weight / norm for word, weight in weights.items()}


def write_lines(path: Path, lines: Iterable[str]) -> None:
    text = "".join(line + "\n" for line in lines).encode()
    # No time stamp and no name in the header: the same text gives the same file.
    path.write_bytes(gzip.compress(text, 9, mtime=0) if path.suffix == ".gz" else text)


def write(out: Path, pages: list[Page]) -> None:
    pages = sorted(pages, key=lambda page: (page.hash, page.name))
    parts = {
        "train": [page for page in pages if page.hash % 10],
        "test": [page for page in pages if page.hash % 10 == 0],
    }
    # Labels first: a row none of whose labels is kept does not count for the words either.
    labels, _ = common(page.others for page in parts["train"])
    label_id = {label: i for i, label in enumerate(labels)}
    for part, rows in parts.items():
        parts[part] = [page for page in rows if label_id.keys() & set(page.others)]
    words, counts = common(page.words for page in parts["train"])
    word_id = {word: i for i, word in enumerate(words)}
    n_train = len(parts["train"])
    idf = {word: math.log((1 + n_train) / (1 + counts[word])) + 1 for word in words}

    def known(page: Page) -> list[str]:
        return sorted(label for label in page.others if label in label_id)

    def row(page: Page) -> str:
        ids = ",".join(str(label_id[label]) for label in known(page))
        pairs = sorted((word_id[word], w) for word, w in tf_idf(page.words, idf).items())
        return " ".join([ids, *(f"{i}:{w:.4g}" for i, w in pairs)])

    out.mkdir(parents=True, exist_ok=True)
    for part, rows in parts.items():
        header = f"{len(rows)} {len(words)} {len(labels)}"
        write_lines(out / f"{part}.txt.gz", [header, *map(row, rows)])
        write_lines(out / f"{part}.tsv", (f"{page.text}\t{','.join(known(page))}" for page in rows))
        print(part, header)
    write_lines(out / "features.txt.gz", words)
    write_lines(out / "labels.txt.gz", labels)


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("out", type=Path, help="folder for the files")
    arguments.add_argument("--debs", type=Path, help="packages that were downloaded before")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        debs = options.debs or Path(folder)
        if options.debs is None:
            download(debs)
        sources = read_pages(debs)
    parser = Parser(sources)
    pages = [parser.parse(name, source) for name, source in sources.items()]
    write(options.out, [page for page in pages if page.text])


if __name__ == "__main__":
    main()
