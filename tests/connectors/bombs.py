"""Small files that unpack to far more than they are, and zip files that lie about what they hold."""

import warnings
import zipfile
import zlib
from pathlib import Path


def gzipped(path: Path, start: bytes, piece: bytes, times: int) -> Path:
    """Write a gzip file of a start and a repeated piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        file.write(packer.compress(start))
        for _ in range(times):
            file.write(packer.compress(piece))
        file.write(packer.flush())
    return path


def write_second_member(path: Path) -> None:
    """Write a zip file with two members `m/movies.csv`: one of one movie, one of 200 MiB."""
    header = b"movieId,title,genres\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("m/movies.csv", header + b"1,First (1999),Drama\n")
            with archive.open("m/movies.csv", "w", force_zip64=True) as member:
                member.write(header)
                for _ in range(200):
                    member.write(b"2,Second (1999)," + b"D" * 2**20 + b"\n")


def write_lying_member(path: Path, name: str, content: bytes) -> None:
    """Write a zip file of one member that says it has ten bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    packed = path.read_bytes()
    path.write_bytes(packed.replace(len(content).to_bytes(4, "little"), (10).to_bytes(4, "little")))
