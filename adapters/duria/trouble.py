"""Whatever is wrong with an export or its folder is one fault with a stable code, named by file and line alone (I13).

No content gets into it: what stands in an export may be a patient (I7).
"""

from pathlib import Path

from engine.faults import Fact, Fault, FaultError


class ExportError(FaultError):
    """An export that does not count as it stands."""


def shown(name: str) -> str:
    """A file's name as a text that can be written anywhere, whatever bytes it is made of."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def refused(code: str, name: str, **facts: Fact) -> ExportError:
    """The error that says `code` of the file `name`."""
    return ExportError(code, file=shown(name), **facts)


def file_fault(error: OSError, name: str) -> Fault:
    """What the operating system's `error` means for one export."""
    match error:
        case PermissionError():
            return Fault("file.denied", {"file": shown(name)})
        case _:
            return Fault("file.unreadable", {"file": shown(name), "kind": type(error).__name__})


def folder_fault(error: OSError, folder: Path) -> Fault:
    """What it means for the whole folder."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return Fault("source.missing", {"file": shown(folder.name)})
        case PermissionError():
            return Fault("source.denied", {"file": shown(folder.name)})
        case TimeoutError():
            return Fault("source.timeout")
        case _:
            return Fault("source.unreadable", {"kind": type(error).__name__})
