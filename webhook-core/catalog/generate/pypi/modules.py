"""Finds modules and classes in the source of a PyPI package `stripe`, and imports nothing of it."""

import ast
import sys


class Modules:
    """The package's modules, parsed when first asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.parsed = {}

    def path(self, dotted):
        path = self.folder.parent.joinpath(*dotted.split("."))
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def has(self, dotted):
        return self.path(dotted).is_file()

    def get(self, dotted):
        if dotted not in self.parsed:
            self.parsed[dotted] = Module(dotted, self.path(dotted).read_text(encoding="utf-8"))
        return self.parsed[dotted]

    def objects(self):
        """Object name → (module, class) of all classes of API objects."""
        found = {}
        for file in sorted(self.folder.rglob("_*.py")):
            if "OBJECT_NAME: ClassVar" not in file.read_text(encoding="utf-8"):
                continue
            module = self.get(".".join(file.relative_to(self.folder.parent).with_suffix("").parts))
            for cls in module.classes.values():
                name = object_name(cls)
                if name in found:
                    sys.exit(f"PyPI stripe has two classes for the object {name}")
                if name is not None:
                    found[name] = (module, cls)
        return found

    def constant(self, dotted, name):
        for node in ast.walk(self.get(dotted).tree):
            if isinstance(node, ast.Assign) and node.targets[0].id == name:
                return node.value.value
        sys.exit(f"PyPI stripe: {dotted} has no {name}")


class Module:
    def __init__(self, dotted, text):
        self.dotted = dotted
        self.tree = ast.parse(text)
        self.classes = {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}
        self.imports = {}  # local name → (module, name there)
        for node in self.statements():
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stripe"):
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = (node.module, alias.name)

    def statements(self):
        """The statements of the module, also those in `if TYPE_CHECKING:`."""
        for node in self.tree.body:
            yield from node.body if isinstance(node, ast.If) else [node]


def object_name(cls):
    """The value of `OBJECT_NAME` in a class body."""
    for node in cls.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Constant):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == "OBJECT_NAME":
                return node.value.value
    return None


def annotated(cls, name):
    """The annotation `NAME: …` in a class body, or None."""
    return next(
        (n for n in cls.body
         if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and n.target.id == name),
        None,
    )
