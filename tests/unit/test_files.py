# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Files that a run leaves: what cannot be written is told beforehand, and no part of a file stays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from dirql.files import FileNotWritten, obstacle, written

UNPRIVILEGED = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def test_a_file_that_can_be_written_is_left_alone(tmp_path: Path) -> None:
    there, absent = tmp_path / "there", tmp_path / "absent"
    there.write_text("text")
    assert (obstacle(there), obstacle(absent)) == ("", "")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("there", "text")]


def test_a_pipe_is_not_opened_before_it_is_written(tmp_path: Path) -> None:
    """To open it would wait for a reader, and to close it would end the reader's input."""
    os.mkfifo(tmp_path / "pipe")
    assert obstacle(tmp_path / "pipe") == ""
    assert obstacle(Path("/dev/null")) == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "it is a folder"),
        ("no/such/file", "there is no folder"),
        ("file/below", "there is no folder"),
        ("n" * 300, "file name too long"),
        ("zero\0byte", "embedded null byte"),
    ],
)
def test_the_obstacle_is_told_in_words(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert reason in obstacle(tmp_path / name)


def test_a_folder_that_takes_no_files_is_an_obstacle() -> None:
    assert obstacle(Path("/proc/new")) != ""


@UNPRIVILEGED
def test_missing_rights_are_an_obstacle(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    assert obstacle(tmp_path / "file") == "permission denied"


def test_a_full_disk_is_told_with_the_name_of_the_file() -> None:
    with (
        pytest.raises(FileNotWritten, match=r"^/dev/full could not be written: no space left on device$"),
        written(Path("/dev/full")) as file,
    ):
        file.write(b"text")


def _break(file: BinaryIO) -> None:
    file.write(b"text")
    raise OSError("It broke")


def test_a_part_of_a_file_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with (
        pytest.raises(FileNotWritten, match="link could not be written: it broke"),
        written(tmp_path / "link") as file,
    ):
        _break(file)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_a_file_that_could_not_be_opened_stays(tmp_path: Path) -> None:
    with pytest.raises(FileNotWritten, match="is a directory"), written(tmp_path):
        pass
    assert tmp_path.is_dir()
