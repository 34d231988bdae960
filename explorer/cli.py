"""The command line: explorer data | train | encode | evaluate | store | bench | serve | pass | dashboard."""

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError, InvalidInput


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 2, after one sentence, for what a person got wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except ExplorerError as error:
        print(f"explorer: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="explorer", description="Explore neural representations of signals.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument("--json", action="store_true", help="print JSON")
        return made

    def takes_signals(made: argparse.ArgumentParser) -> None:
        made.add_argument("signals", metavar="SIGNALS", help="a built-in set, a file, a folder, or a name given before")
        made.add_argument("--array", help="which array of a file that holds several")

    data = command("data", _data, "list the signal sets, describe one, or add files")
    data.add_argument("name", nargs="?", metavar="NAME", help="a set to describe, or 'add'")
    data.add_argument("files", nargs="*", metavar="FILE", help="after 'add': files or folders")
    data.add_argument("--name", dest="as_name", help="what to call the added set")
    data.add_argument("--array", help="which array of a file that holds several")
    data.add_argument("--column", action="append", default=[], metavar="NAME=ROLE", help="what a table's column is")
    data.add_argument("--size", type=int, nargs="+", default=[], help="bring every signal onto this grid")
    data.add_argument("--crop", action="store_true", help="cut images to one proportion, a square without --size")
    data.add_argument("--channels", nargs="+", default=[], help="keep these; 'gray' mixes colours")
    data.add_argument("--standardise", default="", choices=("", "signal", "set"))
    data.add_argument("--dry-run", action="store_true", help="say what the files hold, and keep nothing")

    train = command("train", _train, "train a representation and print the checkpoint's id")
    train.add_argument("representation", metavar="REPRESENTATION")
    takes_signals(train)
    train.add_argument("--preset", default="default")
    train.add_argument("--split", default="train", choices=("train", "validation", "test", "all"))
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of the preset")

    encode = command("encode", _encode, "encode signals and write codes, vectors and ids")
    encode.add_argument("checkpoint", metavar="CHECKPOINT", help="a checkpoint's name, or its id or the start of it")
    takes_signals(encode)
    encode.add_argument("--resolution", type=int, nargs="+", metavar="R", help="one number, or one for each axis")
    encode.add_argument("--seed", type=int, default=0)
    encode.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUTPUT",
        help="a file whose name ends in .safetensors, or a new folder for codes, labels and checkpoint, to give away",
    )

    evaluate = command("evaluate", _evaluate, "score a checkpoint over resolutions, beside the control on raw samples")
    evaluate.add_argument("checkpoint", metavar="CHECKPOINT")
    takes_signals(evaluate)
    evaluate.add_argument("--resolutions", type=int, nargs="+", default=[], metavar="R")
    evaluate.add_argument("--split", default="test", choices=("train", "validation", "test", "all"))
    evaluate.add_argument("--clustering", default="kmeans")
    evaluate.add_argument("--k", type=int, help="number of clusters; default: the number of classes")
    evaluate.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    evaluate.add_argument(
        "--classify",
        nargs="?",
        const="xgboost",
        metavar="METHOD",
        help="fit a classifier to the training codes instead of clusters: xgboost, logistic, knn, mlp, best, or cloud "
        "for codes that are clouds",
    )

    evaluate.add_argument(
        "--with",
        dest="others",
        nargs=2,
        action="append",
        default=[],
        metavar=("CHECKPOINT", "SIGNALS"),
        help="with --classify: another modality of the same samples, in the same order, whose vectors are joined",
    )

    store = command("store", _store, "look after the store")
    store.add_argument("action", choices=["check"], help="check: verify every hash")

    bench = command("bench", _bench, "measure speed and memory on this machine, as ratios taken in one run")
    bench.add_argument("names", nargs="*", metavar="NAME")

    serve = command("serve", _serve, "run the model server")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    serve.add_argument("--child", action="store_true", help=argparse.SUPPRESS)

    pass_ = command("pass", _pass, "make a token that opens the model server of EXPLORER_TOKEN for some hours")
    pass_.add_argument("--hours", type=float, default=8.0)

    dashboard = command("dashboard", _dashboard, "run the app; further options are those of `panel serve`")
    dashboard.add_argument("panel", nargs=argparse.REMAINDER, metavar="...")
    return parser


# ---------------------------------------------------------------------------------------------------------------------


def _signals(options: argparse.Namespace) -> Any:
    """SIGNALS: what ``explorer.load`` takes, or the name or id of a set that the engine keeps."""
    import explorer

    engine = explorer.connect()
    if any(options.signals in (entry.name, entry.id) for entry in engine.entries("signals")):
        return engine.load(options.signals)
    return explorer.load(options.signals, array=options.array)


def _print(options: argparse.Namespace, value: Any, text: str) -> None:
    print(json.dumps(value) if options.json else text)


