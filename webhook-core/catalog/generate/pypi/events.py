"""Reads the events of a PyPI package `stripe`."""

import ast
import sys

from modules import annotated


def snapshot_types(modules):
    kind = annotated(modules.get("stripe._event").classes["Event"], "type")
    if kind is None:
        sys.exit("PyPI stripe: class Event has no type")
    return [element.value for element in kind.annotation.slice.elts]


def params_class(modules, method):
    """The parameters of a method of webhook endpoints: a module of its own since basil, before it a class inside."""
    dotted = f"stripe.params._webhook_endpoint_{method}_params"
    name = f"{method.capitalize()}Params"
    if modules.has(dotted):
        return modules.get(dotted).classes[f"WebhookEndpoint{name}"]
    endpoint = modules.get("stripe._webhook_endpoint").classes["WebhookEndpoint"]
    return next(n for n in endpoint.body if isinstance(n, ast.ClassDef) and n.name == name)


def enabled_events(modules):
    found = {}
    for method in ("create", "modify"):
        annotation = annotated(params_class(modules, method), "enabled_events").annotation
        literal = next(n for n in ast.walk(annotation) if isinstance(n, ast.Subscript) and n.value.id == "Literal")
        found[method] = [element.value for element in literal.slice.elts]
    return found


def thin_event(reader, module, cls):
    kinds = {"RelatedObject": "object", "RelatedSingletonObject": "singleton"}
    event = {"related": None, "objects": [], "data": None}
    data = annotated(cls, "data")
    if data is not None:
        event["data"] = reader.type(module, cls, data.annotation)["fields"]
    reference = annotated(cls, "related_object")
    if reference is not None:
        event["related"] = kinds[reference.annotation.id]
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "fetch_related_object":
            event["objects"] = reader.type(module, cls, node.returns)["of"]
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
