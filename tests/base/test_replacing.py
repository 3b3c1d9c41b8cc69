"""A file is replaced as a whole, keeps what it was allowed, and nothing else is touched or left."""

import errno
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fewfire.base import replacing as module
from fewfire.base.replacing import check_writable, naming, replacing

WRITERS = [check_writable, lambda path: write(path, b"new")]


def write(path, content):
    with replacing(path) as file:
        file.write(content)


def test_a_new_file_has_the_mode_of_other_new_files(tmp_path):
    for umask in (0o022, 0o077):
        before = os.umask(umask)
        try:
            write(tmp_path / f"a{umask}", b"new")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"a{umask}").stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660, 0o700])
def test_the_mode_of_what_is_replaced_stays(tmp_path, mode):
    write(tmp_path / "a", b"old")
    (tmp_path / "a").chmod(mode)
    write(tmp_path / "a", b"new")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert (tmp_path / "a").read_bytes() == b"new"


def test_nobody_else_may_read_what_will_be_private(tmp_path):
    write(tmp_path / "a", b"old")
    (tmp_path / "a").chmod(0o600)
    with replacing(tmp_path / "a") as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600


def test_the_owner_of_what_is_replaced_stays(tmp_path):
    write(tmp_path / "a", b"old")
    try:
        os.chown(tmp_path / "a", 1234, 4321)
    except PermissionError:
        pytest.skip("only root may give files away")
    write(tmp_path / "a", b"new")
    status = (tmp_path / "a").stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)


@pytest.mark.parametrize("target", ["folder/file", "folder/nothing yet"])
def test_a_link_is_written_through(tmp_path, target):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("old")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "link to link").symlink_to("link")
    write(tmp_path / "link to link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link to link").is_symlink()
    assert (tmp_path / target).read_bytes() == b"new"
    assert not (tmp_path / target).is_symlink()


def test_no_link_that_waits_beside_is_followed(tmp_path, monkeypatch):
    (tmp_path / "victim").write_text("precious")
    monkeypatch.setattr(module.secrets, "token_hex", lambda n: "0" * 16)
    (tmp_path / f".a.{'0' * 16}.part").symlink_to("victim")
    with pytest.raises(FileExistsError):
        write(tmp_path / "a", b"new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "a").exists()


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    os.mknod(path, stat.S_IFSOCK | 0o600)


def make_device(path):
    try:  # a copy: should the law be broken, the system's own stays
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        path.symlink_to("/dev/null")


@pytest.mark.parametrize("use", WRITERS)
@pytest.mark.parametrize("make", [os.mkdir, make_pipe, make_socket, make_device])
def test_only_files_are_replaced(tmp_path, make, use):
    make(tmp_path / "special")
    kind = os.stat(tmp_path / "special").st_mode
    with pytest.raises(OSError, match="special is"):
        use(tmp_path / "special")
    assert os.stat(tmp_path / "special").st_mode == kind
    assert os.listdir(tmp_path) == ["special"]


@pytest.mark.parametrize("use", WRITERS)
def test_what_cannot_be_written_is_named_before_any_work(tmp_path, use):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("no folder/a")
    (tmp_path / "file").touch()
    for name in ("no/a", "nowhere", "file/a", "loop", "x" * 300):
        with pytest.raises(OSError, match=r"folder|loop|x{300}"):
            use(tmp_path / name)
    with pytest.raises(OSError, match="status"):
        use("/proc/self/status")
    assert sorted(os.listdir(tmp_path)) == ["file", "loop", "nowhere"]


@pytest.mark.parametrize("use", WRITERS)
def test_what_is_read_only_stays(tmp_path, use):
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o400)
    if os.access(tmp_path / "a", os.W_OK):
        pytest.skip("root may write anywhere")
    with pytest.raises(PermissionError, match="a is read-only"):
        use(tmp_path / "a")
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="/new'"):
        use(tmp_path / "new")
    assert os.listdir(tmp_path) == ["a"]


