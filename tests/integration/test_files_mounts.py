"""A real layer that sends no events, and a real mount that comes and goes: all is found, and nothing is freed (I2)."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.sqlite_tools import module

REFUSED = "this machine allows neither root's mounts nor those of a user namespace"


async def on_mounts(folder: Path, what: str) -> list[str]:
    """What `files_mounts` said, in mounts of its own; skips where there can be none."""
    prefix = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))
    if await asyncio.to_thread(subprocess.call, [*prefix, "true"], stderr=subprocess.DEVNULL):
        pytest.skip(REFUSED)
    said = (await module("files_mounts", folder, what, prefix=prefix)).split()
    if said == ["unmountable"]:
        pytest.skip("this machine allows no overlay")
    return said


async def test_what_is_written_below_a_layer_is_found_and_the_silence_said(tmp_path: Path) -> None:
    """I5, I11, fault 22: the kernel says nothing of the lower layer, two writes within one second included."""
    assert await on_mounts(tmp_path, "layer") == ["file.no_events"]


async def test_a_mount_that_goes_frees_nothing_and_is_listened_to_when_it_is_back(tmp_path: Path) -> None:
    """I1, I2, I5, fault 21: unmounted, an empty folder is left behind; mounted anew, it is read and watched again."""
    assert await on_mounts(tmp_path, "mount") == ["complete", "file.vanished", "file.vanished", "listens"]
