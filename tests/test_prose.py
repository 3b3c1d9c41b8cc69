"""Pages, docstrings and messages are in plain English."""

import pytest

import prose


@pytest.mark.skipif(
    not all(path.exists() for path in prose.pages()), reason="the pages are not beside the tests"
)
def test_pages_docstrings_and_messages_are_in_plain_english():
    assert prose.breaches() == []


def breaches_of(text, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(text)
    return [f"{number}: {reason}" for number, reason in prose.in_page(path)]


def test_a_breach_is_named_by_its_line_and_reason(tmp_path):
    begin = "# A page\n\nOne sentence. Another one.\nIt tells\nwhy.\n\n"
    text = f"{begin}{13 * 'a big '}one.\n\n{101 * 'x'}\n"
    assert breaches_of(text, tmp_path) == [
        "3: a sentence inside of a line: Another one....",
        "4: 'tells': say, show, decide, know",
        "7: 27 words, at most 25: a big a big a big a big a big a big a big a big a big a big ...",
        "9: 101 characters, at most 100",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "| a table. | Of any width. | " + 99 * "x" + " |",
        "```sh\nfewfire train x.tsv  # a comment. Another one: " + 99 * "x" + "\n```",
        "`Tagger. Fit` is code, and .951 is a figure, by Kull et al. (2017).",
        "It is [a link](https://example.org/" + 99 * "x" + ").",
        "There is no more, and it is no longer and no better.",
    ],
)
def test_tables_code_links_and_plain_sentences_are_no_breach(text, tmp_path):
    assert breaches_of(text + "\n", tmp_path) == []
