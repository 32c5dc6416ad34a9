"""No credential is left in what the local Amplitude keeps."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.local.faults import Do, Fault, Faults
from target_amplitude_nami.local.model import Request
from target_amplitude_nami.local.redaction.credentials import without_credentials
from target_amplitude_nami.local.redaction.values import without_values
from tests.local.bench import BATCH, HTTP_V2, JSON_TYPE, Bench, event

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from tests.local.conftest import MakeBench, MakeLocal

KEY = "d41d8cd98f00b204e9800998ecf8427e"
FORM = {"content-type": "application/x-www-form-urlencoded"}
ESCAPED = "".join(f"\\u{ord(character):04X}" for character in KEY)
PERCENT = "".join(f"%{ord(character):02x}" for character in KEY)
PAIR = base64.b64encode(f"user:{KEY}".encode()).decode()
BAD_EVENT = '{"event_type":"user.login","user_id":"abc"}'

REFUSED = {
    "as usual": f'{{"api_key":"{KEY}","events":[{BAD_EVENT}]}}',
    "with blanks": f'{{"api_key" \n :\t "{KEY}","events":[{BAD_EVENT}]}}',
    "a name with an escape": f'{{"api\\u005fkey":"{KEY}","events":[{BAD_EVENT}]}}',
    "a name of escapes": f'{{"\\u0061\\u0070\\u0069_key":"{KEY}"}}',
    "another case": f'{{"API_Key":"{KEY}","events":[{BAD_EVENT}]}}',
    "another name": f'{{"apiKey":"{KEY}","X-Api-Key":"{KEY}","secret_key":"{KEY}"}}',
    "more than one": f'{{"api_keys":["{KEY}"],"api_key_2":"{KEY}"}}',
    "a name with a blank": f'{{"api_key ":"{KEY}","events":[{BAD_EVENT}]}}',
    "a list": f'{{"api_key":["{KEY}",["{KEY}"]],"events":[{BAD_EVENT}]}}',
    "an object": f'{{"api_key":{{"key":"{KEY}"}},"events":[{BAD_EVENT}]}}',
    "given twice": f'{{"api_key":"{KEY}","api_key":"another","events":[{BAD_EVENT}]}}',
    "escaped": f'{{"api_key":"{ESCAPED}","events":[{BAD_EVENT}]}}',
    "repeated": f'{{"api_key":"{KEY}","note":"it is {KEY}","{KEY}":1}}',
    "repeated with escapes": f'{{"api_key":"{KEY}","note":"{ESCAPED}"}}',
    "in a URL": f'{{"note":"https://example.com/?api_key={KEY}&a=1"}}',
    "JSON in JSON": json.dumps({"note": json.dumps({"api_key": KEY})}),
    "in a list": f'[{{"api_key":"{KEY}"}}]',
    "broken off in the key": f'{{"api_key":"{KEY}',
    "broken off behind it": f'{{"api_key":"{KEY}","events":[',
    "broken before it": f'{{"events":[}}],"api_key":"{KEY}"}}',
    "a brace too many": f'{{"api_key":["{KEY}"]}}}}',
    "single quotes": f"{{'api_key': '{KEY}'}}",
    "no quotes": f"{{api_key: {KEY}}}",
    "a form": f"api_key={KEY}&identification=%7B%7D",
    "a form with an escape": f"api%5Fkey={PERCENT}&identification=1",
    "a form's JSON": urlencode({"identification": f'{{"api_key":"{KEY}"}}'}),
    "parts": f'--x\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n{KEY}\r\n',
    "XML": f"<api_key>{KEY}</api_key>",
}


def spellings_in(content: bytes, key: str = KEY) -> list[bytes]:
    """Return where the key stands, also where escapes stand for its letters."""
    plain = re.sub(
        rb"\\+u00([0-9a-fA-F]{2})", lambda hit: bytes.fromhex(hit[1].decode()), content
    )
    return [
        text
        for text in (content, plain, unquote_plus(plain.decode("latin-1")).encode())
        if key.encode() in text
    ]


def content_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("spelling", REFUSED)
@pytest.mark.parametrize("headers", [JSON_TYPE, FORM], ids=["JSON", "form"])
def test_a_refused_body_is_kept_without_its_key(
    spelling: str, headers: dict[str, str], tmp_path: Path, make_bench: MakeBench
) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)

    status, _ = bench.post(REFUSED[spelling].encode(), headers=headers)

    assert status == 400
    [logged] = bench.read.requests()
    assert logged.body is not None
    assert b"(hidden)" in logged.body
    bench.store.close()
    assert spellings_in(content_of(tmp_path)) == []


@pytest.mark.parametrize("spelling", [*REFUSED][:13])
def test_a_body_in_json_stays_json_and_the_rest_of_it_as_it_was(spelling: str) -> None:
    text = REFUSED[spelling]

    redacted = without_credentials(text.encode())

    assert redacted is not None
    before, after = json.loads(text), json.loads(redacted.text)
    for name in before.keys() - {KEY, "note"}:
        credential = "key" in name.lower()
        assert after[name] == ("(hidden)" if credential else before[name])


@pytest.mark.parametrize(
    "key",
    ['ab"cd,"ef\\gh', "schlüssel-✓-😀", "a/b c+d&e=f", "tab\tand\nline", "k" * 40],
)
@pytest.mark.parametrize("escape", [True, False])
def test_a_key_of_any_characters_is_found_however_it_is_escaped(
    key: str, tmp_path: Path, make_bench: MakeBench, *, escape: bool
) -> None:
    bench = make_bench(
        tmp_path / "local.db", keys=frozenset({"another"}), keep_bodies=False
    )
    document = {"api_key": key, "events": [event(event_properties={"n": f"<{key}>"})]}

    status, answer = bench.post(json.dumps(document, ensure_ascii=escape).encode())

    assert (status, answer["error"]) == (400, f"Invalid API key: {key}")
    [logged] = bench.read.requests()
    assert logged.error == "Invalid API key: (hidden)"
    assert json.loads(logged.answer) == {"code": 400, "error": logged.error}
    kept = json.loads(logged.body or b"")
    assert kept["api_key"] == "(hidden)"
    assert kept["events"][0]["event_properties"] == {"n": "<(hidden)>"}


@given(key=st.text(min_size=8), text=st.text(), escape=st.booleans())
def test_no_key_is_left_in_a_text_of_json(key: str, text: str, *, escape: bool) -> None:
    raw = json.dumps(text + key + text, ensure_ascii=escape)

    left = without_values(raw.encode("utf-8", "surrogatepass"), [key])

    assert key not in json.loads(left.decode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("path", [HTTP_V2, BATCH])
@pytest.mark.parametrize("spelled", [KEY, ESCAPED], ids=["plain", "escaped"])
def test_accepted_events_lose_a_repeated_key(
    spelled: str, path: str, tmp_path: Path, make_bench: MakeBench
) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)
    taken = (
        f'{{"event_type":"of {spelled}","user_id":"user-1","event_properties":'
        f'{{"a":["{spelled}"]}},"user_properties":{{"{spelled}":"b"}}}}'
    )

    status, _ = bench.post(
        f'{{"api_key":"{KEY}","events":[{taken},{json.dumps(event())}]}}'.encode(),
        path=path,
    )

    assert status == 200
    assert bench.read.summary().events == {"of (hidden)": 1, "user.login": 1}
    first, second = bench.read.events()
    assert first.sent["event_properties"] == {"a": ["(hidden)"]}
    assert first.export["user_properties"] == {"(hidden)": "b"}
    assert second.sent == event()
    bench.store.close()
    assert spellings_in(content_of(tmp_path)) == []


@pytest.mark.parametrize(
    "member",
    [
        f'"api_key":"{KEY}"',
        f'"API\\u005fKey":"{KEY}"',
        f'"event_properties":{{"secret-key":["{KEY}"]}}',
        f'"user_properties":{{"url":"https://example.com/?api_key={KEY}"}}',
        f'"user_properties":{{"Authorization":"Bearer {KEY}","note":"{KEY}"}}',
    ],
)
def test_accepted_events_lose_the_keys_that_they_name(
    member: str, tmp_path: Path, make_bench: MakeBench
) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)
    taken = f'{{"event_type":"one","user_id":"user-1",{member}}}'

    status, _ = bench.post(f'{{"api_key":"key-1","events":[{taken}]}}'.encode())

    assert status == 200
    [stored] = bench.read.events()
    assert stored.sent["user_id"] == "user-1"
    assert "(hidden)" in json.dumps(stored.sent)
    bench.store.close()
    assert spellings_in(content_of(tmp_path)) == []


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": f"Bearer {KEY}"}, ""),
        (
            {"authorization": f"Basic {PAIR}"},
            "",
        ),
        ({"authorization": f"Api-Key {KEY}"}, ""),
        ({"authorization": KEY}, ""),
        ({"cookie": f"a=b; session={KEY}"}, ""),
        ({"x-api-key": KEY}, ""),
        ({}, f"api%5fkey={PERCENT}"),
    ],
)
@pytest.mark.parametrize("user_id", ["user-1", "abc"], ids=["taken", "refused"])
def test_a_key_beside_the_body_is_not_kept_either(
    headers: dict[str, str],
    query: str,
    user_id: str,
    tmp_path: Path,
    make_bench: MakeBench,
) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)
    only = event(user_id=user_id, event_properties={"n": KEY})
    body = json.dumps({"api_key": "other", "events": [only]}).encode()

    bench.take(Request("POST", HTTP_V2, {**JSON_TYPE, **headers}, body, query.encode()))

    bench.store.close()
    assert spellings_in(content_of(tmp_path)) == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(REFUSED["as usual"].encode(), 0), JSON_TYPE),
        (
            gzip.compress(REFUSED["as usual"].encode(), 0)[:-4],
            {**JSON_TYPE, "content-encoding": "gzip"},
        ),
        (REFUSED["as usual"].encode("utf-16-le"), JSON_TYPE),
    ],
    ids=["not said to be compressed", "cut short", "UTF-16"],
)
def test_a_refused_body_that_cannot_be_read_is_not_kept(
    body: bytes, headers: dict[str, str], tmp_path: Path, make_bench: MakeBench
) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)

    assert bench.post(body, headers=headers)[0] == 400

    assert [logged.body for logged in bench.read.requests()] == [None]


def test_a_path_that_holds_a_key_is_logged_without_it(
    tmp_path: Path, make_bench: MakeBench
) -> None:
    bench = make_bench(tmp_path / "local.db", keep_bodies=False)

    for path in ("/2/httpapi/short-key", f"/nope/{KEY}/x", f"/api_key={KEY}", "/2/x"):
        body = b'{"api_key":"short-key"}'
        bench.take(Request("POST", path, JSON_TYPE, body))

    assert [logged.api for logged in bench.read.requests()] == [
        "/2/httpapi/(hidden)",
        "/nope/(hidden)/x",
        "/api_key=(hidden)",
        "/2/x",
    ]


def test_the_answer_of_a_fault_is_logged_without_the_key(
    make_local: MakeLocal, session: requests.Session
) -> None:
    do = Do(status=503, raw=f"<html>{quote_plus(KEY)} is not known</html>")
    local = make_local(faults=Faults((Fault(do=do),)))

    answer = session.post(
        local.endpoint("batch"), json={"api_key": KEY, "events": [event()]}
    )

    assert KEY in answer.text
    [logged] = local.requests()
    assert logged.answer == b"<html>(hidden) is not known</html>"


def test_a_short_key_is_hidden_in_its_place_and_no_word_of_an_event_is(
    tmp_path: Path, make_bench: MakeBench
) -> None:
    """`local` is the key of who has none, and a word like others."""
    bench = make_bench(
        tmp_path / "local.db", keys=frozenset({"other"}), keep_bodies=False
    )
    properties: dict[str, Any] = {"sort": "local", "text": "a local call"}

    bench.send(event(event_properties=properties), api_key="local")
    bench.send(event(event_properties=properties), api_key="other")

    refused, taken = bench.read.requests()
    kept = json.loads(refused.body or b"")
    assert (kept["api_key"], refused.error) == (
        "(hidden)",
        "Invalid API key: (hidden)",
    )
    assert kept["events"][0]["event_properties"] == properties
    assert taken.status == 200
    [stored] = bench.read.events()
    assert stored.sent["event_properties"] == properties


def test_a_sentence_about_keys_takes_no_word_out_of_the_answer(bench: Bench) -> None:
    bench.send(event(user_id=None, device_id=None, note="api key: required"))

    [logged] = bench.read.requests()
    assert logged.error == "Request missing required field"
