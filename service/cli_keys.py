"""``saclip keys``: make an API key."""

from typing import Annotated

import typer

keys_app = typer.Typer(no_args_is_help=True, help="API keys.")


@keys_app.callback()
def keys() -> None:
    """API keys."""


@keys_app.command("new")
def keys_new(
    name: Annotated[str, typer.Argument(help="Whose key it is; shown in refusals and logs.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, score, admin or metrics; may come often. Default: read, score."),
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Requests a minute.")] = None,
) -> None:
    """Make a key: the key itself goes to stderr once, its line for the key file to stdout.

    So `saclip keys new camera-7 >> keys.txt` shows the key and keeps only its hash.
    """
    from service.errors import ServiceError
    from service.keys import new_key

    try:
        key, line = new_key(name, scope or ["read", "score"], rate)
    except ServiceError as error:
        typer.echo(f"saclip: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"key (shown only now): {key}", err=True)
    typer.echo(line)
