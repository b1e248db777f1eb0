"""How near durable deliveries come to what the disk can do.

Subject: `Maildir.put` as the delivery point calls it: durable, recorded, renamed, durable again. Bound: the
same octets appended to one file and synced once for as many messages as the batch holds - the least that
durability can cost. Beside it the plain way, every file and folder synced for itself in threads.

    python bench/mailboxes.py [--quick] [--folder DIR]
"""

import argparse
import itertools
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ceralacca.base.clock import SystemClock
from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Put
from ceralacca.store.maildir import Maildir
from measure import WINDOW, Table, compare, rate

QUOTA = 2**40
MAILBOXES = [Address(f"casella{number}@alfa.test") for number in range(200)]
NUMBERS = itertools.count()


def batch(octets: bytes, size: int) -> list[Put]:
    numbers = [next(NUMBERS) for _ in range(size)]
    # Octets of their own, so that no file is shared.
    return [
        Put(mailbox=MAILBOXES[n % len(MAILBOXES)], name=f"{n}/delivery", octets=b"%010d" % n + octets, quota=QUOTA)
        for n in numbers
    ]


def append_bound(folder: Path, octets: bytes, size: int) -> None:
    with (folder / "bound").open("ab") as file:
        for _ in range(size):
            file.write(octets)
        file.flush()
        os.fdatasync(file.fileno())
        if file.tell() > 2**28:
            file.truncate(0)


def one_file_each(folder: Path, octets: bytes, size: int, pool: ThreadPoolExecutor) -> None:
    """The plain way, for comparison: each file and folder synced, in threads."""

    def write(number: int) -> None:
        path = folder / "plain" / str(number)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(handle, octets)
        os.fsync(handle)
        os.close(handle)
        path.rename(folder / "plain" / f"{number}.new")
        names = os.open(folder / "plain", os.O_RDONLY)
        os.fsync(names)
        os.close(names)

    (folder / "plain").mkdir(exist_ok=True)
    list(pool.map(write, [next(NUMBERS) for _ in range(size)]))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    window = 0.1 if given.quick else WINDOW
    folder = Path(tempfile.mkdtemp(prefix="bench-mailboxes-", dir=given.folder))
    maildir = Maildir(folder / "mail", clock=SystemClock())
    maildir.put(batch(b"", len(MAILBOXES)))  # makes the folders
    table = Table("mailboxes")
    try:
        with ThreadPoolExecutor(8) as pool:
            for octets, size in ((10_000, 1), (10_000, 16), (10_000, 64), (100_000, 16)):
                content = b"x" * octets

                def per_message(act, size=size) -> float:
                    return rate(act, window=window) * size

                def bound(content=content, size=size) -> float:
                    return per_message(lambda: append_bound(folder, content, size), size)

                def subject(content=content, size=size) -> float:
                    return per_message(lambda: maildir.put(batch(content, size)), size)

                def plain(content=content, size=size) -> float:
                    return per_message(lambda: one_file_each(folder, content, size, pool), size)

                name = f"{octets // 1000} KB, batches of {size}"
                kit = {"subject": lambda: None, "bound_rate": bound, "window": window}
                table.add(compare(f"deliveries, {name}", subject_rate=subject, **kit))
                table.add(compare(f"file and folder synced each, {name}", subject_rate=plain, **kit))
    finally:
        shutil.rmtree(folder)
    return 0 if table.finish() else 1


if __name__ == "__main__":
    raise SystemExit(main())
