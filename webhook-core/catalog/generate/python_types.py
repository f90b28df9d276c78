"""Prints, as JSON, what the PyPI package `stripe` says of objects and events.

It reads the source with `ast` and imports nothing of it. The types have the
form described in read-objects.mjs, so that both sides can be laid side by side;
`nullable` stands for `Optional`, which Python uses for absent and for null alike.
An annotation that is not understood ends the run.

The names of the objects wanted come on standard input.
"""

import ast
import json
import pathlib
import sys
import sysconfig

PLAIN = {
    "str": "string",
    "int": "integer",
    "float": "float",
    "bool": "boolean",
    "Decimal": "decimal",
    "Any": "any",
}
# base classes that add methods but no fields
RESOURCE_BASES = ("StripeObject", "APIResource", "VerifyMixin")


class Modules:
    """The package's modules, parsed when first asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.parsed = {}

    def get(self, dotted):
        if dotted not in self.parsed:
            path = self.folder.parent.joinpath(*dotted.split("."))
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            self.parsed[dotted] = Module(dotted, file)
        return self.parsed[dotted]


class Module:
    def __init__(self, dotted, file):
        self.dotted = dotted
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.classes = {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}
        self.imports = {}  # local name → (module, name there)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stripe"):
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (node.module, alias.name)


def object_name(cls):
    """The value of `OBJECT_NAME` in a class body."""
    for node in cls.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == "OBJECT_NAME":
            return node.value.value
    return None


class Reader:
    def __init__(self, modules):
        self.modules = modules
        self.inside = []

    def fail(self, module, cls, node, why="an annotation that is not understood"):
        where = f"{module.dotted}:{node.lineno}, class {cls.name}"
        sys.exit(f"{why}, of PyPI stripe, {where}: {ast.unparse(node)}")

    def resolve(self, module, cls, name):
        """(module, class) that a name in the body of `cls` stands for."""
        for node in cls.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return module, node
        if name in module.classes:
            return module, module.classes[name]
        if name in module.imports:
            dotted, there = module.imports[name]
            other = self.modules.get(dotted)
            if there in other.classes:
                return other, other.classes[there]
        return None

    def reference(self, module, cls, name, node):
        found = self.resolve(module, cls, name)
        if found is None:
            self.fail(module, cls, node)
        of = object_name(found[1])
        if of is not None:
            return {"k": "object", "of": [of]}
        if found[1] in self.inside:
            self.fail(module, cls, node, "a class that contains itself")
        self.inside.append(found[1])
        shape = {"k": "shape", "fields": self.fields(*found)}
        self.inside.pop()
        return shape

    def fields(self, module, cls):
        fields = {}
        for base in cls.bases:
            name = base.value.id if isinstance(base, ast.Subscript) else base.id
            if not name.endswith(RESOURCE_BASES):
                self.fail(module, cls, base, "a base class that may have fields")
        for node in cls.body:
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            name = node.target.id
            if name.startswith("_") or name == "OBJECT_NAME":
                continue
            fields[name] = self.type(module, cls, node.annotation)
        # field names that are no Python identifiers are kept in this table
        for node in cls.body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id == "_field_remappings"
            ):
                for key, value in zip(node.value.keys, node.value.values):
                    if key.value not in fields:
                        self.fail(module, cls, node, "a renamed field that is not there")
                    fields[value.value] = fields.pop(key.value)
        return [{"name": n, "type": t} for n, t in sorted(fields.items())]

    def type(self, module, cls, node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.reference(module, cls, node.value, node)
        if isinstance(node, ast.Name):
            if node.id in PLAIN:
                return {"k": PLAIN[node.id]}
            return self.reference(module, cls, node.id, node)
        if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
            self.fail(module, cls, node)
        head = node.value.id
        args = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if head == "Optional":
            return {**self.type(module, cls, args[0]), "nullable": True}
        if head == "Literal":
            values = [a.value for a in args]
            if len(values) == 1:
                return {"k": "literal", "value": values[0]}
            return {"k": "enum", "values": sorted(values)}
        if head == "List":
            return {"k": "array", "of": self.type(module, cls, args[0])}
        if head == "ListObject":
            return {"k": "list", "of": self.type(module, cls, args[0])}
        if head == "UntypedStripeObject":
            return {"k": "map", "of": self.type(module, cls, args[0])}
        if head == "Dict":
            return {"k": "map", "of": self.type(module, cls, args[1])}
        if head == "ExpandableField":
            return self.expandable(self.type(module, cls, args[0]))
        if head == "Union":
            return self.union(module, cls, node, args)
        self.fail(module, cls, node)

    def expandable(self, inner):
        if inner["k"] == "object":
            return {"k": "expandable", "of": inner["of"]}
        return {"k": "expandable", "shape": inner}

    def union(self, module, cls, node, args):
        types = [self.type(module, cls, a) for a in args]
        if all(t["k"] == "object" for t in types):
            return {"k": "object", "of": sorted(name for t in types for name in t["of"])}
        literals = [t for t in types if t["k"] in ("literal", "enum")]
        if len(types) == 2 and len(literals) == 1 and {"k": "string"} in types:
            values = literals[0].get("values") or [literals[0]["value"]]
            return {"k": "enum", "values": values, "open": True}
        self.fail(module, cls, node)


def all_objects(modules):
    """Object name → (module, class) of every class the package registers."""
    table = {}
    registry = modules.get("stripe._object_classes")
    for node in ast.walk(registry.tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                dotted, name = (element.value for element in value.elts)
                table[key.value] = (dotted, name)
    return table


def snapshot_types(modules):
    event = modules.get("stripe._event").classes["Event"]
    for node in event.body:
        if isinstance(node, ast.AnnAssign) and node.target.id == "type":
            return [element.value for element in node.annotation.slice.elts]
    sys.exit("PyPI stripe: class Event has no type")


def enabled_events(modules):
    found = {}
    for params in ("create", "modify"):
        module = modules.get(f"stripe.params._webhook_endpoint_{params}_params")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AnnAssign) and node.target.id == "enabled_events":
                literal = next(
                    n for n in ast.walk(node.annotation)
                    if isinstance(n, ast.Subscript) and n.value.id == "Literal"
                )
                found[params] = [element.value for element in literal.slice.elts]
    return found


def annotated(cls, name):
    return next(
        (n for n in cls.body
         if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and n.target.id == name),
        None,
    )


def thin_event(reader, module, cls):
    kinds = {"RelatedObject": "object", "RelatedSingletonObject": "singleton"}
    event = {"related": None, "objects": [], "data": annotated(cls, "data") is not None}
    reference = annotated(cls, "related_object")
    if reference is not None:
        event["related"] = kinds[reference.annotation.id]
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "fetch_related_object":
            returned = reader.type(module, cls, node.returns)
            event["objects"] = returned["of"]
    return event


def thin_events(modules, reader):
    events = {"event": {}, "notification": {}}
    for file in sorted((modules.folder / "events").glob("_v*_event.py")):
        module = modules.get(f"stripe.events.{file.stem}")
        for cls in module.classes.values():
            lookup = next(
                n.value.value for n in cls.body
                if isinstance(n, ast.Assign) and n.targets[0].id == "LOOKUP_TYPE"
            )
            kind = "notification" if cls.name.endswith("EventNotification") else "event"
            events[kind][lookup] = thin_event(reader, module, cls)
    return events


def constant(modules, dotted, name):
    for node in ast.walk(modules.get(dotted).tree):
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return node.value.value
    sys.exit(f"PyPI stripe: {dotted} has no {name}")


def main():
    modules = Modules(pathlib.Path(sysconfig.get_path("purelib"), "stripe"))
    reader = Reader(modules)
    registered = all_objects(modules)
    objects = {}
    for name in sys.stdin.read().split():
        if name not in registered:
            sys.exit(f"PyPI stripe has no class for the object {name}")
        dotted, cls_name = registered[name]
        module = modules.get(dotted)
        cls = module.classes[cls_name]
        reader.inside = [cls]
        objects[name] = reader.fields(module, cls)
    json.dump(
        {
            "version": constant(modules, "stripe._version", "VERSION"),
            "api_version": constant(modules, "stripe._api_version", "CURRENT"),
            "snapshot": snapshot_types(modules),
            "enabled_events": enabled_events(modules),
            "thin": thin_events(modules, reader),
            "objects": objects,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
