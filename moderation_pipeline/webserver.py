"""Dagster's webserver behind a guard, for `moderation ui`: orders are taken from its own page alone.

Dagster answers any Host and Origin and carries out mutations that come by GET, so any web page that a user has open
could start paid runs or delete them. What is refused here is refused before Dagster sees it. Nothing else is changed.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from dagster_webserver import cli
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from moderation_pipeline.slugs import BadSlugError, check_slug
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.objects.follow import RESULTS, follow

REPORTS_AT = "/reports"
"""Where the reports are; `defs/plots.py` links there."""

ALLOWED_HOSTS = "MODERATION_UI_HOSTS"
"""The variable that hands the names over under which the page may be asked for, with commas between."""

SHOWS = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
SANDBOX = f"sandbox; {SHOWS}"
CASES = re.compile(r"(search|page-\d{1,4})\.html")
"""The pages of a chat's disagreements, which have a script each; without the origin of Dagster's page it can't do more
than show, and hand over what was said as a file."""

MAKES_APPLICATION = "create_app_from_workspace_process_context"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class PageGuard:
    """Refuses what does not come from the page itself: a foreign Host or Origin, and mutations by GET."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = {*LOOPBACK, *(host.lower() for host in hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 405 with the reason, or hand the request on."""
        refusal = self.refusal_of(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1][:120]})
        else:
            status, reason = refusal
            await PlainTextResponse(reason, status)(scope, receive, send)

    def refusal_of(self, scope: Mapping[str, Any]) -> tuple[int, str] | None:
        """Return the status and reason with which a request is refused; null where it may pass."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(f"//{host}"):
            return 403, f"Asked for as {host!r}. {self._allowed()}"
        if origin is not None and (not self._is_ours(origin) or urlsplit(origin).netloc != host):
            return 403, f"Asked by a page of {origin!r}, which may not give orders here. {self._allowed()}"
        if scope.get("method") == "GET" and _is_mutation(scope["query_string"]):
            return 405, "A mutation may only be sent by POST."
        return None

    def _is_ours(self, url: str) -> bool:
        try:
            return (urlsplit(url).hostname or "") in self._hosts
        except ValueError:
            return False

    def _allowed(self) -> str:
        names = ", ".join(sorted(self._hosts))
        return f"Allowed: {names}; 'moderation ui --allow-host NAME' allows another name."


def _is_mutation(query_string: bytes) -> bool:
    """Whether a query in an address holds a mutation; one that is no GraphQL is left to Dagster to refuse."""
    for query in parse_qs(query_string.decode("latin-1")).get("query", ()):
        try:
            document = parse(query)
        except GraphQLError:
            continue
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        if any(each.operation is not OperationType.QUERY for each in operations):
            return True
    return False


def _report_page(request: Request) -> Response:
    """Answer with a chat's report; in a sandbox, for it shows what strangers wrote where orders are taken."""
    return _page_of(request, lambda folder, chat: folder.report(chat, "html"), SANDBOX)


def _cases_page(request: Request) -> Response:
    """Answer with a page of a chat's disagreements, in a sandbox in which its own script runs and no other."""
    from moderation_pipeline.report.disagreement_pages.case_pages import script_hashes

    name = str(request.path_params["name"])
    if CASES.fullmatch(name) is None:
        return PlainTextResponse("There is no such page.", 404)
    scripts = " ".join(f"'{each}'" for each in script_hashes())
    policy = f"sandbox allow-scripts allow-downloads; script-src {scripts}; {SHOWS}"
    return _page_of(request, lambda folder, chat: folder.disagreements(chat) / name, policy)


def _page_of(request: Request, path_of: Callable[[DataFolder, str], Path], policy: str) -> Response:
    chat = str(request.path_params["chat"])
    try:
        folder, chat = DataFolder.find(), check_slug(chat, "Chat")
        follow(folder, tables=[RESULTS], chats=[chat])
        page = path_of(folder, chat).read_bytes()
    except (BadSlugError, FileNotFoundError):
        return PlainTextResponse(f"No report of {chat!r} was written: 'moderation run CHAT' writes one.", 404)
    return HTMLResponse(page, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})


def _to_report(request: Request) -> Response:
    """Send on to where the report's links to the pages beside it lead as they do between files."""
    return RedirectResponse(f"{REPORTS_AT}/{quote(str(request.path_params['chat']), safe='')}/report.html")


def guarded(app: Starlette) -> Starlette:
    """Return the application with the guard in front of all that it serves, and the chats' reports beside it."""
    app.router.routes[:0] = [
        Route(f"{REPORTS_AT}/{{chat}}", _to_report),
        Route(f"{REPORTS_AT}/{{chat}}/report.html", _report_page),
        Route(f"{REPORTS_AT}/{{chat}}/disagreements/{{name}}", _cases_page),
    ]
    hosts = tuple(filter(None, os.environ.get(ALLOWED_HOSTS, "").split(",")))
    app.add_middleware(PageGuard, hosts=hosts)
    return app


def main() -> None:
    """Run Dagster's own command with its own options, the application that it makes guarded."""
    make = getattr(
        cli, MAKES_APPLICATION
    )  # by its name there, which is the one that Dagster's command looks up

    def make_guarded(*arguments: Any, **named: Any) -> Starlette:
        return guarded(make(*arguments, **named))

    setattr(cli, MAKES_APPLICATION, make_guarded)
    command: Callable[[], None] = cli.main
    command()


if __name__ == "__main__":
    main()
