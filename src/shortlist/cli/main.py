"""``shortlist``: one command a verb; a user's mistake is one line on standard error and exit status 2."""

from __future__ import annotations

import sys

import typer

import shortlist
from shortlist.cli import (
    data,
    evaluate,
    index,
    items,
    lessons,
    log,
    models,
    off_policy,
    rehearse,
    releases,
    serve,
    simulate,
    train,
    uplift,
)
from shortlist.cli.demo import demo
from shortlist.core.errors import ShortlistError

__all__ = ["app", "main"]

_TRAIN_EXTRA = frozenset({"lightgbm", "onnx", "onnxscript", "torch"})

app = typer.Typer(
    name="shortlist",
    help="Recommender feeds and sponsored search as one engine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("models")(models.models)
app.command("off-policy")(off_policy.off_policy)
app.command("uplift")(uplift.uplift)
app.command("simulate")(simulate.simulate)
app.command("rehearse")(rehearse.rehearse_command)
app.command("serve")(serve.serve)
app.add_typer(releases.app, name="releases")
app.add_typer(log.app, name="log")
app.add_typer(index.app, name="index")
app.add_typer(items.app, name="items")
app.add_typer(lessons.app, name="lessons")


@app.callback(invoke_without_command=True)
def about(
    *,
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    """Recommender feeds and sponsored search as one engine."""
    if version:
        print(shortlist.__version__)
        raise typer.Exit


def main() -> None:
    """The entry point: runs a command and turns a user's mistake into one line."""
    try:
        app()
    except ShortlistError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        if error.name not in _TRAIN_EXTRA:
            raise
        fix = "pip install 'shortlist[train]'"
        print(f"error: this command trains, and {error.name} is not installed: {fix}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.filename is None:
            raise
        fix = "name another place, or mend what stands there and who may read and write it"
        print(f"error: {error.strerror}: {error.filename}: {fix}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
