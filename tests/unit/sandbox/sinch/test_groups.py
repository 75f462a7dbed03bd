"""Groups of numbers: made, read, changed, deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import Api, accepted, bad_format, constraint, process, refused

ANNA, BOB, CARL, DORA = (f"9990000{index:04}" for index in range(1, 5))
UNKNOWN = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
KEYWORDS = {"to": "447700900100", "add": {"first_word": "JOIN"}, "remove": {"first_word": "LEAVE"}}


def created(api: Api, *members: str, **fields: Any) -> dict[str, Any]:
    return accepted(api.call("POST", "/groups", json={"members": members, **fields}), 201)


def group(api: Api, group_id: str) -> dict[str, Any]:
    return accepted(api.call("GET", f"/groups/{group_id}"))


def members(api: Api, group_id: str) -> list[str]:
    response = api.call("GET", f"/groups/{group_id}/members")
    assert response.status_code == 200
    numbers: list[str] = response.json()
    return numbers


def update(api: Api, group_id: str, **fields: Any) -> requests.Response:
    return api.call("POST", f"/groups/{group_id}", json=fields)


def replace(api: Api, group_id: str, **fields: Any) -> requests.Response:
    return api.call("PUT", f"/groups/{group_id}", json=fields)


def numbers(count: int) -> list[str]:
    return [f"467{index:08}" for index in range(count)]


# Create and read


def test_a_group_with_all_it_can_have(api: Api, sinch_sandbox: SandboxClient) -> None:
    child = created(api, BOB)
    made = created(
        api,
        f"+{ANNA}",
        f"00{BOB}",
        ANNA,
        name="on call",
        child_groups=[child["id"], child["id"]],
        auto_update={**KEYWORDS, "to": "+447700900100"},
    )
    assert made == {
        "id": made["id"],
        "name": "on call",
        "size": 2,
        "created_at": sinch_sandbox.now(),
        "modified_at": sinch_sandbox.now(),
        "child_groups": [child["id"]],
        "auto_update": KEYWORDS,
    }
    assert len(made["id"]) == 26
    assert group(api, made["id"]) == made
    assert members(api, made["id"]) == [BOB, ANNA]


def test_a_group_needs_nothing(api: Api) -> None:
    made = accepted(api.call("POST", "/groups", json={}), 201)
    assert set(made) == {"id", "size", "created_at", "modified_at", "child_groups"}
    assert made["size"] == 0
    assert members(api, made["id"]) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"members": [ANNA, "+12"]}, "'members[1]'"),
        ({"members": ANNA}, "'members'"),
        ({"members": [7]}, "'members[0]'"),
        ({"name": 7}, "'name'"),
        ({"child_groups": UNKNOWN}, "'child_groups'"),
        ({"child_groups": [ANNA]}, "'child_groups[0]'"),
        ({"auto_update": "JOIN"}, "'auto_update'"),
        ({"auto_update": {"to": "Sinch"}}, "'auto_update.to'"),
        ({"auto_update": {"to": 7}}, "'auto_update.to'"),
        ({"auto_update": {"to": "4" * 19}}, "'auto_update.to'"),
        ({"auto_update": {**KEYWORDS, "add": "JOIN"}}, "'auto_update.add'"),
        ({"auto_update": {**KEYWORDS, "add": {"first_word": 7}}}, "'auto_update.add.first_word'"),
    ],
)
def test_what_has_the_wrong_form(api: Api, fields: dict[str, Any], words: str) -> None:
    bad_format(api.call("POST", "/groups", json=fields), words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "a" * 21}, "'name'"),
        ({"members": numbers(10_001)}, "'members'"),
        ({"child_groups": [UNKNOWN] * 11}, "'child_groups'"),
        ({"auto_update": {}}, "'auto_update.to'"),
        ({"auto_update": {**KEYWORDS, "add": {}}}, "'auto_update.add.first_word'"),
        ({"auto_update": {**KEYWORDS, "add": {"first_word": "a" * 16}}}, "'auto_update.add.first_word'"),
        ({"auto_update": {**KEYWORDS, "add": {"first_word": "two words"}}}, "'auto_update.add.first_word'"),
        (
            {"auto_update": {**KEYWORDS, "remove": {"first_word": "a", "second_word": ""}}},
            "'auto_update.remove.second_word'",
        ),
    ],
)
def test_what_is_too_much_or_too_little(api: Api, fields: dict[str, Any], words: str) -> None:
    constraint(api.call("POST", "/groups", json=fields), words)


def test_the_largest_group(api: Api) -> None:
    assert created(api, *numbers(10_000), name="a" * 20)["size"] == 10_000


def test_names_are_taken_once(api: Api, project: Api) -> None:
    first = created(api, name="ops")
    refused(api.call("POST", "/groups", json={"name": "ops"}), 403, "conflict_group_name", "ops")
    other = created(api, name="dev")
    refused(update(api, other["id"], name="ops"), 403, "conflict_group_name")
    refused(replace(api, other["id"], members=[], name="ops"), 403, "conflict_group_name")
    assert group(api, other["id"]) == other
    accepted(update(api, first["id"], name="ops"))
    created(project, name="ops")
    api.call("DELETE", f"/groups/{first['id']}")
    created(api, name="ops")


def test_the_list_has_the_newest_first(api: Api, sinch_sandbox: SandboxClient) -> None:
    made = [created(api, ANNA)["id"] for _ in range(35)]
    made.reverse()
    pages = [accepted(api.call("GET", f"/groups?page={page}")) for page in range(3)]
    assert [page["page_size"] for page in pages] == [30, 5, 0]
    assert {page["count"] for page in pages} == {35}
    assert [each["id"] for page in pages for each in page["groups"]] == made
    assert accepted(api.call("GET", "/groups?page_size=0"))["groups"] == []
    constraint(api.call("GET", "/groups?page_size=101"), "'page_size'")


def test_a_group_belongs_to_one_account(api: Api, project: Api) -> None:
    mine = created(api, ANNA)
    path = f"/groups/{mine['id']}"
    for response in (
        project.call("GET", path),
        project.call("GET", f"{path}/members"),
        project.call("POST", path, json={"add": [BOB]}),
        project.call("PUT", path, json={"members": [BOB]}),
        project.call("DELETE", path),
        api.call("GET", f"/groups/{UNKNOWN}"),
    ):
        assert response.status_code == 404
    assert accepted(project.call("GET", "/groups"))["count"] == 0
    refused(project.call("POST", "/groups", json={"child_groups": [mine["id"]]}), 403, "unknown_group")
    assert group(api, mine["id"]) == mine


# Change


def test_adds_come_before_removes(api: Api, sinch_sandbox: SandboxClient) -> None:
    made = created(api, ANNA, BOB)
    sinch_sandbox.advance(1)
    changed = accepted(
        update(api, made["id"], add=[CARL, f"+{ANNA}", DORA], remove=[CARL, BOB, "447700900001"])
    )
    assert members(api, made["id"]) == [ANNA, DORA]
    assert changed["size"] == 2
    assert (changed["created_at"], changed["modified_at"]) == (made["created_at"], sinch_sandbox.now())


def test_members_of_another_group_come_and_go(api: Api) -> None:
    inner = created(api, DORA)
    other = created(api, BOB, CARL, child_groups=[inner["id"]])
    made = created(api, ANNA)
    accepted(update(api, made["id"], add_from_group=other["id"], remove=[CARL]))
    assert members(api, made["id"]) == [ANNA, DORA, BOB]
    accepted(update(api, other["id"], remove=[BOB]))
    assert members(api, made["id"]) == [ANNA, DORA, BOB], "copied, not linked"
    accepted(update(api, made["id"], add=[CARL], remove_from_group=other["id"]))
    assert members(api, made["id"]) == [ANNA, BOB]
    for field in ("add_from_group", "remove_from_group"):
        refused(update(api, made["id"], add=[DORA], **{field: UNKNOWN}), 403, "unknown_group", UNKNOWN)
        bad_format(update(api, made["id"], **{field: ANNA}), field)
    assert members(api, made["id"]) == [ANNA, BOB]


def test_a_name_of_null_is_taken_away_and_other_nulls_change_nothing(api: Api) -> None:
    made = created(api, ANNA, name="ops", auto_update=KEYWORDS)
    assert accepted(update(api, made["id"], add=[BOB]))["name"] == "ops"
    changed = accepted(update(api, made["id"], name=None, add=None, remove=None, auto_update=None))
    assert "name" not in changed
    assert changed["auto_update"] == KEYWORDS
    assert changed["size"] == 2
    rules = {"to": "72046", "remove": {"first_word": "Acme", "second_word": "STOP"}}
    assert accepted(update(api, made["id"], auto_update=rules))["auto_update"] == rules


def test_the_limits_of_an_update(api: Api) -> None:
    made = created(api, ANNA)
    for field in ("add", "remove"):
        constraint(update(api, made["id"], **{field: numbers(10_001)}), f"'{field}'")
        bad_format(update(api, made["id"], **{field: [ANNA, "+12"]}), f"'{field}[1]'")
    constraint(update(api, made["id"], name="a" * 21), "'name'")
    assert group(api, made["id"]) == made


def test_a_replaced_group_keeps_its_id_and_nothing_else(api: Api, sinch_sandbox: SandboxClient) -> None:
    child = created(api, DORA)
    made = created(api, ANNA, name="ops", child_groups=[child["id"]], auto_update=KEYWORDS)
    sinch_sandbox.advance(1)
    replaced = accepted(replace(api, made["id"], members=[BOB, CARL]))
    assert replaced == {
        "id": made["id"],
        "size": 2,
        "created_at": made["created_at"],
        "modified_at": sinch_sandbox.now(),
        "child_groups": [],
    }
    assert members(api, made["id"]) == [BOB, CARL]
    constraint(replace(api, made["id"], name="ops"), "'members'")
    refused(replace(api, made["id"], members=[], child_groups=[UNKNOWN]), 403, "unknown_group")
    assert members(api, made["id"]) == [BOB, CARL]


def test_a_deleted_group_is_gone_from_the_groups_that_included_it(api: Api) -> None:
    child = created(api, BOB)
    parent = created(api, ANNA, child_groups=[child["id"]])
    response = api.call("DELETE", f"/groups/{child['id']}")
    assert (response.status_code, response.content) == (200, b"")
    for method, path in (("GET", ""), ("GET", "/members"), ("DELETE", "")):
        assert api.call(method, f"/groups/{child['id']}{path}").status_code == 404
    assert group(api, parent["id"]) == {**parent, "size": 1, "child_groups": []}
    assert members(api, parent["id"]) == [ANNA]


# Groups in groups


def test_groups_in_groups_in_groups(api: Api) -> None:
    ids: list[str] = []
    for number in (DORA, CARL, BOB, ANNA):
        ids.append(created(api, number, DORA, child_groups=ids[-1:])["id"])
    assert set(members(api, ids[-1])) == {ANNA, BOB, CARL, DORA}
    assert group(api, ids[-1])["size"] == 4
    accepted(update(api, ids[0], add=["447700900001"]))
    assert group(api, ids[-1])["size"] == 5, "linked, not copied"


def test_groups_that_include_each_other_do_no_harm(api: Api) -> None:
    first = created(api, ANNA)["id"]
    second = created(api, BOB, child_groups=[first])["id"]
    accepted(replace(api, first, members=[ANNA], child_groups=[second, first]))
    for each in (first, second):
        assert members(api, each) == [BOB, ANNA]
        assert group(api, each)["size"] == 2
    accepted(update(api, first, add_from_group=second, remove_from_group=first))
    assert members(api, first) == [BOB]


# Keywords


def test_a_phone_joins_and_leaves_with_a_word(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    made = created(api, ANNA, auto_update=KEYWORDS)
    silent = created(api, ANNA)
    foreign = created(project, ANNA, auto_update=KEYWORDS)
    sinch_sandbox.advance(1)
    for to, text in (
        ("447700900101", "JOIN"),
        ("447700900100", "JOINT"),
        ("447700900100", "please JOIN"),
        ("447700900100", ""),
    ):
        sinch_sandbox.inbound(BOB, text, to)
    assert group(api, made["id"]) == made
    sinch_sandbox.inbound(BOB, " join me up", "447700900100")
    assert members(api, made["id"]) == [ANNA, BOB]
    assert group(api, made["id"])["modified_at"] == sinch_sandbox.now()
    sinch_sandbox.inbound(ANNA, "Leave", "447700900100")
    assert members(api, made["id"]) == [BOB]
    assert members(api, silent["id"]) == [ANNA]
    assert group(project, foreign["id"]) == foreign


def test_a_shared_short_code_takes_two_words(api: Api, sinch_sandbox: SandboxClient) -> None:
    made = created(api, auto_update={"to": "72046", "add": {"first_word": "Acme", "second_word": "JOIN"}})
    for text in ("Acme", "Acme LEAVE", "JOIN Acme"):
        sinch_sandbox.inbound(BOB, text, "72046")
    assert members(api, made["id"]) == []
    sinch_sandbox.inbound(BOB, "acme  join now", "72046")
    assert members(api, made["id"]) == [BOB]


def test_only_texts_have_words(api: Api, sinch_sandbox: SandboxClient) -> None:
    made = created(api, auto_update={**KEYWORDS, "add": {"first_word": "SGVsbG8="}})
    sinch_sandbox.inbound(BOB, "SGVsbG8=", "447700900100", type="mo_binary", udh="050003C40201")
    sinch_sandbox.inbound(BOB, {"subject": "JOIN", "message": "JOIN"}, "447700900100", type="mo_media")
    assert members(api, made["id"]) == []


# What stays


def test_faults_strike_group_calls_by_name(api: Api, sinch_sandbox: SandboxClient) -> None:
    made = created(api, ANNA)
    sinch_sandbox.fault("server_error", "get_group", match={"group_id": made["id"]})
    assert api.call("GET", f"/groups/{made['id']}").status_code == 500
    assert group(api, made["id"]) == made
    sinch_sandbox.fault("lost_reply", "update_group", match={"name": "ops"})
    with pytest.raises(requests.ConnectionError):
        update(api, made["id"], name="ops")
    assert group(api, made["id"])["name"] == "ops"
    members(api, made["id"])
    assert sinch_sandbox.calls() == {"create_group": 1, "get_group": 3, "update_group": 1, "group_members": 1}


def test_groups_outlast_what_was_sent_but_not_a_reset(api: Api, sinch_sandbox: SandboxClient) -> None:
    made = created(api, ANNA)
    sinch_sandbox.clear()
    assert group(api, made["id"]) == made
    sinch_sandbox.reset()
    assert accepted(api.call("GET", "/groups"))["count"] == 0


def test_a_killed_sandbox_has_kept_its_groups(tmp_path: Path) -> None:
    path = str(tmp_path / "sms.db")
    with process("--db", path) as (client, running):
        api = Api(client.url)
        child = created(api, BOB)
        made = created(api, ANNA, name="ops", child_groups=[child["id"]], auto_update=KEYWORDS)
        running.kill()
        running.wait()
    with process("--db", path) as (client, _):
        api = Api(client.url)
        assert group(api, made["id"]) == made
        assert members(api, made["id"]) == [BOB, ANNA]
        assert created(api)["id"] > made["id"]
