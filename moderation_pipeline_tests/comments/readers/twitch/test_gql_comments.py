from __future__ import annotations

import json

import pytest

from moderation_pipeline_tests.comments.lines import counts, is_conserved, read


def node(text: str, *, number: int = 1, **more: object) -> dict[str, object]:
    return {
        "id": f"n{number}",
        "commenter": {"id": "7", "login": "ann", "displayName": "Ann", "__typename": "User"},
        "contentOffsetSeconds": number,
        "createdAt": f"2024-05-06T20:00:{number:02d}.25Z",
        "message": {
            "fragments": [{"emote": None, "text": text}, {"emote": {"emoteID": "25"}, "text": "Kappa"}],
            "userBadges": [{"setID": "moderator", "version": "1"}],
            "userColor": None,
        },
        **more,
    }


def page(*nodes: dict[str, object]) -> str:
    edges = [{"cursor": "c", "node": each} for each in nodes]
    comments = {"edges": edges, "pageInfo": {"hasNextPage": False}}
    video = {"id": "v", "creator": {"id": "22", "channel": {"id": "22"}}, "comments": comments}
    return json.dumps({"data": {"video": video}, "extensions": {"durationMilliseconds": 5}})


PAGES = (page(node("hi "), node("ho ", number=2)), page(node("hey ", number=3, commenter=None)))


@pytest.mark.parametrize(
    "raw",
    ["\n".join(PAGES), f"[{','.join(PAGES)}]", json.dumps([json.loads(each) for each in PAGES], indent=1)],
    ids=["a page a line", "an array of pages", "an array with indents"],
)
def test_pages_of_comments_are_read_in_every_way_that_they_are_kept(raw: str) -> None:
    ingested = read(raw.encode())
    assert ingested.ingestion["format"].item() == "gql_comments"
    assert ingested.comments.select("comment_id", "channel", "user_id", "user_name", "text").rows() == [
        ("n1", "22", "7", "Ann", "hi Kappa"),
        ("n2", "22", "7", "Ann", "ho Kappa"),
        ("n3", "22", None, None, "hey Kappa"),
    ]
    assert ingested.comments["is_moderator"].to_list() == [True] * 3


def test_one_page_as_a_document_is_read_too() -> None:
    raw = json.dumps(json.loads(PAGES[0]), indent=2).encode()
    assert read(raw).comments["text"].to_list() == ["hi Kappa", "ho Kappa"]


def test_a_page_with_an_error_and_one_that_is_cut_off_are_counted() -> None:
    failed = json.dumps({"errors": [{"message": "service timeout"}], "data": {"video": None}})
    ingested = read("\n".join([PAGES[0], failed, PAGES[1][:-40]]).encode())
    assert counts(ingested)["ignored"] == 1
    assert counts(ingested)["rejected"] == 1
    assert is_conserved(ingested)