def _progress() -> Callable[[Any], None]:
    """A line on the terminal that says how far it is and how long it will take."""
    start = time.monotonic()

    def show(progress: Any) -> None:
        elapsed = time.monotonic() - start
        left = elapsed / progress.step * (progress.total - progress.step) if progress.step else float("nan")
        figures = "  ".join(f"{name} {value:.3g}" for name, value in progress.metrics.items())
        end = f"{elapsed:.0f} s, {left:.0f} s left"
        print(f"\r{progress.step}/{progress.total}  {progress.message}  {figures}  {end}   ", end="", file=sys.stderr)
        if progress.step >= progress.total:
            print(file=sys.stderr)

    return show if sys.stderr.isatty() else lambda progress: None


def _data(options: argparse.Namespace) -> None:
    import explorer

    engine = explorer.connect()
    if options.name == "add":
        if not options.files:
            raise InvalidInput("Got no file; expected `explorer data add FILE …`.")
        return _add(options, engine)
    if options.name is None:
        sets = explorer.datasets() | {e.name: f"{e.details['count']} signals" for e in engine.entries("signals")}
        return _print(options, sets, "\n".join(f"{name:16} {text}" for name, text in sets.items()))
    options.signals = options.name
    signals = _signals(options)
    about = {
        "name": signals.name,
        "id": signals.id,
        "count": len(signals),
        "axes": [f"{a.name} [{a.unit}] {a.start:g} to {a.stop:g}" for a in signals.axes],
        "channels": list(signals.channels),
        "value_range": list(signals.value_range),
        "shape": signals.shape and list(signals.shape),
        "classes": list(signals.class_names),
        "splits": {name: len(signals.part(name)) for name in ("train", "validation", "test")}
        if signals.split is not None
        else None,
    }
    _print(options, about, "\n".join(f"{name:12} {value}" for name, value in about.items()))


def _add(options: argparse.Namespace, engine: Any) -> None:
    """Files go the way of every upload: through the engine, and a decoder of their own."""
    from dataclasses import asdict, fields

    columns = dict(_pair(column, "--column", "NAME=ROLE") for column in options.column)
    choices: dict[str, Any] = {
        "name": options.as_name, "array": options.array, "columns": columns, "size": tuple(options.size),
        "crop": options.crop, "channels": tuple(options.channels), "standardise": options.standardise,
    }  # fmt: skip
    source = options.files[0] if len(options.files) == 1 else options.files
    if options.dry_run:
        reading = engine.inspect(source, **choices)
        about = {f.name: getattr(reading, f.name) for f in fields(reading) if f.name != "shown"}
        about["choices"] = [asdict(choice) for choice in reading.choices]
        text = "\n".join(f"{name:12} {value}" for name, value in about.items() if value not in ((), [], {}, 0))
        return _print(options, about, text)
    signals = engine.upload(source, **choices)
    _print(options, {"signals": signals.id, "name": signals.name, "count": len(signals)}, signals.id)


