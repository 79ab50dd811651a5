"""No secret is in what is shown, written or pushed, whatever repeats it."""

from __future__ import annotations

import ast
import base64
import html
import json
import os
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from images.resolve import UV
from oci.manifest import OCI_EMPTY, Descriptor, image_manifest, sha256
from oci.registry import Registry
from publish.evidence import statement
from publish.evidence.trust import Identity
from runner import accounts, progress, records, redaction, secret_values, shell
from runner.child_variables import ENGINES, RESOLVERS
from runner.errors import ConfigError, EnvironmentFailed
from runner.escapes import flatten_text, list_flat_forms, replace_flat
from runner.home import REPOSITORY
from runner.redaction import (
    hide_in_file,
    hide_in_text,
    hide_in_values,
    require_no_secret,
    show_value,
)
from runner.untrusted import clean_line
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry
from tests.runner.test_settings import sources

HINT = "do this"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqG\n-----END PRIVATE KEY-----\n"
WORKFLOW = "https://github.com/ORG/REPO/.github/workflows/release.yml@refs/heads/main"
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(autouse=True)
def no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords of this machine's own files are not known, nor what another test learned."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(secret_values, "_learned", {})
    monkeypatch.setattr(secret_values, "_given", {})


VARIABLES = [
    ("PYTORCH_CUDA_IMAGES_WEBHOOK_SECRET", "S3cret value", "it is S3cret value"),
    ("PYTORCH_CUDA_IMAGES_SIGNING_KEY", PEM, "not a key: MIGHAgEAMBMGByqGSM49"),
    ("PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE", 'S3"cret', '{"x": "S3\\"cret"}'),
    ("PYTORCH_CUDA_IMAGES_NEW", "S3cret", "of a later version: S3cret"),
    ("UV_INDEX_URL", "http://u:S3c/ret@h/simple", "cannot parse `http://u:S3c/ret@h/simple`"),
    ("UV_INDEX_URL", "http://h/simple?token=S3cret", "cannot parse http://h/simple?token=S3cret"),
    ("UV_INDEX_URL", "http://h/simple?S3cret", "no S3cret"),
    ("UV_INDEX", "ours=https://S3cret@h/simple", "401 for S3cret"),
    ("UV_INDEX_OURS_PASSWORD", "S3cret", "no S3cret"),
    ("UV_INDEX_OURS_USERNAME", "S3cret", "no S3cret"),
    ("PIP_EXTRA_INDEX_URL", "http://h/ http://u:S3c%2Fret@h", "asked h with u and S3c/ret"),
    ("PIP_INDEX_URL", "u:S3cret@h", "cannot read u:S3cret@h"),
    ("PIP_INDEX_URL", "https://h/S3-token/simple", "404 for h/S3-token/simple/torch/"),
    ("PIP_INDEX_URL", "https://h/S3-token/simple", "GET /S3-token/simple/torch/"),
    ("PIP_INDEX_URL", "https://h/S3c123abc4567/simple", "the part S3c123abc4567"),
    ("PIP_FIND_LINKS", "https://h/S3-token/wheels", "404 for https://h/S3-token/wheels"),
    ("PIP_PROXY", "http://u:S3cret@proxy", "no proxy u:S3cret"),
    ("https_proxy", "http://u:S3c\\ret@proxy", "Failed to parse: 'u:S3c\\ret'"),
    ("PYTORCH_CUDA_IMAGES_WEBHOOK", "https://h/services/S3/B0/XYZ", "no h/services/S3/B0/XYZ"),
    ("PYTORCH_CUDA_IMAGES_WEBHOOK", "https://h/services/S3/B0/XYZ", "url: /services/S3/B0/XYZ"),
    ("PYTORCH_CUDA_IMAGES_WEBHOOK", "https://h/services/S3/B0/XYZ", "the end is S3/B0/XYZ"),
    ("GH_TOKEN", "S3cret", "bearer S3cret"),
    ("GH_TOKEN", "S3c ret&é", "S3c%20ret%26%C3%A9 and S3c ret&amp;é and S3c ret&\\u00e9"),
    ("GH_TOKEN", "S3c'r\"et", "S3c&#39;r&#34;et and S3c'r&quot;et and S3c&#x27;r&quot;et"),
    ("REGISTRY_PASSWORD", "S3cret-of-another", "it is S3cret-of-another"),
    ("AWS_ENDPOINT_URL", "https://u:S3cret@h/x", "it is S3cret"),
    ("PYTORCH_CUDA_IMAGES_OSV", "https://u:S3cret@h/x", "it is S3cret"),
]


@pytest.mark.parametrize(("name", "value", "said"), VARIABLES)
def test_a_value_of_a_secret_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    for shown in (hide_in_text(said), hide_in_file(said), hide_in_values([said])[0]):
        assert "***" in shown
        assert "S3" not in shown
        assert "MIGH" not in shown


