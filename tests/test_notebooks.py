"""The form of the notebooks: executed, clean, explained, linked. That their outputs still hold is what `pytest --nbval` checks."""

import base64
import io
import itertools
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from nalu_helpers import plots

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in PATHS}
MARKER = re.compile(r"NBVAL_\w+|nbval-\w+|raises-exception", re.IGNORECASE)
STARS = "★ is done in a minute, ★★ needs paper or a short training, ★★★ needs an idea or an experiment of your own."

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def code_cells(name):
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


def text_of(name):
    return "\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown")


def places(name):
    """What JupyterLab calls the headings of a notebook in a link, NAME.ipynb#place."""
    return [heading.replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text_of(name), re.MULTILINE)]


def outputs(name):
    return [output for cell in code_cells(name) for output in cell.outputs]


def test_the_first_six_are_there():
    assert [path.stem[:2] for path in PATHS][:6] == ["00", "01", "02", "03", "04", "05"]


@each_notebook
def test_executed_from_top_to_bottom(name):
    assert [cell.execution_count for cell in code_cells(name)] == list(range(1, len(code_cells(name)) + 1))


@each_notebook
def test_no_error_and_nothing_on_stderr(name):
    assert not [output for output in outputs(name) if output.output_type == "error" or output.get("name") == "stderr"]


@each_notebook
def test_no_path_address_or_duration_in_an_output(name):
    said = "\n".join(output.get("text", "") + str(output.get("data", {}).get("text/plain", "")) for output in outputs(name))
    assert not re.search(r"/(root|home|tmp|usr|Users|work)/|[A-Z]:\\|0x[0-9a-f]{6,}|\b\d+(\.\d+)? ?(ms|µs|seconds)\b", said)


