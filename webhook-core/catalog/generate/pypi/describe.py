"""Prints, as JSON, what a PyPI package `stripe` says of objects and events.

It reads the source with `ast` and imports nothing of it. The types have the
form described in read-objects.mjs, so that both sides can be laid side by side;
`nullable` stands for `Optional`, which Python uses for absent and for null alike.
An annotation that is not understood ends the run.

The argument is the folder in which the package is; the names of the objects
wanted come on standard input.
"""

import json
import pathlib
import sys

from events import enabled_events, snapshot_types, thin_events
from fields import Reader
from modules import Modules


def main():
    modules = Modules(pathlib.Path(sys.argv[1], "stripe"))
    reader = Reader(modules)
    known = modules.objects()
    objects = {}
    for name in sys.stdin.read().split():
        if name not in known:
            sys.exit(f"PyPI stripe has no class for the object {name}")
        module, cls = known[name]
        reader.inside = [cls]
        objects[name] = reader.fields(module, cls)
    json.dump(
        {
            "version": modules.constant("stripe._version", "VERSION"),
            "api_version": modules.constant("stripe._api_version", "CURRENT"),
            "snapshot": snapshot_types(modules),
            "enabled_events": enabled_events(modules),
            "thin": thin_events(modules, reader),
            "objects": objects,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
