"""Reads the fields of a class of PyPI `stripe`, in the form described in read-objects.mjs."""

import ast
import sys

from modules import object_name

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