FILES = {
    ".netrc": "machine index.example login me password S3cret\n",
    ".config/pip/pip.conf": "[global]\nindex-url = https://me:S3cret@index.example/simple\n",
    ".pip/pip.conf": "[global]\nextra-index-url =\n  https://S3cret@index.example/simple\n",
    ".config/uv/uv.toml": '[[index]]\nurl = "https://index.example/S3cret/simple"\n',
    ".local/share/uv/credentials/credentials.toml": 'username = "me"\npassword = "S3cret"\n',
    ".docker/config.json": json.dumps(
        {"auths": {"h": {"auth": base64.b64encode(b"me:S3cret").decode()}}}
    ),
    ".dockercfg": '{"h": {"password": "S3cret"}}',
}


@pytest.mark.parametrize("file", FILES)
def test_a_password_in_a_file_of_another_program_is_not_shown(file: str, tmp_path: Path) -> None:
    said = "index.example/S3cret/simple" if "uv.toml" in file else "401 for me with S3cret"
    assert hide_in_text(said) == said
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FILES[file])
    assert "S3" not in hide_in_text(said)


def test_what_docker_sends_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    document = {
        "HttpHeaders": {"X-Meta": "S3cret-header", "Authorization": "Bearer S3cret-bearer"},
        "auths": {"h": {"identitytoken": "S3cret-identity-S3cret"}},
        "proxies": {"default": {"httpProxy": "http://u:S3cret-proxy@p:1"}},
    }
    (tmp_path / "config.json").write_text(json.dumps(document, indent=2))
    shown = hide_in_text("S3cret-header S3cret-bearer S3cret-identity-S3cret S3cret-proxy")
    assert shown == "*** *** *** ***"


def test_the_path_of_a_folder_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PIP_EXTRA_INDEX_URL", "file:///opt/more-wheels/simple file:///opt/a1b2c3d4e5f6"
    )
    said = "pip is configured for /opt/more-wheels/simple and /opt/a1b2c3d4e5f6"
    assert hide_in_text(said) == said


def test_what_was_learned_is_not_shown() -> None:
    redaction.remember_secret("S3cret", "the login to h")
    assert hide_in_text("answered S3cret") == "answered ***"


@pytest.mark.parametrize(
    "name",
    [
        "v2.6-candidate-nightly-cv",
        "CVE-2026-24747",
        "ab" * 32,
        "one-gpu-nccl",
        "%6d%69%73%73%69%6e%67",
    ],
)
def test_a_token_service_chooses_no_name_that_records_lose(name: str) -> None:
    """A registry that nobody trusts would else change what is signed, and what is remembered."""
    redaction.remember_given_token(name, "the token service")
    record = {"tag": name, "new": f"sha256:{name}", "verdict": "not run", "why": "it is missing"}
    assert hide_in_values(record) == record
    seen = {f"{name} pkg:pypi/torch": {"first": "2026-01-01"}}  # the history of findings
    assert hide_in_values(seen) == seen
    assert hide_in_file(name) == name
    require_no_secret(name.encode(), "a manifest")


def test_a_token_that_a_service_gave_is_not_shown() -> None:
    long = "eyJhbGciOi.S3cretS3cret.S3cret"
    redaction.remember_given_token(long, "the token service")
    assert hide_in_text(f"answered {long}") == "answered ***"
    assert hide_in_values({"reason": f"answered {long}"}) == {"reason": "answered ***"}


def test_a_secret_that_a_service_repeats_as_its_token_stays_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "S3cret-S3cret-S3cret-S3cret")
    redaction.remember_given_token("S3cret-S3cret-S3cret-S3cret", "the token service")
    assert hide_in_values({"name": "S3cret-S3cret-S3cret-S3cret"}) == {"name": "***"}


