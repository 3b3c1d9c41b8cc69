"""Files of texts as people have them: each kind is known by what is in it, and gives the same."""

import gzip
import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import fewfire as ff
from commands import run
from fewfire.data.readers.raw_labels import separator_of, split
from fewfire.datasets import Columns, load, load_text

ROWS = [
    ("a small cat sleeps", ["cat", "small"]),
    ("the small dog, the dog sleeps", ["dog", "small"]),
    ("a dog and a cat", ["cat", "dog"]),
    ("the dog sleeps", ["dog"]),
]


def lines(separator=",", between="\t", wrap="{}", end="\n"):
    rows = (
        f"{text}{between}{separator.join(wrap.format(label) for label in labels)}"
        for text, labels in ROWS
    )
    return end.join(rows) + end


def csv_table(delimiter=","):
    quoted = (f'{i}{delimiter}"{t}"{delimiter}"{";".join(y)}"' for i, (t, y) in enumerate(ROWS))
    return delimiter.join(["id", "Title", "Subjects"]) + "\n" + "\n".join(quoted) + "\n"


FILES = {
    "lines": ("a.tsv", lines()),
    "another extension": ("a.txt", lines()),
    "in capitals": ("A.TSV", lines()),
    "semicolons": ("a.tsv", lines(";")),
    "bars": ("a.tsv", lines("|")),
    "blanks around": ("a.tsv", lines(" ; ")),
    "Annif": ("a.tsv", lines(" ", wrap="<http://example/{}>")),
    "a header": ("a.tsv", "text\tlabels\n" + lines()),
    "CRLF": ("a.tsv", lines(end="\r\n")),
    "blank lines": ("a.tsv", lines(end="\n\n")),
    "quoted cells": ("a.tsv", "".join(f'"{t}"\t"{",".join(y)}"\n' for t, y in ROWS)),
    "CSV": ("a.csv", csv_table()),
    "CSV with semicolons": ("a.csv", csv_table(";")),
    "TSV with columns": ("a.tsv", csv_table("\t")),
    "CSV without a header": ("a.csv", "".join(f'"{t}","{",".join(y)}"\n' for t, y in ROWS)),
    "JSON lines": ("a.jsonl", "".join(json.dumps({"text": t, "tags": y}) + "\n" for t, y in ROWS)),
    "JSON without its name": (
        "a.txt", "".join(json.dumps({"text": t, "label": ",".join(y)}) + "\n" for t, y in ROWS),
    ),
    "a JSON array": ("a.json", json.dumps([{"text": t, "tags": y} for t, y in ROWS])),
    "fastText": ("a.txt", "".join(
        " ".join(f"__label__{label}" for label in y) + f" {t}\n" for t, y in ROWS
    )),
}  # fmt: skip


def names_of(data):
    """The names of each row's labels, without addresses."""
    names = [name.rpartition("/")[2] for name in data.label_names]
    indptr, ids = data.label_lists()
    return [[names[i] for i in own] for own in np.split(ids, indptr[1:-1])]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "gzip"])
@pytest.mark.parametrize(("name", "text"), FILES.values(), ids=FILES)
def test_every_kind_of_file_gives_the_same_rows(tmp_path, name, text, coding):
    path = tmp_path / (name + ".gz" * (coding == "gzip"))
    raw = gzip.compress(text.encode()) if coding == "gzip" else text.encode(coding)
    path.write_bytes(raw)
    plain = tmp_path / "plain.tsv"
    plain.write_text(lines())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data, expected = load(path), load_text(plain)
    assert names_of(data) == [labels for _, labels in ROWS]
    assert data.text.words == expected.text.words
    assert (data.X != expected.X).nnz == 0
    again = load(path, data.encoding)
    assert (again.y != data.y).nnz == 0
    assert again.unknown_labels is None


def test_columns_are_taken_by_name_or_place_and_texts_are_joined(tmp_path):
    path = tmp_path / "books.csv"
    path.write_text("nr,head,note,topic\n1,a cat,it sleeps,x|y\n2,a dog,it sleeps,y\n")
    with pytest.raises(ValueError, match=r"which column holds the text.*'nr', 'head', 'note'"):
        load(path)
    by_name = load(path, columns=Columns(text=["head", "note"], labels="topic"))
    assert by_name.label_names == ("x", "y")
    assert by_name.text.words == ("a", "it", "sleeps")
    by_place = load(path, columns=Columns(text=("2", 3), labels="4", separator="|"))
    assert by_place.text.words == by_name.text.words
    with pytest.raises(ValueError, match="no column 'body'"):
        load(path, columns=Columns(text="body"))
    with pytest.raises(ValueError, match="there is no column 5"):
        load(path, columns=Columns(text=5))
    with pytest.raises(ValueError, match="separates no labels"):
        Columns(separator="")
    with pytest.raises(ValueError, match="is not a column"):
        Columns(text=0)
    with pytest.raises(ValueError, match="cannot hold both"):
        Columns(text=["head", "topic"], labels="topic")


