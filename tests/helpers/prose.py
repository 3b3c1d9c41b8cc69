"""Plain English, as a lint: `python tests/helpers/prose.py` prints the place of each breach.

In pages every sentence begins a line, no line is longer than 100 characters (tables, code and
links excepted), and no sentence has more than 25 words. Docstrings keep the same number of words;
there a colon or a semicolon ends a sentence, too. No phrase of `INSTEAD` is in pages, docstrings
and messages.
"""

import ast
import re
import sys

from structure import PYTHON, ROOT

LONGEST_LINE, MOST_WORDS = 100, 25

# A phrase that few readers know, or that programs and files do not do, and what to say.
IS_NO = r"(?:[a-z]+er|longer|more|less|better|worse|one|different|need|use)\b"
INSTEAD = {
    r"\b(?:anew|afresh)\b": "again",
    r"\b(?:tell|tells|told)\b(?!.{0,30}\bapart\b)": "say, show, decide, know",
    rf"(?<!there )(?<!has )\b(?:is|are|was|were) no (?!{IS_NO})[a-z]": "is not a, are not",
    r"\bof (?:before|then)\b": "earlier",
    r"\b(?:by lot|by custom)\b": "at random, usually",
    r"\bnot to be had\b": "not available",
    r"\bas ever\b": "as before",
    r"\b(?:hear|hears|heard)\b": "is called, is noticed",
    r"\bin the mean\b": "on average",
    r"\bwants\b": "needs",
    r"\bsome (?=ten\b|\d)": "about",
    r"\b(?:thereof|whereof|herein|hitherto|whilst)\b": "plain words",
}

# Ends with a full stop, and goes on.
SHORT = r"(?:\b(?:et al|e\.g|i\.e|vs|cf|Fig|Proc|resp|approx|St|Dr|[A-Z])|\bNo(?= \d))$"
ENDS = re.compile(r"[.!?][)\"'*”]*\s+(?=[(\[*_\"“]*[A-Z0-9])")


def pages():
    """Return the files whose prose is checked, those of results included."""
    outside = [ROOT / name for name in ("README.md", "CHANGELOG.md", "benchmarks/README.md")]
    return [*outside, *sorted((ROOT / "docs").rglob("*.md"))]


def plain(text):
    """Return the text with code, links and markup as words of the same number of lines."""

    def one(match):
        return "Xcode" + "\n" * match[0].count("\n")

    text = re.sub(r"(`+).+?\1", one, text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\((?:[^()]|\([^)]*\))*\)", r"\1", text)
    text = re.sub(r"<?https?://[^\s>]+>?", "link", text)
    return re.sub(r"^(\s*)(?:[-*+]|\d+\.)\s", r"\1", text)


def sentences(text):
    """Yield (offset, sentence) of a paragraph without markup.

    >>> [words for _, words in sentences("It is by Kull et al. (2017). So be it.")]
    ['It is by Kull et al. (2017).', 'So be it.']
    """
    begin = 0
    for end in ENDS.finditer(text):
        if re.search(SHORT, text[: end.start()]):
            continue
        yield begin, text[begin : end.end()].strip()
        begin = end.end()
    if text[begin:].strip():
        yield begin, text[begin:].strip()


def n_words(sentence):
    """Return how many words a sentence has; figures and signs are none.

    >>> n_words("It takes .951 s - 3 % less.")
    4
    """
    return sum(bool(re.search(r"[A-Za-z]", word)) for word in sentence.split())


def paragraphs(lines):
    """Yield (number of the first line, text) of what is prose in a page of Markdown."""
    fenced, begin, held = False, 0, []
    for number, line in enumerate([*lines, ""], 1):
        fence = line.lstrip().startswith(("```", "~~~"))
        fenced ^= fence
        indented = line.startswith("    ") and not held and not re.match(r"\s*([-*]|\d+\.)\s", line)
        is_prose = not (fence or fenced or indented or re.match(r"\s*(\||#|$|\(.+\)=$)", line))
        if held and (not is_prose or re.match(r"\s*(?:[-*+]|\d+\.)\s", line)):
            yield begin, "\n".join(held)
            held = []
        if is_prose:
            begin = begin if held else number
            held.append(line)


def length(line):
    """Return the characters of a line, without the addresses of its links."""
    return len(re.sub(r"\]\([^)]*\)|<?https?://\S+", "]", line))


def in_page(path):
    """Yield (line, reason) of each breach in a page."""
    lines = path.read_text().splitlines()
    for begin, text in paragraphs(lines):
        for number, line in enumerate(text.splitlines(), begin):
            if length(line) > LONGEST_LINE:
                yield number, f"{length(line)} characters, at most {LONGEST_LINE}"
        bare = plain(text)
        for offset, sentence in sentences(bare):
            number = begin + bare[:offset].count("\n")
            if bare[:offset].rpartition("\n")[2].strip():
                yield number, f"a sentence inside of a line: {sentence[:40]}..."
            yield from too_many_words(number, sentence)
        yield from phrases(begin, bare)


def too_many_words(number, sentence):
    if (n := n_words(sentence)) > MOST_WORDS:
        yield number, f"{n} words, at most {MOST_WORDS}: {' '.join(sentence.split())[:60]}..."


def phrases(begin, text):
    for phrase, instead in INSTEAD.items():
        for match in re.finditer(phrase, text, re.IGNORECASE):
            number = begin + text[: match.start()].count("\n")
            yield number, f"{' '.join(match[0].split())!r}: {instead}"


def of_docstring(text):
    """Yield (offset in lines, paragraph) of what is prose in a docstring of numpydoc."""
    lines = text.splitlines()
    example, begin, held, depth = False, 0, [], 0
    for number, line in enumerate([*lines, ""]):
        blank = not line.strip()
        example = not blank and (example or line.lstrip().startswith(">>>"))
        under = number + 1 < len(lines) and re.fullmatch(r"\s*-{3,}\s*", lines[number + 1])
        entry = re.match(r"\s*[\w*, ]+ : ", line)
        is_prose = not (blank or example or under or entry or re.fullmatch(r"\s*-{3,}\s*", line))
        now = len(line) - len(line.lstrip())
        item = re.match(r"\s*(?:[-*]|\d+\.)\s", line)
        if held and (not is_prose or item or (now != depth and number > 1)):
            yield begin, "\n".join(held)
            held = []
        if is_prose:
            begin, depth = (begin, depth) if held else (number, now)
            depth = now if number > 0 else depth
            held.append(line)


def in_module(path):
    """Yield (line, reason) of each breach in docstrings and messages of a module."""
    tree = ast.parse(path.read_text())
    docs = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docs.add(id(value))
                for offset, text in of_docstring(value.value):
                    begin = value.lineno + offset
                    bare = plain(text)
                    for at, sentence in sentences(bare):
                        number = begin + bare[:at].count("\n")
                        for part in re.split(r"[;:]\s", sentence):
                            yield from too_many_words(number, part)
                    yield from phrases(begin, bare)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield from phrases(node.lineno, node.value)


def breaches():
    """Return a line for each breach, as compilers print theirs."""
    found = [(path, *breach) for path in pages() for breach in in_page(path)]
    found += [(path, *b) for path in sorted(PYTHON.rglob("*.py")) for b in in_module(path)]
    return [f"{path.relative_to(ROOT)}:{number}: {reason}" for path, number, reason in found]


if __name__ == "__main__":
    print(*(found := breaches()), sep="\n")
    sys.exit(bool(found))
