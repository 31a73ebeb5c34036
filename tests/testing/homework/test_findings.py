import json

from tinygrad_dl.testing.homework.findings import RIGHT, WRONG, Finding, Quantity


def test_a_finding_survives_its_way_through_json():
    quantities = (Quantity("dW1", WRONG, ("sign", "Z for A"), "largest difference 2"), Quantity("db1", RIGHT))
    finding = Finding("net", WRONG, ("rows are samples",), quantities, report="…", place="h.py:3", names=("net",))
    assert Finding.from_dict(json.loads(json.dumps(finding.as_dict()))) == finding