def _pair(text: str, option: str, expected: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals:
        raise InvalidInput(f"Got {option} {text!r}; expected {expected}.")
    return name, value


def _train(options: argparse.Namespace) -> None:
    import explorer

    config = {}
    for setting in options.set:
        field, equals, value = setting.partition("=")
        if not equals:
            raise InvalidInput(f"Got --set {setting!r}; expected FIELD=VALUE.")
        try:
            config[field] = json.loads(value)
        except ValueError:
            config[field] = value
    signals = _signals(options)
    start = time.monotonic()
    checkpoint = explorer.connect().train(
        options.representation,
        signals,
        preset=options.preset,
        split=options.split,
        seed=options.seed,
        report=_progress(),
        **config,
    )
    seconds = time.monotonic() - start
    value = {"checkpoint": checkpoint.id, "seconds": round(seconds, 2), "config": dict(checkpoint.config)}
    _print(options, value, checkpoint.id)


def _encode(options: argparse.Namespace) -> None:
    import explorer
    from explorer.artifacts import Artifact
    from explorer.store import publish

    engine = explorer.connect()
    resolution = options.resolution
    if resolution is not None and len(resolution) == 1:
        resolution = resolution[0]
    codes = engine.encode(
        engine.checkpoint(options.checkpoint), _signals(options), resolution, seed=options.seed, report=_progress()
    )
    if options.output.suffix == ".safetensors":
        arrays = {f"code/{name}": array for name, array in codes.arrays.items()}
        arrays |= {f"vectors/{space}": engine.vectors(codes, space) for space in codes.spaces}
        meta = {"recipe": codes.recipe.to_json(), "ids": list(codes.ids), "representation": codes.representation}
        publish(options.output, Artifact("codes", arrays, meta).to_bytes())
    else:
        engine.export(codes, options.output)
    _print(options, {"codes": len(codes), "output": str(options.output)}, str(options.output))


def _evaluate(options: argparse.Namespace) -> None:
    import explorer

    engine = explorer.connect()
    if options.others and not options.classify:
        raise InvalidInput("Got --with without --classify; expected both, for modalities are joined to be classified.")
    if options.classify:
        return _classify(options, engine)
    rows = engine.evaluate(
        engine.checkpoint(options.checkpoint),
        _signals(options).part(options.split),
        options.resolutions,
        method=options.clustering,
        k=options.k,
        seeds=options.seeds,
        report=_progress(),
    )
    _print(options, {"rows": rows}, _table(rows, ("resolution", "space", "ami", "ari", "drift", "psnr_db")))


def _two_parts(signals: Any, split: str) -> tuple[Any, Any]:
    """Signals to train a classifier on and to ask it about: by their split, else a fifth is held out."""
    from explorer.splits import holdout

    if signals.split is not None:
        return signals.part("train"), signals.part(split)
    if signals.labels is None:
        raise InvalidInput(f"Got {signals.name!r}, which has no labels; expected a labelled signal set.")
    train, test = (signals[rows] for rows in holdout(signals.labels, share=0.2))
    return train, test


def _classify(options: argparse.Namespace, engine: Any) -> None:
    from explorer.messages import CLOUD, RAW, control_method

    modalities = [(engine.checkpoint(options.checkpoint), *_two_parts(_signals(options), options.split))]
    for checkpoint, name in options.others:
        other = _signals(argparse.Namespace(signals=name, array=None))
        modalities.append((engine.checkpoint(checkpoint), *_two_parts(other, options.split)))
    rows = []
    for resolution in options.resolutions or [None]:
        train, test = (
            [engine.encode(m[0], m[part], resolution, report=_progress()) for m in modalities] for part in (1, 2)
        )
        shared = [space for space in train[0].spaces if all(space in codes.spaces for codes in train)]
        asked = [(space, options.classify) for space in (shared if options.classify != CLOUD else ("",))]
        for space, method in (*asked, (RAW, control_method(options.classify))):
            found = engine.classify(train, test, method, space=space, seeds=options.seeds, report=_progress())
            scores = {k: found[k] for k in ("accuracy", "accuracy_std", "macro_f1", "macro_f1_std")}
            row = {"resolution": resolution, "space": space or None, "classifier": found["method"], **scores}
            rows.append(row | {"per_class": found["per_class"], "confusion": found["confusion"].tolist()})
    columns = ("resolution", "space", "classifier", "accuracy", "macro_f1")
    _print(options, {"rows": rows}, _table(rows, columns))


def _table(rows: list[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as aligned text; a spread stands behind its mean, a hyphen where there is nothing to say."""

    def cell(row: dict[str, Any], column: str) -> str:
        value, spread = row[column], row.get(f"{column}_std")
        if value is None:
            return "-"
        if not isinstance(value, float):
            return str(value)
        return f"{value:.3f}" + (f" ±{spread:.3f}" if spread is not None else "")

    lines = [list(columns)] + [[cell(row, column) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _store(options: argparse.Namespace) -> None:
    from explorer.store import Store, assets_dir, home

    problems = Store(home(), shipped=assets_dir()).check()
    _print(options, {"problems": problems}, "\n".join(problems) or "Every object's content has its name.")
    if problems:
        raise InvalidInput(f"{len(problems)} problems in the store.")


def _bench(options: argparse.Namespace) -> None:
    from explorer import bench

    names = bench.benchmarks()
    unknown = {name.partition(".")[0] for name in options.names} - set(names)
    if unknown:
        raise InvalidInput(f"Got {', '.join(sorted(unknown))}; expected some of {', '.join(names)}.")
    wanted = options.names or [name for name in names if name not in bench.BY_NAME_ONLY]
    rows = [row for name in wanted for row in bench.run(name)]
    columns = ("name", "metric", "value", "unit", "baseline", "ratio", "spread")
    _print(options, {"rows": rows}, _table(rows, columns))


def _serve(options: argparse.Namespace) -> None:
    from explorer.local import LocalEngine
    from explorer.server import serve

    token = os.environ.get("EXPLORER_TOKEN")
    if not token:
        token = secrets.token_urlsafe(32)
        print(f"EXPLORER_TOKEN={token}", file=sys.stderr, flush=True)
    serve(LocalEngine(), token, options.host, options.port, child=options.child)


def _pass(options: argparse.Namespace) -> None:
    from explorer.tokens import pass_for

    token = os.environ.get("EXPLORER_TOKEN")
    if not token:
        raise InvalidInput("Got no EXPLORER_TOKEN; expected that of the model server. Set it.")
    made = pass_for(token, 3600 * options.hours)
    _print(options, {"pass": made}, made)


def _dashboard(options: argparse.Namespace) -> None:
    from panel.command import main as panel

    sys.argv = ["panel", "serve", str(Path(__file__).parent), *options.panel]
    panel()