@each_notebook
def test_stored_widgets_hold_no_duration(name):
    state = NOTEBOOKS[name].metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    views = [
        output.data["application/vnd.jupyter.widget-view+json"]["model_id"]
        for output in outputs(name)
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    assert set(views) <= set(state)
    assert not re.search(r"\d\d:\d\d|/s\]", str(state))


@each_notebook
def test_few_cells_are_passed_over_and_each_says_why(name):
    marked = [cell for cell in code_cells(name) if MARKER.search(cell.source + " ".join(cell.metadata.get("tags", [])))]
    assert len(marked) <= 0.05 * len(code_cells(name))
    for cell in marked:
        assert re.search(r"#.*NBVAL_\w+.{15,}", cell.source) or cell.metadata.get("reason")


@each_notebook
def test_opens_with_title_question_aim_and_minutes(name):
    first = NOTEBOOKS[name].cells[0].source
    assert first.startswith(f"# {name[:2]} · ")
    for part in ("**Question.**", "**After this notebook**", "**About ", " minutes** · "):
        assert part in first


@each_notebook
def test_ends_with_exercises_and_folded_executed_solutions(name):
    cells = NOTEBOOKS[name].cells
    headings = {cell.source.splitlines()[0]: i for i, cell in enumerate(cells) if cell.cell_type == "markdown" and cell.source}
    exercises, solutions, end = (headings[heading] for heading in ("## Exercises", "## Solutions", "## Where next"))
    assert exercises < solutions < end
    assert cells[solutions].metadata["jp-MarkdownHeadingCollapsed"] is True
    asked = [cell for cell in cells[exercises:solutions] if "answer = ..." in cell.source]
    solved = [cell for cell in cells[solutions:end] if "checks.exercise_" in cell.source]
    assert 2 <= len(asked) <= 3 and len(solved) == len(asked)
    assert all(cell.outputs[-1].text.startswith("Not yet: ") for cell in asked)
    assert all(cell.outputs[-1].text.startswith("Yes. ") for cell in solved)


@each_notebook
def test_is_summed_up_in_three_lines_says_how_hard_each_exercise_is_and_where_to_read_on(name):
    cells = NOTEBOOKS[name].cells
    starts = {cell.source.splitlines()[0]: cell.source for cell in cells if cell.cell_type == "markdown" and cell.source}
    assert len(re.findall(r"^- ", starts["## Takeaways"], re.MULTILINE)) == 3
    assert 2 <= len(re.findall(r"^- .*\]\(https://", starts["## Further reading"], re.MULTILINE)) <= 6
    assert STARS in starts["## Exercises"]
    asked = re.findall(rf"^\*\*{name[:2]}\.\d\*\*( ★{{1,3}} )?", text_of(name).split("## Solutions")[0], re.MULTILINE)
    assert asked and all(asked)
    reading = len(text_of(name).split("## Exercises")[0].split()) / 200
    assert reading <= int(re.search(r"\*\*About (\d+) minutes", cells[0].source)[1])


@pytest.mark.parametrize("where", ["README.md", "notebooks/00_start_here.ipynb"])
def test_the_map_says_of_every_notebook_how_many_minutes_it_says_itself(where):
    text = text_of("00_start_here") if where.startswith("notebooks") else (ROOT / where).read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (\d\d) \|.*\| (\d+) \|$", text, re.MULTILINE))
    assert told == {name[:2]: re.search(r"\*\*About (\d+) minutes", NOTEBOOKS[name].cells[0].source)[1] for name in NOTEBOOKS}


@each_notebook
def test_the_answer_to_a_guess_is_folded_until_the_reader_asks(name):
    """Below the question, where it is printed, and above it, in the code that says why."""
    code = code_cells(name)
    asked = [i for i, cell in enumerate(code) if "explorers.guess(" in cell.source]
    assert asked == [i for i, cell in enumerate(code) if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert all("hide-input" in code[i].metadata["tags"] for i in asked)
    folded = [i for i, cell in enumerate(code) if cell.metadata.get("jupyter", {}).get("outputs_hidden")]
    assert folded == [i + 1 for i in asked] and all("hide-output" in code[i].metadata["tags"] for i in folded)


@each_notebook
def test_every_paper_that_is_linked_stands_in_the_bibliography(name):
    bibliography = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((https://(?:arxiv\.org/abs|medium\.com)/[^)]+)\)", text_of(name))
    assert set(linked) <= set(re.findall(r"url\s*= \{(.+)\}", bibliography))


@each_notebook
def test_cells_are_short_and_the_text_is_most_of_it(name):
    assert max(len(cell.source.splitlines()) for cell in code_cells(name)) <= 12
    assert max(len(line) for cell in code_cells(name) for line in cell.source.splitlines()) <= 100
    assert len(code_cells(name)) <= 0.6 * len(NOTEBOOKS[name].cells)


@each_notebook
def test_every_figure_is_introduced_explained_and_described(name):
    cells = NOTEBOOKS[name].cells
    for i, cell in enumerate(cells):
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                assert output.metadata["image/png"]["alt"], cell.source
                assert cells[i - 1].cell_type == "markdown" or cells[i - 2].cell_type == "markdown", cell.source
                assert cells[i + 1].cell_type == "markdown", cell.source


@each_notebook
def test_every_figure_fits_a_column_and_says_how_wide_it_is_shown(name):
    """At one size, so that letters are as large in one figure as in another."""
    for output in outputs(name):
        if "image/png" in output.get("data", {}):
            wide = Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).width
            assert wide <= plots.WIDE * plots.STYLE["figure.dpi"], output["data"]["text/plain"]
            assert output.metadata["image/png"].get("width") == round(plots.SHOWN * wide), output["data"]["text/plain"]


@each_notebook
def test_nothing_is_cut_off_at_the_edge_of_a_figure(name):
    pictures = [output["data"]["image/png"] for output in outputs(name) if "image/png" in output.get("data", {})]
    for number, picture in enumerate(pictures, 1):
        seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGBA"))[..., 3] > 40
        assert not (seen[[0, -1]].any() or seen[:, [0, -1]].any()), f"Figure {name[:2]}.{number}"


@each_notebook
def test_predictions_come_before_experiments(name):
    guesses = sum("explorers.guess(" in cell.source for cell in code_cells(name))
    assert text_of(name).count("**Write down your prediction.**") + guesses >= (1 if name.startswith("00") else 2)


@each_notebook
def test_a_prediction_is_asked_for_in_a_paragraph_of_its_own_which_says_of_what(name):
    """The site sets it apart. Above a scale for a guess it is left out, since the scale has the question."""
    paragraphs = [part for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown" for part in cell.source.split("\n\n")]
    asked = [paragraph for paragraph in paragraphs if "**Write down your prediction" in paragraph]
    assert all(re.match(r"\*\*Write down your prediction\.\*\* \S", paragraph) for paragraph in asked), asked


@each_notebook
def test_a_formula_with_an_exponent_or_a_root_of_more_than_one_name_is_set(name):
    """Typed, it breaks at the end of a line. 10⁸, x² and √v do not."""
    typed = re.sub(r"\$\$.+?\$\$|\$[^$\n]+\$|`[^`]*`|\]\([^)]*\)", "", text_of(name), flags=re.DOTALL)
    assert not re.findall(r".{0,20}(?:\^|[ʷᵏᵗˣⁿᶻⁱ]|√\().{0,5}", typed)


@each_notebook
def test_links_to_files_resolve(name):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(name)):
        assert target.startswith("https://") or (ROOT / "notebooks" / target).exists(), target


@each_notebook
def test_a_link_to_a_section_names_one_of_its_headings(name):
    for target, place in re.findall(r"\]\(([^)#:]*)#([^)]*)\)", text_of(name)):
        assert places(Path(target).stem or name).count(place) == 1, (target, place)
        if not target:  # JupyterLab takes the first such heading of all the notebooks that are open
            assert sum(places(other).count(place) for other in NOTEBOOKS) == 1, place


@each_notebook
def test_a_paragraph_that_speaks_of_another_notebook_links_to_it(name):
    for paragraph in "\n\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown").split("\n\n"):
        said = re.sub(r"\]\([^)]*\)", "", paragraph)
        for number in re.findall(r"(?<![\d.,])0\d(?![.,]?\d)", said):  # 10 to 13 may be any number
            assert number == name[:2] or f"({number}_" in paragraph, paragraph


@each_notebook
def test_links_to_the_one_before_and_the_one_after(name):
    names, first = list(NOTEBOOKS), NOTEBOOKS[name].cells[0].source
    place = names.index(name)
    if place:
        assert f"previous: [{names[place - 1][:2]}" in first and f"({names[place - 1]}.ipynb)" in first
    if place + 1 < len(names):
        assert f"({names[place + 1]}.ipynb)" in first and f"({names[place + 1]}.ipynb)" in NOTEBOOKS[name].cells[-1].source


@each_notebook
def test_runs_alone(name):
    source = "\n".join(cell.source for cell in code_cells(name))
    assert code_cells(name)[0].source.startswith("from nalu_helpers import ")
    assert not re.search(r"^[%!]|%run|open\(|pip install", source, re.MULTILINE)


@each_notebook
def test_headings_are_in_order_and_the_kernel_is_the_plain_one(name):
    levels = [len(mark) for mark in re.findall(r"^(#+) ", text_of(name), re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    metadata = NOTEBOOKS[name].metadata
    assert metadata.kernelspec.name == "python3" and "version" not in metadata.language_info


def test_the_map_lists_every_notebook():
    for name in list(NOTEBOOKS)[1:]:
        assert f"({name}.ipynb)" in text_of("00_start_here")
