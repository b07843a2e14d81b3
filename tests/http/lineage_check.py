"""Holds run events against the classes that OpenLineage generates from its specification: lineage_check.py EVENTS"""

import json
import sys

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields


def facet(tree, kind, **fields):
    """A facet of a kind, whose schema is the one that the class has."""
    made = kind(**fields)
    assert tree["_schemaURL"] == kind._get_schema(), (tree["_schemaURL"], kind._get_schema())
    assert set(tree) == {"_producer", "_schemaURL", *fields}, tree
    return made


def dataset(tree, kind):
    facets = {}
    for name, inner in tree.pop("facets", {}).items():
        assert name == "schema", name
        fields = [SchemaDatasetFacetFields(**field) for field in inner["fields"]]
        facets[name] = facet(inner, SchemaDatasetFacet, fields=fields)
    return kind(facets=facets, **tree)


def run(tree):
    facets = {}
    for name, inner in tree["facets"].items():
        assert name == "errorMessage", name
        said = {key: inner[key] for key in ("message", "programmingLanguage")}
        facets[name] = facet(inner, ErrorMessageRunFacet, **said)
    return Run(runId=tree["runId"], facets=facets)


events = [json.loads(line) for line in open(sys.argv[1])]
assert events
for event in events:
    schema = event.pop("schemaURL")
    made = RunEvent(
        eventType=RunState(event.pop("eventType")),
        eventTime=event.pop("eventTime"),
        run=run(event.pop("run")),
        job=Job(**event.pop("job")),
        inputs=[dataset(one, InputDataset) for one in event.pop("inputs")],
        outputs=[dataset(one, OutputDataset) for one in event.pop("outputs")],
        producer=event.pop("producer"),
    )
    assert schema == made.schemaURL, (schema, made.schemaURL)
    assert not event, event
