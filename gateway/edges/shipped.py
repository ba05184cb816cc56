"""The files that ship with the package: our schemas.

In a wheel they stand inside the package, in a source tree beside it; nobody else needs to know.
The law: only names on the list are read. Verbs: ``schema`` (read), ``main`` (write them anew from
the model: ``python -m gateway.edges.shipped``).
"""

from pathlib import Path
from typing import Final

from gateway.errors import NotFound, SourceUnreadable
from gateway.formats import iodef_json

REPORT_JSON: Final = "entente-report.schema.json"
"""The JSON Schema of our profile, made from the model."""
REPORT_XSD: Final = "entente-report.xsd"
"""The XML Schema of our profile, written by hand."""

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_PLACES: Final = (_PACKAGE / "schemas", _PACKAGE.parent / "schemas")


def schema(name: str) -> bytes:
    """The bytes of the shipped schema ``name``.

    Raises:
        NotFound: no schema has that name.
        SourceUnreadable: the installation is incomplete, or the file cannot be read.
    """
    if name not in (REPORT_JSON, REPORT_XSD):
        raise NotFound(f"there is no schema {name!r}")
    for place in _PLACES:
        path = place / name
        if path.is_file():
            try:
                return path.read_bytes()
            except OSError as error:
                raise SourceUnreadable(f"{path}: {error.strerror}") from error
    raise SourceUnreadable(f"the schema {name} is missing", hint="Install Entente again.")


def main() -> None:
    """Write the JSON Schema of a source tree anew from the model."""
    path = _PACKAGE.parent / "schemas" / REPORT_JSON
    path.write_bytes(iodef_json.schema())
    print(f"{path} written")


if __name__ == "__main__":
    main()