def test_a_model_remembers_the_columns_and_reads_plain_lines_too(tmp_path):
    path, model = tmp_path / "books.csv", tmp_path / "model.safetensors"
    path.write_text("nr,head,topic\n1,a cat,x;y\n2,a dog,y\n3,a cat,x\n")
    columns = Columns(text="head", labels="topic", separator=";")
    data = load(path, columns=columns)
    ff.Tagger("fast", n_jobs=1).fit(data).save(model)
    known = ff.load(model).encoding
    assert known.text.columns == columns
    moved = tmp_path / "moved.csv"
    moved.write_text("topic,head\ny,a dog\n")
    read = load(moved, known)
    assert (read.X != data[1:2].X).nnz == (read.y != data[1:2].y).nnz == 0
    plain = tmp_path / "new.txt"
    plain.write_text("a dog\n\na cat\n")
    asked = load(plain, known.of_features())
    assert_array_equal(np.diff(asked.X.indptr) > 0, [1, 0, 1])  # a line in, a line out


TABLES = {  # a training set and what it was told, further tables, and the words and labels in them
    "by place, turned": (
        "cat\ta cat sleeps\ndog\ta dog sleeps\n", {"text": 2, "labels": 1},
        "dog\ta cat\n", ["a cat"], [["dog"]],
    ),
    "by place, beneath names": (
        "id,title,tags\n1,a cat,cat\n2,a dog,dog\n3,a cat,cat\n", {"text": 2, "labels": "3"},
        "id,title,tags\n9,a dog,dog\n", ["a dog"], [["dog"]],
    ),
    "by name, a ragged row": (
        "id,title,tags\n1,a cat,cat\n2,a dog,dog\n3,a cat,cat\n", {},
        "id,title,tags\n9,a dog,dog\n8,a cat\n", ["a dog", "a cat"], [["dog"]],
    ),
    "addresses between commas": (
        "a cat\thttp://x/1,http://x/2\na cat\thttp://x/1\n", {},
        "a cat\thttp://x/2,http://x/1\n", ["a cat"], [["1", "2"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ""])
def test_further_tables_are_read_as_the_training_set_was(tmp_path, name, suffix):
    text, told, further, words, labels = TABLES[name]
    delimiter = "\t" if "\t" in text else ","
    suffix = suffix if (suffix == ".csv") == (delimiter == ",") else ""
    path, more = tmp_path / f"train{suffix}", tmp_path / f"more{suffix}"
    path.write_text(text)
    more.write_text(further)
    columns = Columns(**told) if told else None
    data = load(path, columns=columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the ragged row
        read = load(more, data)
    assert names_of(read) == labels
    assert read.unknown_labels is None
    asked = load(more, data.encoding.of_features())
    assert (data.text(words) != asked.X).nnz == 0


WRONG = {
    "an open quote": ("a.csv", 'text,tags\na cat,x\n"a dog,y\na cat,x\n', "line 3 is not a row"),
    "too many cells": ("a.csv", "text,tags\na cat,x\na dog,y,z\n", "line 3 has 3 columns"),
    "names alone": ("a.csv", "text,tags\n", "names of columns and no rows"),
    "no labels": ("a.csv", "id,text,note\n1,a cat,x\n", "which column holds the labels"),
    "no JSON": ("a.jsonl", '{"text": "a cat", "tags": "x"}\n{"text"\n', "line 2 is not JSON"),
    "a list": ("a.jsonl", '{"text": "a cat", "tags": "x"}\n[1]\n', "line 2 is not a JSON object"),
    "other entries": ("a.jsonl", '{"a": "a cat", "b": "x"}\n', "which entry holds the text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path, name):
    file, text, message = WRONG[name]
    (tmp_path / file).write_text(text)
    with pytest.raises(ValueError, match=f"(?s){file}.*{message}"):
        load(tmp_path / file)


def test_text_of_numbers_with_tabs_in_comments_and_queries_is_no_text_with_labels(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1 1:0.5 # a\tcomment, of words\n2\tqid:3\t2:1\n")
    assert load(path).kind == "classes"


def test_a_model_of_texts_answers_lines_of_numbers_and_brackets(tmp_path):
    train, new = tmp_path / "train.tsv", tmp_path / "new.txt"
    train.write_text(lines())
    data = load(train)
    for text in ("2024\na cat\n", "{curly} cat\na dog\n", "[1] cat\na dog\n"):
        new.write_text(text)
        assert len(load(new, data.encoding.of_features())) == 2


def test_rows_that_lack_something_are_left_out_and_told(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("a cat\tcat\na dog\t\n\tdog\na cat\tcat,\n")
    with pytest.warns(UserWarning, match=r"2 of 4 rows have no text or no labels.*line 2"):
        data = load(path)
    assert names_of(data) == [["cat"], ["cat"]]


def test_labels_that_hold_blanks_and_come_once_are_doubted(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("a cat\tred blue\na dog\tblue green\na cat\tgreen red\n")
    with pytest.warns(UserWarning, match="most labels hold blanks"):
        data = load(path)
    assert len(data.label_names) == 3
    told = load(path, columns=Columns(separator=" "))
    assert told.label_names == ("blue", "green", "red")


WORDS = st.text("abcd", min_size=1, max_size=3)


@given(
    lists=st.lists(st.lists(WORDS, min_size=2, max_size=4, unique=True), min_size=1),
    separator=st.sampled_from([",", ";", "|"]),
)
def test_what_joined_labels_sets_them_apart(lists, separator):
    fields = [separator.join(labels) for labels in lists]
    assert separator_of(fields) == separator
    assert [list(split(field, separator)) for field in fields] == lists


def test_unknown_labels_are_missed_and_counted(tmp_path):
    train, test = tmp_path / "train.tsv", tmp_path / "test.tsv"
    train.write_text(lines())
    test.write_text("a small cat\tcat,mouse\nthe dog\tmouse,bird\n")
    data = load(train)
    tagger = ff.Tagger("fast", n_jobs=1).fit(data)
    read = load(test, data)
    assert read.unknown_labels.toarray().tolist() == [[0, 1], [1, 1]]
    assert names_of(read) == [["cat"], []]
    assert read[1:].unknown_labels.sum() == 2
    names = ["P@3", "R@3", "F1@3", "nDCG@3", "PSP@3", "coverage@3"]
    found = tagger.evaluate(read, names)
    assert found["P@3"] == pytest.approx(1 / 6)
    assert found["R@3"] == pytest.approx(0.25)  # half of the first row's labels, none of the second
    assert found["F1@3"] == pytest.approx(0.2)  # 2 / 5, and 0
    assert found["coverage@3"] == pytest.approx(1 / 3)
    known = ff.Dataset(read.X, read.y, like=data)
    assert tagger.evaluate(known, names)["PSP@3"] > found["PSP@3"]
    with pytest.raises(ValueError, match="2 labels are none of the 3"):
        ff.Tagger("fast").fit(read)


@pytest.mark.parametrize("kind", ["labels", "classes"])
def test_numbers_beyond_the_training_set_are_missed_or_left_out(tmp_path, kind):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    if kind == "labels":
        train.write_text("3 4 3\n0,1 0:1 1:1\n2 2:1\n1 3:1\n")
        test.write_text("2 6 5\n0,4 0:1 5:2\n3 1:1\n")
    else:
        train.write_text("1 1:1 2:1\n2 3:1\n3 4:1\n")
        test.write_text("1 1:1 6:2\n7 2:1\n")
    data = load(train)
    with pytest.warns(UserWarning, match="1 of 3 values are of features from 4 on"):
        read = load(test, data)
    assert (read.n_features, read.n_labels, read.kind) == (4, 3, kind)
    assert read.unknown_labels.shape[0] == 2
    assert read.unknown_labels.nnz == (2 if kind == "labels" else 1)
    tagger = ff.Tagger("fast", n_jobs=1).fit(data)
    assert tagger.evaluate(read, ["P@1"])["P@1"] <= 0.5  # the other row has unknown ones alone
    net = ff.Network(ff.Linear(4, 5, "relu"), ff.Linear(5, 3), random_state=0)
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data, eval_sets={"test": read})
    assert 0 <= net.evaluate(read, ["P@1"])["P@1"] <= 0.5
    with pytest.raises(ValueError, match="none of the 3 of like="):
        ff.Trainer(net, max_epochs=1).fit(read)
    for save in (ff.datasets.save_npz, ff.datasets.save_svmlight):
        with pytest.raises(ValueError, match="cannot be saved"):
            save(tmp_path / "saved.txt", read)
    assert not (tmp_path / "saved.txt").exists()
    train_part, aside = read.hold_out(1)
    assert len(train_part) == len(aside) == 1
    if kind == "classes":
        known = read[np.asarray(read.y) >= 0]
        assert known.unknown_labels is None
        assert net.evaluate(read).loss == net.evaluate(known).loss


def test_commands_take_columns_standard_input_and_unknown_labels(tmp_path):
    path, model = tmp_path / "books.csv", tmp_path / "model.safetensors"
    rows = "".join(f"{i},a cat,x / y\n{i},a dog,y\n" for i in range(20))
    path.write_text("nr,head,topic\n" + rows)
    how = ["--text-column", "head", "--label-column", "topic", "--label-separator", "/"]
    _, told = run("train", path, "-o", model, *how, cwd=tmp_path)
    assert "2 labels" in told
    assert "text: 'head'; labels: 'topic', separated by '/'" in told
    test = tmp_path / "test.csv"
    test.write_text("nr,head,topic\n1,a cat,x / z\n")
    out, _ = run("evaluate", model, test, cwd=tmp_path)
    assert "labels that the model does not know: 1, in 1 places" in out
    out, _ = run("predict", model, "-", "-k", "1", cwd=tmp_path, given="a dog\na cat\n")
    assert len(out.splitlines()) == 2
    _, err = run("predict", model, "-", cwd=tmp_path, given="", code=1)
    assert err == "fewfire: error: standard input is empty\n"
    assert out.splitlines()[0].startswith("y\t")
