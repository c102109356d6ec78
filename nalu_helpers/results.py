"""Tables of results: read with the line that says how they were made, written in one piece, their origin noted beside them."""

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import pandas as pd


def read(output: str | Path, head: str, key: list[str]) -> pd.DataFrame:
    """The table that `output` already holds, or an empty one. Raises ValueError when it holds anything but a table made the same way."""
    path = Path(output)
    if not path.exists():
        return pd.DataFrame()
    try:
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        table = pd.read_csv(path, comment="#") if first == head else None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        table = None
    if table is None or not {*key} <= set(table.columns) or table[key].isna().any().any() or not rest.endswith("\n"):
        raise ValueError(
            f"{path.name} was made by another version or with other settings, or is damaged; expected the first line to be "
            f"{head!r}: move it away, or choose another --output"
        )
    return table


def keys_in(table: pd.DataFrame, key: list[str]) -> set[tuple]:
    """What the columns `key` hold in the rows of a table that was read, which has no columns when it is empty."""
    return set(map(tuple, table[key].to_numpy().tolist())) if len(table) else set()


def write_table(output: str | Path, head: str, table: pd.DataFrame) -> None:
    """Write `table` to `output` as CSV below the line `head`, in one piece. Raises OSError when it cannot be written."""
    write(output, head + "\n" + table.to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def write(output: str | Path, text: str) -> None:
    """Write `text` to `output` in one piece: whoever reads it finds the old one or the new one, never a part."""
    unfinished = Path(f"{output}.unfinished")
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        os.replace(unfinished, output)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OSError(
            f"{output} could not be written ({error.strerror}); what it held before is still there: make room and start again"
        ) from None


def refuse_unwritable(output: str | Path) -> None:
    """Raise OSError when `output` cannot be written, before hours are spent on what is to be written there."""
    unfinished = Path(f"{output}.unfinished")
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        unfinished.unlink()
    except OSError as error:
        raise OSError(f"{output} cannot be written ({error.strerror}): choose another place for it, or make room") from None


def table_path(output: str | Path) -> Path:
    """`output` as the path of a table. Raises ValueError when it ends in .json: so does the note of its origin, of the same name."""
    path = Path(output)
    if path.suffix.lower() == ".json":
        raise ValueError(f"{output} is where the origin of the table would be noted: choose another name, such as {path.stem}.csv")
    return path


def note_origin(output: str | Path, command: str, processor_seconds: float | None = None) -> None:
    """Write beside `output`, as JSON, how it was made: the command, the date in UTC, the versions, the kind of machine and what it cost."""
    origin: dict[str, Any] = {
        "command": command,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {joblib.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("tensorflow", "keras", "numpy", "scipy")}},
    }
    if processor_seconds is not None:
        origin["processor_seconds"] = round(processor_seconds)
    write(_origin_of(output), json.dumps(origin, indent=2) + "\n")


@contextlib.contextmanager
def noted(outputs: Iterable[Path], command: str) -> Iterator[None]:
    """Note the origin of those of the tables `outputs` that change meanwhile, also when it is stopped or fails.

    The processor time of this process, not that of a cluster's workers, is added up over all pieces. It stays out for a table whose first
    pieces did not note theirs.
    """
    before = {output: output.read_bytes() if output.exists() else None for output in outputs}
    spent_before = {output: _seconds_noted(output) if table else 0 for output, table in before.items()}
    start = time.process_time()
    try:
        yield
    finally:
        for output in before:
            if output.exists() and output.read_bytes() != before[output]:
                spent = spent_before[output]
                note_origin(output, command, None if spent is None else spent + time.process_time() - start)


def _origin_of(output: str | Path) -> Path:
    return Path(output).with_suffix(".json")


def _seconds_noted(output: Path) -> float | None:
    """The processor time that is noted for the table `output`, None when none is."""
    try:
        return json.loads(_origin_of(output).read_text(encoding="utf-8")).get("processor_seconds")
    except (OSError, ValueError, AttributeError):  # the last when it is no object
        return None
