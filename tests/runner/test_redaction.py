"""No secret is in what is shown or written, whatever repeats it."""

from __future__ import annotations

from pathlib import Path

import pytest

from images.resolve import UV
from runner import progress, records, shell
from runner.errors import EnvironmentFailed
from runner.redaction import hide_accounts, hide_secrets

HINT = "do this"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqG\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PYTORCH_CUDA_IMAGES_WEBHOOK_SECRET", "S3cret value", "it is S3cret value"),
        ("PYTORCH_CUDA_IMAGES_SIGNING_KEY", PEM, "not a key: MIGHAgEAMBMGByqGSM49"),
        ("PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE", 'S3"cret', '{"x": "S3\\"cret"}'),
        ("UV_INDEX_URL", "http://u:S3c/ret@h/simple", "cannot parse `http://u:S3c/ret@h/simple`"),
        (
            "UV_INDEX_URL",
            "http://h/simple?token=S3cret",
            "cannot parse http://h/simple?token=S3cret",
        ),
        ("PIP_EXTRA_INDEX_URL", "http://h/ http://u:S3c%2Fret@h", "asked h with u and S3c/ret"),
        ("PIP_INDEX_URL", "u:S3cret@h", "cannot read u:S3cret@h"),
        ("PIP_PROXY", "http://u:S3cret@proxy", "no proxy u:S3cret"),
        ("https_proxy", "http://u:S3c\\ret@proxy", "Failed to parse: 'u:S3c\\ret'"),
        ("GH_TOKEN", "S3cret", "bearer S3cret"),
    ],
)
def test_a_value_of_a_secret_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    shown = hide_secrets(said)
    assert "***" in shown
    assert "S3" not in shown
    assert "MIGH" not in shown


def test_what_is_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "release.key").write_text(PEM)
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SIGNING_KEY", str(tmp_path / "release.key"))
    monkeypatch.setenv("UV_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("TRIVY_USERNAME", "pytorch-cuda")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_NEW", "production")
    for said in (
        f"{tmp_path}/release.key is not a key",
        "no answer from https://index.example/simple",
        "pytorch-cuda/production",
        "-----BEGIN PRIVATE KEY-----",
        "registry.example.com:5000/pytorch-cuda:v2.6.0@sha256:0123",
        "127.0.0.1:5005/pytorch-cuda-staging@sha256:0123 and a@b",
        "write unix:///path, tcp://host:port or ssh://user@host, or unset it",
        "https://token.example=https://github.com/o/r/.github/workflows/w.yml@refs/heads/main",
        "12:30:05 someone@example.com",
    ):
        assert hide_accounts(said) == said


@pytest.mark.parametrize(
    "said",
    [
        "https://u:S3cret@h/x holds no trivy.db",
        "`http://u:S3cret@h` is not installed",
        "unknown image `u:S3cret@h`",
        "--option=u:S3c/ret@h",
        "(u:S3c:ret@h)",
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


def test_no_secret_is_in_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "S3cret")
    records.write_text(tmp_path / "record.json", '{"reason": "S3cret was refused"}')
    assert (tmp_path / "record.json").read_text() == '{"reason": "*** was refused"}'
    monkeypatch.setenv("COSIGN_PASSWORD", "password")
    records.write_text(tmp_path / "record.json", '{"passwords": {}}')
    assert (tmp_path / "record.json").read_text() == '{"passwords": {}}'


@pytest.mark.parametrize(
    "address", ["http://u:S3c/ret@h/simple", "http://[zz/simple?token=S3cret", "u:S3cret@h"]
)
def test_the_words_of_uv_hold_no_password(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_URL", address)
    with pytest.raises(EnvironmentFailed) as caught:
        shell.run([UV, "pip", "compile", "-"], hint=HINT, env={"UV_INDEX_URL": address}, stdin=b"a")
    assert "S3c" not in str(caught.value)