def test_names_as_long_as_the_system_allows_are_written(tmp_path):
    for name in ("a" * 255, "\N{GREEK SMALL LETTER ALPHA}" * 127, os.fsdecode(b"\xff" * 255)):
        write(tmp_path / name, b"new")
        assert os.listdir(tmp_path) == [name]
        os.remove(tmp_path / name)


def test_trying_a_path_changes_nothing(tmp_path):
    check_writable(tmp_path / "a")
    assert os.listdir(tmp_path) == []
    write(tmp_path / "a", b"old")
    before = (tmp_path / "a").stat()
    check_writable(tmp_path / "a")
    assert (tmp_path / "a").stat() == before


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, MemoryError])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    write(tmp_path / "a", b"old")

    def fail():
        with replacing(tmp_path / "a") as file:
            file.write(b"half")
            raise error("why")

    with pytest.raises(error, match="why"):
        fail()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_full_disk_is_an_error_that_names_the_file(tmp_path, number):
    with pytest.raises(OSError, match="/a'") as raised, replacing(tmp_path / "a"):
        raise OSError(number, os.strerror(number))
    assert raised.value.errno == number
    with pytest.raises(OSError, match="/b'"), replacing(tmp_path / "a"):
        raise OSError(number, os.strerror(number), "/b")  # of another file
    with pytest.raises(OSError, match="no number"), naming("a"):
        raise OSError("no number")


def test_a_limit_of_the_size_of_files_is_an_error_that_names_the_file(tmp_path):
    code = """
import resource, os
from fewfire.base.replacing import replacing
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with replacing("a") as file:
        file.write(bytes(20_000))
except OSError as error:
    print(error, os.listdir())
"""
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert out == "[Errno 27] File too large: 'a' []\n"


KILLED = """
import os, signal
from fewfire.base.replacing import replacing
with replacing("a") as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("use", WRITERS)
def test_what_a_killed_writer_left_is_gone_after_the_next_write(tmp_path, use):
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path).returncode == -9
    (left,) = os.listdir(tmp_path)  # the second writer removed what the first one left
    foreign = ["b", f".b.{'0' * 16}.part", ".a.part", ".a.0.part", left + "x"]
    for name in foreign:
        (tmp_path / name).touch()
    use(tmp_path / "a")
    (tmp_path / "a").unlink(missing_ok=True)
    assert sorted(os.listdir(tmp_path)) == sorted(foreign)


def test_what_a_living_writer_writes_is_left_alone(tmp_path):
    with replacing(tmp_path / "a") as first:
        first.write(b"first")
        write(tmp_path / "a", b"second")
        check_writable(tmp_path / "a")
        assert (tmp_path / "a").read_bytes() == b"second"
    assert (tmp_path / "a").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a"]


def test_a_part_that_is_swept_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    """Between the birth of a part and its lock, another process may take it for a dead one."""
    flock, swept = module.fcntl.flock, []

    def sweep_first(file, how):
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()
        flock(file, how)

    monkeypatch.setattr(module.fcntl, "flock", sweep_first)
    write(tmp_path / "a", b"new")
    assert len(swept) == 1
    assert (tmp_path / "a").read_bytes() == b"new"


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path):
    sizes = range(1, 9)
    done = threading.Event()

    def keep_reading():
        while not done.is_set():
            if (tmp_path / "a").exists():
                content = (tmp_path / "a").read_bytes()
                assert content == content[:1] * 10_000
        return True

    with ThreadPoolExecutor(len(sizes) + 1) as pool:
        reading = pool.submit(keep_reading)
        writing = [
            pool.submit(lambda i=i: [write(tmp_path / "a", bytes([i]) * 10_000) for _ in range(20)])
            for i in sizes
        ]
        try:
            for each in writing:
                each.result()
        finally:
            done.set()
        assert reading.result()
    assert os.listdir(tmp_path) == ["a"]


def test_who_has_it_mapped_keeps_what_was_there(tmp_path):
    write(tmp_path / "a", b"old")
    mapped = np.memmap(tmp_path / "a", np.uint8, "r")
    write(tmp_path / "a", b"new")
    assert mapped.tobytes() == b"old"


def test_it_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    write(tmp_path / "a", b"new")
    assert order == ["sync", "rename", "sync"]
