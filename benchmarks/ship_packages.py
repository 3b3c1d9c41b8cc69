"""Makes the files that `ff.datasets.packages` reads: summaries of Debian packages, and their tags.

    lz4 -dc /var/lib/apt/lists/*_main_binary-amd64_Packages.lz4 > packages.txt
    python benchmarks/ship_packages.py packages.txt src/fewfire/data/shipped

A line is the name of a package, its summary, a tab, and its debtags with commas between them.
Packages with three tags or more, 8,000 of them by the hash of their names; tags of 40 of these or
more. The last 1,000 are the test set.
"""

from __future__ import annotations

import argparse
import gzip
import zlib
from collections import Counter
from pathlib import Path

from package_sets import stanzas, tags

N_PACKAGES, N_TEST, FEWEST_TAGS, FEWEST_PACKAGES = 8000, 1000, 3, 40


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("index", type=Path, help="the package index, unpacked")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    found = sorted(
        (zlib.crc32(fields["Package"].encode()), fields["Package"], text, tags(fields))
        for fields in stanzas(options.index)
        if (text := fields.get("Description", "")) and len(tags(fields)) >= FEWEST_TAGS
    )[:N_PACKAGES]
    counts = Counter(tag for *_, own in found for tag in own)
    lines = []
    for _, name, text, own in found:
        kept = [tag for tag in own if counts[tag] >= FEWEST_PACKAGES]
        if kept:
            lines.append(f"{name} {' '.join(text.split())}\t{','.join(kept)}\n")
    options.folder.mkdir(exist_ok=True)
    for name, part in (("train", lines[:-N_TEST]), ("test", lines[-N_TEST:])):
        packed = gzip.compress("".join(part).encode(), mtime=0)
        (options.folder / f"packages-{name}.tsv.gz").write_bytes(packed)
        print(f"{name}: {len(part):,} packages, {len(packed):,} bytes")


if __name__ == "__main__":
    main()
