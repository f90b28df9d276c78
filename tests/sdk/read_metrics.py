"""Reads a page of metrics as Prometheus does, and writes what it found as JSON."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

found = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        assert sample.name.startswith(family.name), sample
    found[family.name] = {
        "type": family.type,
        "help": family.documentation,
        "samples": [[sample.name, sample.labels, sample.value] for sample in family.samples],
    }
print(json.dumps(found))
