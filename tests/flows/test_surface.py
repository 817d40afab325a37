"""Nothing that a user relies on changes unnoticed, and nothing is undocumented.

When a change is meant: `python -m flows.surface` and `python -m flows.reference` write the files anew.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import flows
from flows.reference import GENERATED, PAGES, commands, commands_page, configuration_page
from flows.settings import PREFIX, Settings

ROOT = Path(flows.__file__).parents[1]


COMMANDS = commands()


def test_help_texts_flows_and_schedules_are_as_stored(tmp_path):
    code = "from flows.surface import surface; print(surface(), end='')"
    environment = {name: text for name, text in os.environ.items() if not name.startswith("REELHOUSE_")}
    environment |= {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout == (ROOT / "tests/flows/surface.txt").read_text(encoding="utf-8"), (
        "run: python -m flows.surface"
    )


def test_prefect_yaml_has_the_deployments_of_serve():
    stored = (ROOT / "tests/flows/surface.txt").read_text(encoding="utf-8")
    served = [
        line
        for line in stored.splitlines()
        if line.startswith(("    entry point", "    deployment", "    limit"))
    ]
    found = []
    for each in yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]:
        crons = [schedule["cron"] for schedule in each.get("schedules", ())]
        assert {schedule["timezone"] for schedule in each.get("schedules", ())} <= {"UTC"}
        flow = each["entrypoint"].rpartition(".")[2]
        lines = [f"    entry point {each['entrypoint']}"]
        lines.append(f"    deployment {flow}/{each['name']}, {', '.join(crons) or 'by hand'}")
        if limit := each.get("concurrency_limit"):
            lines.append(f"    limit {limit['limit']}, {limit['collision_strategy']}")
        found.append(lines)
    assert sorted(line for lines in found for line in lines) == sorted(served)


@pytest.mark.parametrize("name", GENERATED)
def test_each_generated_page_is_up_to_date(name):
    assert (PAGES / name).read_text(encoding="utf-8") == GENERATED[name](), "run: python -m flows.reference"


def test_every_setting_says_what_it_is_and_is_on_the_page():
    page = configuration_page()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `{PREFIX}{name.upper()}` |" in page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is_and_is_on_the_page(name):
    _, found, section = commands_page().partition(f"\n## reelhouse {name}\n")
    assert found
    section = section.partition("\n## ")[0]
    assert f"reelhouse {name}" in section, "an example"
    for parameter in COMMANDS[name].params:
        if parameter.name != "help":
            assert parameter.help, parameter.name
            shown = [option for option in parameter.opts if option.startswith("-")]
            for option in shown or [parameter.name.upper()]:
                assert f"`{option}`" in section


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_named_on_a_page_that_somebody_wrote(name):
    pages = [ROOT / "README.md", *(page for page in PAGES.glob("*.md") if page.name not in GENERATED)]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert re.search(rf"(reelhouse |· `){name}\b", text), name
