"""Writes pages from templates into the folder of the site."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tasks.report import text
from tasks.report.labels import SAMPLINGS
from tasks.report.previous import Previous
from tasks.report.snapshot import Examples, Snapshot

TEMPLATES = Path(__file__).parent.parent / "templates"
FILTERS = (
    text.thousands,
    text.percent,
    text.effective_centre,
    text.signed,
    text.degrees,
    text.duration,
    text.memory,
    text.subgroup_name,
    text.profile_code,
)
FUNCTIONS = (
    text.feature_page,
    text.neuron_page,
    text.transform_name,
    text.stimuli_named,
    text.curve_code,
    text.tuning_numbers,
)


class PageWriter:
    """A folder of the site, and the values that all templates can use.

    snapshot, examples: what the pages show
    menu: (name, file, label) of the pages in the menu, in its order
    previous: the site that is replaced
    """

    def __init__(
        self,
        folder: Path,
        snapshot: Snapshot,
        examples: Examples,
        menu: list[tuple[str, str, str]],
        previous: Previous,
    ) -> None:
        self.folder = folder
        self._previous = previous
        self._shared = {"snapshot": snapshot, "examples": examples, "menu": menu}
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {function.__name__: function for function in FILTERS}
        self._environment.globals |= {function.__name__: function for function in FUNCTIONS}
        self._environment.globals |= {
            "SAMPLINGS": SAMPLINGS,
        }

    def write(self, path: str, template: str, **values: Any) -> None:
        """Write one file of the site from a template. path: from the site's root."""
        rendered = self._environment.get_template(template).render(self._shared | values)
        content = rendered.encode()
        if not self._previous.link_equal(path, content, self.folder):
            (self.folder / path).write_bytes(content)
