"""environment.yml, pyproject.toml and constraints.txt say the same, and the README tells the truth about the files."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = [Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
WANTED = [Requirement(line) for line in PYPROJECT["project"]["dependencies"] + [line for extra in EXTRAS.values() for line in extra]]
SYSTEMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def environment(python, system):
    os_name, platform = SYSTEMS[system]
    return {
        "python_version": python,
        "python_full_version": f"{python}.5",
        "sys_platform": system,
        "os_name": os_name,
        "platform_system": platform,
    }


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_dependency_has_one_exact_pin_that_fits(python, system):
    assert python in SpecifierSet(PYPROJECT["project"]["requires-python"])
    here = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate(environment(python, system))]
    for wanted in (wanted for wanted in WANTED if not wanted.marker or wanted.marker.evaluate(environment(python, system))):
        (pin,) = [pin for pin in here if pin.name.lower() == wanted.name.lower()]
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier))
        assert str(pin.specifier)[2:] in wanted.specifier


def test_the_pins_hold_no_address():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--|file:| @ ", text)
    assert "make pins" in text


def test_conda_gets_the_same_python_and_the_same_pins():
    (python,) = [part for part in CONDA if isinstance(part, str) and part.startswith("python")]
    assert SpecifierSet(python.removeprefix("python").strip()) == SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert [part for part in CONDA if isinstance(part, str) and not part.startswith("python")] == ["pip"]
    assert CONDA[-1] == {"pip": ["-c constraints.txt", "-e ."]}


def test_every_dependency_says_what_it_is_for():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for wanted in WANTED:
        assert re.search(rf'^    "{wanted.name}[^"]*", +# .{{5,}}', text, re.MULTILINE), wanted.name


SPELLED = {"sklearn": "scikit-learn"}  # a module's name and its package's, where they differ


def test_what_the_package_imports_is_declared():
    imported = set()
    for path in (ROOT / "nalu_helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    declared = {Requirement(line).name for line in PYPROJECT["project"]["dependencies"] + EXTRAS["cluster"]}
    assert {SPELLED.get(name, name) for name in imported - set(sys.stdlib_module_names)} <= declared


def test_the_readme_lists_every_notebook_and_its_files_exist():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"(notebooks/{path.name})" in README
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
    for word in re.findall(r"`make (\w+)`", README):
        assert re.search(rf"^{word}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), word


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_the_workflows_have_the_form_that_github_expects():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert WORKFLOWS and checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_little_and_its_actions_have_a_version(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert "permissions" in workflow and set(workflow["permissions"].values()) <= {"read"}, "a job that writes says so itself"
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 180
        for step in job["steps"]:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@v\d+", step.get("uses", "a/b@v1"))


def test_the_readmes_commands_run_on_every_system_and_python():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    for job in (jobs["linux-and-macos"], jobs["windows"]):
        assert job["strategy"]["matrix"]["python"] == PYTHONS
    blocks = "\n".join(re.findall(r"^```\w+\n(.*?)^```", README.split("## The notebooks")[0], re.DOTALL | re.MULTILINE))
    commands = " ".join(re.findall(r"^(\S.*?)(?: +#.*)?$", blocks, re.MULTILINE))
    for command in [step["run"] for step in jobs["windows"]["steps"] if "run" in step and "shell" not in step] + ["make lab", "make test"]:
        assert command.replace("${{ matrix.python }}", PYTHONS[-1]) in commands
    assert "make lab" in str(jobs["linux-and-macos"]) and {"run": "make test"} in jobs["linux-and-macos"]["steps"]


def test_make_installs_for_a_reader_only_what_a_reader_needs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    stamps = dict(re.findall(r"^(lab|test|browser|notebooks|html|benchmark|pins): \$\((\w+)\)", makefile, re.MULTILINE))
    installs = dict(re.findall(r'^\$\((\w+)\):.*\n(?:\t.*\n)*?\t\$\(INSTALL\) -e "?(\S+?)"?\n', makefile, re.MULTILINE))
    assert {command: installs[stamp] for command, stamp in stamps.items()} == {
        "lab": ".",
        "test": ".[test]",
        "browser": ".[browser]",
        "notebooks": ".[test]",
        "html": ".[docs]",
        "benchmark": ".",
        "pins": ".",
    }


def test_the_citation_names_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["license"] == PYPROJECT["project"]["license"] == "MIT"
    assert [author["family-names"] for author in citation["preferred-citation"]["authors"]][0] == "Trask"
    assert "MIT License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
