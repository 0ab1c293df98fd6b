"""The import rule, and what a server may not need."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_rooms_import_from_the_rooms_below_them_only():
    check = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_every_room_is_placed_in_the_import_rule():
    rooms = {path.parent.name for path in (ROOT / "src/shortlist").glob("*/__init__.py")}
    rule = (ROOT / "pyproject.toml").read_text()
    assert {room for room in rooms if f"shortlist.{room}" not in rule} == set()


def test_the_server_runs_without_torch():
    """The whole application is imported in a process in which torch cannot be."""
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'onnxscript', 'implicit'): sys.modules[name] = None\n"
        "import shortlist.app.factory, shortlist.cli.main, shortlist.funnel.engine\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_training_without_torch_is_told_how_to_get_it(tmp_path: Path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from shortlist.cli.main import main\n"
        f"sys.argv = ['shortlist', 'train', '--data', 'movielens', '--state', {str(tmp_path)!r}]; main()"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr == ("error: this command trains, and torch is not installed: pip install 'shortlist[train]'\n")


def test_files_stay_small():
    long = {str(path): n for path in (ROOT / "src").rglob("*.py") if (n := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_nothing_is_unpickled_or_evaluated():
    found = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            names |= {node.module} if isinstance(node, ast.ImportFrom) else set()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                names.add(node.func.id)
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", None):
                names.add("allow_pickle")
            found += [
                (str(path), name) for name in names & {"pickle", "joblib", "dill", "eval", "exec", "allow_pickle"}
            ]
    assert found == []


def test_only_what_compares_with_it_may_see_the_truth():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (truth,) = [contract for contract in contracts if contract["name"].startswith("Truth")]
    rooms = {f"shortlist.{path.parent.name}" for path in (ROOT / "src/shortlist").glob("*/__init__.py")}
    seeing = {"shortlist.cli", "shortlist.rehearsal", "shortlist.simulation", "shortlist.workbook"}
    assert rooms - set(truth["source_modules"]) == seeing