@pytest.mark.parametrize(
    "name",
    [
        "BUILDKITE_MESSAGE",
        "CI_COMMIT_TITLE",
        "CI_MERGE_REQUEST_DESCRIPTION",
        "CI_COMMIT_AUTHOR",
        "BUILD_SOURCEVERSIONMESSAGE",
        "CHANGE_AUTHOR_DISPLAY_NAME",
        "APPVEYOR_REPO_COMMIT_MESSAGE_EXTENDED",
        "ghprbPullLongDescription",
        "PR_TITLE",
        "GIT_COMMIT_MSG",
        "GITLAB_USER_NAME",
        "BUILD_REQUESTEDFOR",
        "gitlabTriggerPhrase",
        "A_NAME_THAT_NO_LIST_HAS",
    ],
)
def test_the_author_of_a_change_chooses_no_name_that_records_lose(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI systems have the message of a commit in a variable."""
    monkeypatch.setenv(name, f"Mend a link //x:CVE-2026-24747@y //x:{'ab' * 32}@y")
    record = {"id": "CVE-2026-24747", "new": f"sha256:{'ab' * 32}"}
    assert hide_in_values(record) == record
    require_no_secret(json.dumps(record).encode(), "a manifest")
    assert hide_in_text("cloning //x:S3cret@y") == "cloning //***@y"


@pytest.mark.parametrize(
    "name",
    [
        *("GITLAB_USER_NAME", "CI_MERGE_REQUEST_MILESTONE", "PR_LABEL", "BUILD_USER"),
        *("BUILD_QUEUEDBY", "gitlabMergedByUser", "gitlabMergeRequestAssignee", "BUILD_CAUSE"),
        *("BUILDKITE_BUILD_CREATOR_TEAMS", "BUILD_DISPLAY_NAME", "A_NAME_THAT_NO_LIST_HAS"),
    ],
)
def test_one_word_of_others_is_no_secret(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`00+00:00` ends each moment of a record: without it, no record could be read again."""
    monkeypatch.setenv(name, "//x:00+00:00@y")
    record = {"started_at": "2026-11-27T20:00:00+00:00"}
    assert hide_in_values(record) == record


@pytest.mark.parametrize("name", ["A_NAME_THAT_NO_LIST_HAS", "DATABASE_URL", "BUILDKITE_AGENT_URL"])
def test_a_variable_that_reaches_no_program_hides_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text can hold its value, so whoever chose it takes no word out of one."""
    monkeypatch.setenv(name, "https://u:S3cret-word@h/x")
    record = {"reason": "the answer is S3cret-word", "name": "S3cret-word"}
    assert hide_in_values(record) == record
    assert "S3cret" not in hide_in_text("cannot reach https://u:S3cret-word@h/x")
    assert "S3cret" not in shell.run(["env"], hint=HINT, allowed=ENGINES)


def test_an_account_that_a_credential_helper_gets_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "https://me:S3cret@vault.example/v1")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HELPER_VARIABLES", "OTHER, VAULT_ADDR")
    assert hide_in_values(["no S3cret at vault.example", "S3cret"]) == [
        "no *** at vault.example",
        "***",
    ]


def test_a_variable_of_others_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANY_OTHER", f"//{':' * 100_000}'@")
    began = time.monotonic()
    assert hide_in_text("a text") == "a text"
    assert time.monotonic() - began < 2


def test_a_token_stops_no_upload_of_what_is_signed() -> None:
    """A signature's envelope holds its text in base64: a part of it can be known before."""
    payload = base64.b64encode(b'{"transactions":[{"kind":"promotion","version":"v2.6.0"}' * 9)
    redaction.remember_given_token(payload[:200].decode(), "the token service")
    require_no_secret(b'{"payload":"' + payload + b'"}', "a blob")
    redaction.remember_given_token("-" * 150, "the token service")
    assert hide_in_file("-" * 200) == "-" * 200


def test_any_number_of_tokens_takes_little_time() -> None:
    """A registry can give another token for each request."""
    began = time.monotonic()
    for number in range(secret_values.MAX_GIVEN + 10):
        redaction.remember_given_token(f"{number:06}{'%aB1' * 4000}", "the token service")
        hide_in_text("a line")
    assert len(secret_values._given) == secret_values.MAX_GIVEN
    assert hide_in_text(f"{number:06}{'%aB1' * 4000}") == "***"
    assert time.monotonic() - began < 10


CUTS = range(16, 48, 5)


@pytest.mark.parametrize("limit", CUTS)
def test_a_secret_that_is_cut_is_not_shown(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are cut where they are made, and what a registry answers may repeat a password."""
    monkeypatch.setenv("HF_TOKEN", "S3cret.S3cret.S3cret.S3cret.S3cret")
    said = clean_line("answered S3cret.S3cret.S3cret.S3cret.S3cret", limit)
    for shown in (hide_in_text(said), hide_in_file(said), hide_in_values([said])[0]):
        assert shown in {"answered ***…", "answered ***"}
    assert hide_in_text("S3cret.S and S3cret.S3…") == "S3cret.S and ***…"


def test_beginnings_of_secrets_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "S3cret" * 500)
    began = time.monotonic()
    hide_in_text("S3cret" * 20_000 + "…" + "S3cret…" * 20_000)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_PASSWORD", "S3cr@t-pass99"),
        ("DATABASE_PASSWORD", "S3cr@t-//u:pass99"),
        ("HOOK_TOKEN", "S3://:cr@t-pass99"),
        ("HOOK_TOKEN", "/S3cret+pass99=="),
        ("SIGN_PASSPHRASE", "S3cr@t pass 99 words"),
        ("GOOGLE_CREDENTIALS", '{"key": "S3cret", "mail": "me@account.example"}'),
        ("PIP_INDEX_URL", "https://me:S3c'r,et-pass99@index.example/simple"),
        ("UV_PYTHON_INSTALL_MIRROR", "https://me:S3c'r,et-pass99@index.example/base"),
        ("CONTAINER_HOST", "ssh://me:S3cr@a.example,ssh://me:S3c'r,et-pass99@index.example"),
    ],
)
def test_signs_of_an_address_in_a_secret_hide_it_from_nobody(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    secret = "S3c'r,et-pass99" if "index" in value else value
    assert hide_in_text(f"login with {secret} failed") == "login with *** failed"
    assert hide_in_values([secret]) == ["***"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUILD_URL", "https://ci.example/job//x:00+00:00@y/3"),
        ("GIT_URL", "https://git.example/eve?//x:00+00:00@y"),
        ("COMMIT_MAIL_ADDRESS", "//x:00+00:00@y"),
    ],
)
def test_what_others_chose_in_an_address_takes_no_moment_out_of_a_record(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    moment = "2026-11-27T20:00:00+00:00"
    assert hide_in_values({"at": moment}) == {"at": moment}
    require_no_secret(moment.encode(), "a record")


@pytest.mark.parametrize("secret", ["S3c ret pass99", 'S3c"ret', "S3c\\ret", "S3c\u00e9t, pass"])
@pytest.mark.parametrize("name", ["password", "auth", "token"])
def test_a_string_of_json_in_a_variable_of_docker_is_not_shown(
    name: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps({"auths": {"h.example": {"username": "me", name: secret}}})
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", text)
    assert hide_in_values([secret, f"401 for {secret} there"]) == ["***", "401 for *** there"]


@pytest.mark.parametrize("quoted", ["'{}'", '"{}"'])
def test_a_password_with_a_blank_in_a_file_of_toml_is_not_shown(
    quoted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "uv/credentials/credentials.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f"password = {quoted.format('S3c ret pass99')}\n", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert hide_in_values(["S3c ret pass99"]) == ["***"]


def test_a_token_in_place_of_a_user_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given = "S3cret_Token_of_20_and_more"
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", f"https://{given}@git.example/base")
    assert hide_in_values([given, f"401 for {given} there"]) == ["***", "401 for *** there"]


def test_lines_of_a_secret_with_an_account_in_it_are_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = ['{"type": "account",', '"key": "S3cret-pass99",', '"mail": "me@account.example"}']
    monkeypatch.setenv("GOOGLE_CREDENTIALS", "\n".join(lines))
    assert [each.strip('"') for each in hide_in_values(lines)] == ["***"] * 3


@pytest.mark.parametrize("mail", ["me@account.example", "nobody"])
def test_a_key_in_the_account_of_a_service_is_not_shown(
    mail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIES3cret\nS3cret99\n-----END PRIVATE KEY-----\n"
    account = json.dumps({"type": "service_account", "private_key": key, "mail": mail})
    monkeypatch.setenv("GOOGLE_CREDENTIALS", account)
    assert hide_in_values(["MIIES3cret", "S3cret99"]) == ["***", "***"]
    assert hide_in_values(["service_account", mail]) == ["service_account", mail]


def test_the_path_of_a_file_is_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").touch()
    monkeypatch.setenv("HOOK_TOKEN", str(tmp_path / "token"))
    assert hide_in_text(f"cannot read {tmp_path}/token") == f"cannot read {tmp_path}/token"


def test_the_address_in_a_secret_keeps_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CREDENTIALS", "https://me:S3cret@host.example/example/images-2")
    assert hide_in_text("S3cret for images-2") == "*** for images-2"
    assert hide_in_values(["example/images-2"]) == ["example/images-2"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".netrc", "machine h login me password {}\n"),
        (".config/pip/pip.conf", "[global]\nindex-url = https://me:{}@h/simple\n"),
        (".config/uv/uv.toml", 'index-url = "https://me:{}@h/simple"\n'),
    ],
)
@pytest.mark.parametrize("secret", ["S3,cret-pass99", "S3'cret-pass99", "S3,c'r}et-pass99"])
def test_signs_of_json_in_a_password_of_a_file_hide_it_from_nobody(
    file: str, text: str, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NETRC", "XDG_CONFIG_HOME", "PIP_CONFIG_FILE", "UV_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(secret))
    assert hide_in_text(f"login with {secret} failed") == "login with *** failed"


def test_a_login_in_a_variable_of_docker_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    login = base64.b64encode(b"me:S3cret").decode()
    document = {"auths": {"h": {"auth": login}, "i": {"identitytoken": "//x:CVE-2026-24747@y"}}}
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(document, indent=2))
    assert hide_in_text(f"401 for S3cret, Basic {login}") == "401 for ***, Basic ***"
    record = {"id": "CVE-2026-24747"}
    assert hide_in_values(record) == record


@pytest.mark.parametrize(
    "token", ["NVIDIA%20H100%2080GB%20HBM3", "the%20record%20has%20no%20such%20suite"]
)
def test_a_token_that_is_decoded_takes_no_words_out_of_a_record(token: str) -> None:
    """Runs on equal machines replace each other: two models that are `***` would be equal."""
    redaction.remember_given_token(token, "the token service")
    record = {"gpus": [{"model": unquote(token), "count": 2}], "reason": f"on {unquote(token)}"}
    assert hide_in_values(record) == record
    assert hide_in_text(f"answered {token}") == "answered ***"


@pytest.mark.parametrize(
    "token",
    [
        "CVE-2026-24747",
        "ab" * 32,
        "//CVE-2026-24747@x",
        '", "password": "CVE-2026-24747',
        "https://h/CVE-2026-24747/simple?CVE-2026-24747",
    ],
)
def test_a_registry_chooses_no_name_at_the_login_of_docker(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`docker login` stores the refresh token of the registry's token service."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    login = base64.b64encode(b"me:").decode()
    document = {"auths": {"h.example": {"auth": login, "identitytoken": token}}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert accounts.find_account("h.example")["IdentityToken"] == token
    record = {"id": "CVE-2026-24747", "new": f"sha256:{'ab' * 32}", "own": token}
    assert hide_in_values(record) == record
    require_no_secret(json.dumps(record).encode(), "a manifest")


@pytest.mark.parametrize("name", ["identitytoken", "registrytoken"])
def test_a_token_that_is_no_name_stays_out_of_records(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"eyJhbGciOi.{'S3cretS3cret_' * 12}.S3cret"
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    document = {"auths": {"h.example": {name: token}}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert hide_in_values({"value": token}) == {"value": "***"}
    with pytest.raises(ConfigError, match=r"config\.json"):
        require_no_secret(token.encode(), "a manifest")


@pytest.mark.parametrize("kind", ["fifo", "folder", "large", "binary"])
def test_a_file_that_holds_no_text_is_left_out(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ".netrc"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\0" * (10 if kind == "binary" else 1 << 20))
    assert hide_in_text("a text") == "a text"


def test_what_is_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "release.key").write_text(PEM)
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SIGNING_KEY", str(tmp_path / "release.key"))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_TRUSTED_IDENTITIES", f"https://t.example={WORKFLOW}")
    monkeypatch.setenv("UV_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/pytorch/whl/cu124")
    monkeypatch.setenv("ANY_OTHER", "ssh://mirror.example:22/x")
    monkeypatch.setenv("TRIVY_USERNAME", "pytorch-cuda")
    monkeypatch.setenv("GH_TOKEN", "four")
    for said in (
        f"{tmp_path}/release.key is not a key",
        "no answer from https://index.example/simple",
        "pytorch-cuda/production in four",
        "-----BEGIN PRIVATE KEY-----",
        f"https://t.example={WORKFLOW}",
        *SHOWN,
    ):
        assert hide_in_text(said) == said


def test_whom_somebody_trusts_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = "https://issuer.example:8443=me@example.com"
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_TRUSTED_IDENTITIES", trusted)
    assert hide_in_text(f"signed by {trusted}") == f"signed by {trusted}"
    assert hide_in_values([trusted]) == [trusted]


SHOWN = (
    "registry.example.com:5000/pytorch-cuda:v2.6.0@sha256:0123",
    "127.0.0.1:5005/pytorch-cuda-staging@sha256:0123 and a@b",
    "write unix:///path or tcp://host:port, or unset it",
    f"https://token.example={WORKFLOW}",
    "12:30:05 someone@example.com",
    "https://gitlab.example:8443/group/project//.gitlab-ci.yml@refs/heads/main",
    "https://issuer.example:8443=https://gitlab.example:8443/x@refs/tags/v1",
    "https://issuer.example:8443=me@example.com",
    "(https://[2001:db8::1]:8443/x@y)",
    "registry.example:5000/x@y",
    "pkg:pypi/torch@2.6.0 and pkg:deb/debian/libc6@2.36",
    "error: path/file.py:12: a@b",
)


@given(
    host=st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{2,5}){1,2}|127\.0\.0\.1", fullmatch=True),
    port=st.integers(1, 65535),
    path=st.from_regex(r"(/[A-Za-z0-9._-]{1,8}){0,4}", fullmatch=True),
    ref=st.from_regex(r"@[a-z]{1,6}(/[a-z0-9.]{1,6}){0,2}", fullmatch=True),
    issuer=st.booleans(),
)
def test_an_address_with_a_port_and_an_identity_are_shown(
    host: str, port: int, path: str, ref: str, *, issuer: bool
) -> None:
    address = f"https://{host}:{port}{path}"
    identity = f"https://{host}:{port}/x{path}{ref}"
    whole = f"https://{host}:{port}={identity}" if issuer else identity
    for said in (address, whole, f"{host}:{port}/x{path}{ref}", f"signed by {whole}, as `{whole}`"):
        assert hide_in_text(said) == said
        assert " " in said or show_value(said, 500) == said


@given(
    scheme=st.sampled_from(["https://", "http://", "ssh://", ""]),
    user=st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True),
    password=st.from_regex(r"[A-Za-z0-9!$%&*+._~/:@-]{0,12}", fullmatch=True),
    host=st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,4})?(:[1-9][0-9]{1,3})?", fullmatch=True),
    path=st.from_regex(r"(/[a-z]{1,5}){0,3}", fullmatch=True),
)
def test_a_password_in_an_address_is_never_shown(
    scheme: str, user: str, password: str, host: str, path: str
) -> None:
    planted = f"S3cret{password}x"  # what begins with a number and a slash is a port and a path
    address = f"{scheme}{user}:{planted}@{host}{path}"
    for said in (address, f"no answer from `{address}`", f"--option={address}"):
        assert "S3cret" not in hide_in_text(said)
    assert "S3cret" not in show_value(address, 500)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("user:s3cret@host", "***@host"),
        ("https://:s3cret@host/x", "https://***@host/x"),
        ("https://me@mail.example:s3cret@host/x", "https://***@host/x"),
        ("me@mail.example:s3cret@host", "***@host"),
        ("https://user:s3cret@host/x", "https://***@host/x"),
        ("https://user:s3/c?r#e@t@host/x", "https://***@host/x"),
        ("https://user:s3 cret@host", "https://***@host"),
        ("https://s3cret@host/x", "https://***@host/x"),
        ("s3cret@host", "***@host"),
        ("/data/user:s3cret@host", "/data/***@host"),
        ("https://issuer=user:s3cret@host", "https://***@host"),
        ("host/x?token=s3cret", "host/x?***"),
        ("host/x?s3cret", "host/x?***"),
        ("https://host/x#s3cret", "https://host/x#***"),
        ("host/x?s3cret\nt", "host/x?***"),
        (f"user:s3cret@host/x@{DIGEST}", f"***@host/x@{DIGEST}"),
        ("user:s3" + "c" * 5000 + "ret@host", "***@host"),
    ],
)
def test_what_may_be_a_password_is_not_shown(value: str, shown: str) -> None:
    assert show_value(value, 200) == shown


@pytest.mark.parametrize(
    "value",
    ["", "ghcr.io", "127.0.0.1:5000", "/data/images", "a:b:c", WORKFLOW, "v2.6.0-cv", "host/x:tag"],
)
def test_another_value_is_shown_as_it_is(value: str) -> None:
    assert show_value(value, 200) == hide_in_text(value) == value


def test_a_command_stays_as_it_was_typed() -> None:
    identity = str(Identity("https://accounts.example.com", "me@example.com"))
    typed = f"verify v2.6.0-cv --identity {identity} --reason 'why? because #1'"
    assert hide_in_text(typed) == typed
    masked = hide_in_text(
        "scan --db https://me:s3cret@h/db --x=https://s3cret@h y?a=s3cret&b=s3cret"
    )
    assert masked == "scan --db https://***@h/db --x=https://***@h y?***"


@settings(deadline=None)
@given(st.text() | st.from_regex(r"[a-z:/@?#= ]*"))
@example("=a:" * 50_000)
@example("//" * 50_000)
@example("@" * 100_000)
@example("a.b:1" * 20_000)
def test_any_value_is_shown_in_one_line_and_in_linear_time(value: str) -> None:
    began = time.monotonic()
    shown = show_value(value)
    assert time.monotonic() - began < 2
    assert clean_line(shown, 80) == shown
    hide_in_text(value)


HOSTILE = {
    "no account": "a" * 200 + ":",
    "short words": "a:",
    "before a digest": "a:" * 300 + "@sha256:",
    "names of packages": "pkg:a",
    "addresses": "://a@",
    "brackets": "a]",
    "hosts": "a.b:1/",
    "queries": "?" + "a" * 99,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("end", ["", "@", "@sha256:0"])
def test_the_time_of_a_message_is_that_of_plain_words(kind: str, end: str) -> None:
    """A pattern that begins again at each character took 20 times as long, or more."""

    def measure_seconds(text: str) -> float:
        taken = []
        for _ in range(3):
            began = time.process_time()
            hide_in_text(text)
            taken.append(time.process_time() - began)
        return min(taken)

    size = 50_000
    hostile = (HOSTILE[kind] * size)[:size] + end
    plain = measure_seconds("words " * (size // 6)) + 0.002
    assert measure_seconds(hostile) < 12 * plain
    assert measure_seconds(hostile * 4) < 12 * 4 * plain


@given(
    st.lists(
        st.sampled_from([*"abc1:@/[]?=#'(<,", "//", "[::1]", "host:80/", "pkg:pypi/", "@sha256:"])
    )
)
def test_a_password_is_hidden_wherever_an_account_stands(parts: list[str]) -> None:
    before = "".join(parts)
    assert "S3cret" not in hide_in_text(f"{before} user:S3cret@host")
    assert "S3cret" not in hide_in_text(f"{before}//user:S3cret@host")
    assert "S3cret" not in hide_in_text(f"[::1]user:S3cret@host{before}")


@pytest.mark.parametrize(
    "said",
    [
        "https://u:S3cret@h/x holds no trivy.db",
        "`http://u:S3cret@h` is not installed",
        "unknown image `u:S3cret@h`",
        "--option=u:S3c/ret@h",
        "(u:S3c:ret@h)",
        "https://:S3cret@h/x and redis://:S3c@ret@h",
        "https://me@mail.example:S3cret@h/x",
    ],
)
def test_an_account_that_somebody_typed_is_not_repeated(
    said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.say_line(said)
    progress.print_answer(said)
    progress.print_rich_table("t", ["h"], [[said]])
    shown = capsys.readouterr()
    for text in (shown.err, shown.out):
        assert "S3c" not in text
        assert "***@h" in text


def test_a_record_stays_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words and digests that a secret equals by chance stay: a record with others is not read."""
    monkeypatch.setenv("HF_TOKEN", "S3cret")
    monkeypatch.setenv("COSIGN_PASSWORD", "production")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE", "000000")
    record = {"reason": "S3cret, production", "channel": "production", "digest": DIGEST, "n": 1}
    hidden = record | {"reason": "***, ***"}
    records.write_record(tmp_path / "record.json", record)
    assert json.loads((tmp_path / "record.json").read_text()) == hidden
    assert json.loads(records.to_json(record)) == hidden
    assert records.to_plain(record) == hidden
    records.write_text(tmp_path / "page.html", '<p class="production">S3cret</p>')
    assert (tmp_path / "page.html").read_text() == '<p class="production">***</p>'


def test_what_is_signed_or_pushed_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "S3cret")
    said = statement.Statement(DIGEST, "x", "type", {"reason": "it was S3cret"})
    assert b"it was ***" in statement.to_json(said)
    empty = Descriptor(OCI_EMPTY, sha256(b"{}"), 2)
    made = image_manifest(empty, [], {"reason": "S3cret"})
    assert made.annotations == {"reason": "***"}
    assert made.digest == sha256(made.body)
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        with refused(ConfigError, "holds the value of HF_TOKEN", "make a new secret"):
            registry.push_bytes("x", b"it is S3cret", "text/plain")
        assert not fake.blobs
    with refused(ConfigError, "a manifest holds the value of HF_TOKEN"):
        require_no_secret(b'{"S3cret": 1}', "a manifest")
    monkeypatch.setenv("HF_TOKEN", "production")  # a word stands there by chance
    require_no_secret(b"production", "a manifest")


def test_values_without_a_secret_are_the_same_object() -> None:
    values = {"a": ["b", {"c": 1}]}
    assert hide_in_values(values) is values


@pytest.mark.parametrize(
    "address", ["http://u:S3c/ret@h/simple", "http://[zz/simple?token=S3cret", "u:S3cret@h"]
)
def test_the_words_of_uv_hold_no_password(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_URL", address)
    with pytest.raises(EnvironmentFailed) as caught:
        shell.run(
            [UV, "pip", "compile", "-"],
            hint=HINT,
            env={"UV_INDEX_URL": address},
            stdin=b"a",
            allowed=RESOLVERS,
        )
    assert "S3c" not in str(caught.value)


def test_a_secret_with_an_escape_sequence_in_it_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cleaning would make it whole again."""
    monkeypatch.setenv("HF_TOKEN", "S3cret-S3cret")
    for said in ("S3cret\x1b[0m-S3cret", "S3cret\u200b-S3cret", "S3\0cret-S3cret"):
        progress.say_line(said)
        progress.print_answer(said)
        progress.print_rich_table(said, [said], [[said]])
    shown = capsys.readouterr()
    assert "S3" not in shown.err + shown.out


WRITERS = {
    "runner/progress.py",
    "runner/records.py",
    "runner/signals.py",
    "runner/secret_values.py",
    "release.py",
}
"""Modules that may write to a stream."""


def test_there_is_one_way_out() -> None:
    """Nothing is printed beside runner/progress.py, and secrets are known in one place alone."""
    for path in sources():
        where = str(path.relative_to(REPOSITORY))
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.unparse(node) if isinstance(node, ast.Call | ast.ImportFrom) else ""
            if where not in WRITERS:
                assert not text.startswith(("print(", "sys.stdout.", "sys.stderr.")), where
            if isinstance(node, ast.ImportFrom) and where != "runner/redaction.py":
                is_mask = text == "from runner.secret_values import HIDDEN"
                assert is_mask or "secret_values" not in text, where


ENCODERS: dict[str, Callable[[str], str]] = {
    "nothing": lambda text: text,
    "an address": lambda text: quote(text, safe=""),
    "small letters": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text)),
    "an account of Go": lambda text: quote(text, safe="$&+,;="),
    "JSON of Go": lambda text: (
        json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003E").replace("&", "\\u0026")
    ),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "HTML": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "bytes of Python": lambda text: repr(text.encode()),
    "YAML": lambda text: yaml.safe_dump([text], width=20),
    "a shell": lambda text: re.sub(r"([^\w])", r"\\\1", text),
    "quotes of a shell": shlex.quote,
    "lines": lambda text: "\n  ".join(text[at : at + 9] for at in range(0, len(text), 9)),
    "base64": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "base64 of an address": lambda text: base64.urlsafe_b64encode(f"me12:{text}".encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(f"{'x' * 50}{text}".encode()).decode(),
    "digits": lambda text: text.encode().hex(),
}
ODD = 'S3c@$w0rd/"<x>&\\é9Z%41 y'


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("secret", ["S3cret-S3cret-S3cret", ODD])
def test_a_secret_is_not_shown_in_any_encoding(
    encoder: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Go, pages, shells, YAML and requests each escape other signs."""
    monkeypatch.setenv("HF_TOKEN", secret)
    said = f"answered {ENCODERS[encoder](secret)} to us"
    for shown in (hide_in_text(said), hide_in_file(said), hide_in_values([said])[0]):
        assert re.fullmatch(r"answered (?:- )?\S{0,70}\s?\S{0,18}\*\*\*\S{0,5}\s* to us", shown)
        assert not {"S3", "w0rd", "9Z", "ret", "UzNj"} & {shown[at : at + 4] for at in range(80)}
    with refused(ConfigError, "a manifest holds the value of HF_TOKEN", "make a new secret"):
        require_no_secret(said.encode(), "a manifest")


SIGNS = st.characters(min_codepoint=33, max_codepoint=0x2FF)


@given(
    st.text(SIGNS, min_size=8, max_size=40), st.lists(st.integers(0, 6), min_size=40, max_size=40)
)
@settings(max_examples=100, deadline=None)
def test_a_secret_in_a_mix_of_escapes_is_found(secret: str, ways: list[int]) -> None:
    flat = flatten_text(secret)
    mixed = "".join(_escape(sign, way) for sign, way in zip(secret, ways, strict=False))
    if len(flat) < 6:
        return
    shown = replace_flat(f"<{mixed}>", list_flat_forms(secret), "***")
    assert flatten_text(shown) == "<***>"


def _escape(sign: str, way: int) -> str:
    return (
        sign,
        quote(sign, safe=""),
        f"\\u{ord(sign):04x}",
        f"&#x{ord(sign):X};",
        f"%25{ord(sign):02x}" if ord(sign) < 128 else sign,
        json.dumps(sign)[1:-1],
        f"\\\\{sign}" if not sign.isalnum() else sign,
    )[way]


def test_escapes_take_time_in_proportion_to_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "S3cret-S3cret-S3cret")
    began = time.monotonic()
    for each in ("%25", "&amp;", "\\", "&#0", "&#x0", "%", "&", "\\u00"):
        hide_in_text(each * 100_000)
        hide_in_text(f"{each * 20_000}S3cret-S3cret-S3cret")
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("encoder", ["JSON of Go", "small letters", "HTML", "base64", "digits"])
@pytest.mark.parametrize("left", range(1, 30, 3))
def test_a_secret_that_is_encoded_and_cut_is_not_shown(
    encoder: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message of an engine was cut inside a password with an `&` in it."""
    monkeypatch.setenv("HF_TOKEN", ODD)
    whole = f"answered {ENCODERS[encoder](ODD)}"
    shown = hide_in_text(f"{whole[:-left]}… and more")
    assert re.fullmatch(r"answered \S{0,5}(\*\*\*)?(… and more)?", shown.replace('"', ""))
