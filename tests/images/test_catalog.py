"""The catalogue as shipped, and every way to get it wrong: refused with file, line and the way
out.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from images import catalog, line_locks
from images.catalog import IMAGES, Catalog
from images.compatibility import COMPATIBILITY
from runner.errors import ConfigError
from tests.fakes.own_catalog import OWN_CATALOG, load_own_catalog
from tests.fakes.refusal import refused

SHIPPED = OWN_CATALOG.read_text()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "catalog.yaml"


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_shipped_catalogue_and_locks_load() -> None:
    shipped = catalog.load_catalog()
    assert shipped.images[0] == "base"
    for line in shipped.lines:
        locks = line_locks.locks_of(shipped, line, tuple(shipped.stacks))
        # Jobs and sessions need no package of their own.
        assert {stack for stack, lock in locks.items() if not lock.wheels} == {"cli", "ssh"}


def test_every_stack_has_what_it_is_made_of() -> None:
    for stack in catalog.load_catalog().stacks:
        assert (IMAGES / stack / "requirements.in").read_text().strip()


WRONG = [
    pytest.param(
        "    epoch:",
        "    colour: red\n    epoch:",
        "colour: red",
        "unknown key `lines.2.6.colour`",
        id="unknown key",
    ),
    pytest.param(
        "\nimages:",
        "\nextra: 1\nimages:",
        "extra: 1",
        "unknown key `extra`",
        id="unknown key at the top",
    ),
    pytest.param(
        '    cuda: "12.4"',
        '    cuda: "12.4"\n    cuda: "12.6"',
        'cuda: "12.6"',
        "key `cuda` given twice",
        id="key twice",
    ),
    pytest.param(
        '    cuda: "12.4"\n', "", '"2.6":', "missing key `lines.2.6.cuda`", id="missing key"
    ),
    pytest.param(
        'torchvision: "0.21.0"',
        'torchvision: "0.17.0"',
        "torchvision:",
        "torchvision 0.17.0 does not go with torch 2.6.0",
        id="torchvision 0.17 with torch 2.6",
    ),
    pytest.param(
        'torchaudio: "2.6.0"',
        'torchaudio: "2.5.0"',
        "torchaudio:",
        "torchaudio 2.5.0",
        id="torchaudio",
    ),
    pytest.param(
        'cuda: "12.4"', 'cuda: "12.1"', "cuda:", "never built for cuda 12.1", id="CUDA 12.1"
    ),
    pytest.param(
        'python: "3.11"',
        'python: "3.14"',
        "python:",
        "never built for python 3.14",
        id="Python never built",
    ),
    pytest.param('python: "3.11"', "python: 3.11", "python:", "string", id="Python as a number"),
    pytest.param(
        'torch: "2.6.0"',
        'torch: "2.9.1"',
        'torch: "2.9.1"',
        "line 2.6 declares torch 2.9.1",
        id="torch of another line",
    ),
    pytest.param(
        'torch: "2.6.0"',
        'torch: "2.6.9"',
        'torch: "2.6.9"',
        "not in compatibility.yaml",
        id="torch that does not exist",
    ),
    pytest.param(
        "needs: [base]",
        "needs: [bass]",
        "needs: [bass]",
        "unknown stack `bass`",
        id="unknown stack needed",
    ),
    pytest.param(
        "needs: []", "needs: [cv]", "needs: [cv]", "circle: base -> cv -> base", id="circle"
    ),
    pytest.param(
        "needs: []",
        "needs: [base]",
        "needs: [base]",
        "circle: base -> base",
        id="stack that needs itself",
    ),
    pytest.param(
        "needs: [base]",
        "needs: []",
        "  cv:",
        "`cv` does not need `base`",
        id="stack on nothing",
    ),
    pytest.param("  cv:\n", "  c-v:\n", "c-v:", "stack name `c-v`", id="stack name with a dash"),
    pytest.param(
        "images: [base, cv,",
        "images: [base, tv,",
        "images:",
        "unknown image `tv`",
        id="unknown image",
    ),
    pytest.param(
        "epoch: 1738108800",
        "epoch: soon",
        "epoch:",
        "`lines.2.6.epoch`",
        id="time that is no number",
    ),
    pytest.param("repositories: #", "repositories: [", "", "not valid YAML", id="not YAML"),
    *(
        pytest.param(right, wrong, wrong, words, id=wrong)
        for right, wrong, words in [
            ("debian: bookworm", "debian: --setup-hook=touch /tmp/x", "name of a Debian release"),
            ("debian: bookworm", 'debian: "bookworm\\n"', "name of a Debian release"),
            ("base_image: docker.io", "base_image: --pull docker.io", "its host is wrong"),
            ("base_image: docker.io", "base_image: user@docker.io", "its host is wrong"),
            ("epoch: 1738108800", "epoch: 0", "greater than or equal to 315532800"),
            ("epoch: 1738108800", "epoch: 99999999999999", "less than or equal to"),
            ('driver_floor: "525"', 'driver_floor: "new"', "a driver version"),
            ("since: 2025-01-29", "since: 0001-01-01", "2020"),
            ("since: 2027-07-01", "since: 9999-12-31", "2099"),
            ("since: 2027-07-01", "since: 2025-01-28", "is not after 2025-01-29"),
            ("since: 2027-07-01", "since: soon", "date"),
            ("status: ended", "status: over", "'active', 'security' or 'ended'"),
            ('why: "torch 2.6.0 was released"', 'why: ""', "printable"),
            ('why: "torch 2.6.0 was released"', 'why: "a\\nb"', "printable"),
            ('why: "torch 2.6.0 was released"', 'because: "x"', "unknown key"),
            ("production: pytorch-cuda", "production: Pytorch", "name of a repository"),
            ("production: pytorch-cuda", "production: ../pytorch", "name of a repository"),
            ("production: pytorch-cuda", "production: -pytorch", "name of a repository"),
            ("staging: pytorch-cuda-staging", "staging: pytorch-cuda", "one repository"),
            (
                "title: Computer vision, OpenCV and Albumentations",
                'title: "Computer \\e[31mvision"',
                "printable",
            ),
            (
                "title: Computer vision, OpenCV and Albumentations",
                'title: "Computer\\nvision"',
                "printable",
            ),
            ("growth_percent: 5", "growth_percent: .nan", "finite"),
            ("growth_percent: 5", "growth_percent: -1", "greater than or equal to 0"),
            ("megabytes: 3300", "megabytes: -1", "greater than or equal to 0"),
        ]
    ),
    pytest.param(
        "@sha256:88200866", "@sha256:8820086", "base_image", "@sha256:DIGEST", id="half a digest"
    ),
    pytest.param(
        "images: [base, cv,",
        "images: [base, base-base,",
        "images:",
        "names a stack twice",
        id="twice",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "place", "words"), WRONG)
def test_a_wrong_catalogue(written: Path, right: str, wrong: str, place: str, words: str) -> None:
    text = SHIPPED.replace(right, wrong, 1)
    assert text != SHIPPED, "the shipped catalogue no longer holds what this test spoils"
    written.write_text(text)
    with refused(ConfigError, words, f"{written}:{line_of(text, place) if place else ''}"):
        catalog.load_catalog(written)


@pytest.mark.parametrize("text", ["", "- a list", "words", "repositories: {}"])
def test_what_is_no_catalogue_at_all(written: Path, text: str) -> None:
    written.write_text(text)
    with refused(ConfigError, f"{written}:1:"):
        catalog.load_catalog(written)


def test_no_catalogue(written: Path) -> None:
    with refused(ConfigError, str(written), "No such file"):
        catalog.load_catalog(written)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a: \x00"], ids=["not UTF-8", "control character"])
def test_a_catalogue_that_is_not_text(written: Path, data: bytes) -> None:
    written.write_bytes(b"# head\n" + data)
    with refused(ConfigError, f"{written}:2:"):
        catalog.load_catalog(written)


def test_an_unknown_key_in_the_list_of_builds(tmp_path: Path) -> None:
    wrong = tmp_path / "compatibility.yaml"
    text = COMPATIBILITY.read_text().replace("    builds:", "    rocm: []\n    builds:", 1)
    wrong.write_text(text)
    with refused(
        ConfigError, f"{wrong}:{line_of(text, 'rocm')}:", "unknown key `torch.2.6.0.rocm`"
    ):
        catalog.load_catalog(OWN_CATALOG, wrong)


@pytest.mark.parametrize(
    ("right", "wrong", "key", "words"),
    [
        (
            '        cudnn: "9.1.0.70"\n        nccl: "2.21.5"\n',
            "",
            "cuda:",
            "compatibility.yaml lacks cudnn, nccl of torch 2.6.0 for CUDA 12.4",
        ),
        (
            "        architectures: [sm_50, sm_60, sm_70, sm_75, sm_80, sm_86, sm_90]\n",
            "",
            "cuda:",
            "compatibility.yaml lacks architectures of torch 2.6.0 for CUDA 12.4",
        ),
        (
            '  "12.4": {driver: "550.54", oldest_driver: "525"}\n',
            "",
            "cuda:",
            "compatibility.yaml lacks the drivers of CUDA 12.4",
        ),
        (
            '"550.54", oldest_driver: "525"',
            '"550.54", oldest_driver: "550"',
            "driver_floor:",
            "CUDA 12.4 does not run on driver 525",
        ),
        (
            '  bookworm: {release: 12, python: "3.11"}\n',
            "",
            "debian:",
            "Debian bookworm is not in compatibility.yaml",
        ),
        (
            'release: 12, python: "3.11"',
            'release: 12, python: "3.12"',
            "python:",
            "Debian bookworm has no Python 3.11",
        ),
    ],
    ids=["libraries", "architectures", "toolkit", "old driver", "debian", "python of debian"],
)
def test_a_line_that_lacks_a_fact(
    tmp_path: Path, right: str, wrong: str, key: str, words: str
) -> None:
    facts = tmp_path / "compatibility.yaml"
    text = COMPATIBILITY.read_text().replace(right, wrong, 1)
    assert text != COMPATIBILITY.read_text()
    facts.write_text(text)
    with refused(ConfigError, words, f"{OWN_CATALOG}:{line_of(SHIPPED, key)}:"):
        catalog.load_catalog(OWN_CATALOG, facts)


def test_a_line_of_a_build_that_nobody_described_is_refused_by_name(written: Path) -> None:
    text = SHIPPED.replace('cuda: "12.4"', 'cuda: "11.8"').replace(
        'driver_floor: "525"', 'driver_floor: "450"'
    )
    written.write_text(text)
    with refused(ConfigError, "lacks cudnn, nccl, architectures of torch 2.6.0 for CUDA 11.8"):
        catalog.load_catalog(written)


# Versions and images by name


@pytest.mark.parametrize(
    "text", ["2.6", "v2.6", "2.6.0", "v2.6.0.1", "v2.6.0-cv", "v2.6.x", "", "latest", "v2.6.0 "]
)
def test_what_is_not_a_version(shipped: Catalog, text: str) -> None:
    with refused(ConfigError, "is not a version", "v2.6.0"):
        shipped.require_version(text)


def test_a_version_of_no_line(shipped: Catalog) -> None:
    with refused(ConfigError, "no line 3.0", "2.6"):
        shipped.require_version("v3.0.0")


def test_a_version_reads_as_written(shipped: Catalog) -> None:
    assert str(shipped.require_version("v2.6.13")) == "v2.6.13"


@pytest.mark.parametrize(
    "text", ["v2.6.00", "v2.6.01", "v02.6.0", "v2.6.\N{ARABIC-INDIC DIGIT THREE}"]
)
def test_a_version_is_written_one_way(shipped: Catalog, text: str) -> None:
    with refused(ConfigError, "is not a version"):
        shipped.require_version(text)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (None, ("base", "cv", "nlp", "rl")),
        ("cv", ("cv",)),
        ("cv-nlp", ("cv-nlp",)),
        ("nlp-cv", ("cv-nlp",)),
        ("nlp-cv,cv-nlp", ("cv-nlp",)),
        ("base-cv", ("cv",)),
        ("base", ("base",)),
        (" nlp , cv ", ("nlp", "cv")),
    ],
)
def test_images_by_name(shipped: Catalog, asked: str | None, names: tuple[str, ...]) -> None:
    assert shipped.image_names(asked) == names


@pytest.mark.parametrize("asked", ["tv", "cv-", "-", "cv--nlp", "CV", "cv nlp", "cv,tv"])
def test_an_unknown_image(shipped: Catalog, asked: str) -> None:
    with refused(ConfigError, "unknown image", "base, cv, nlp, rl"):
        shipped.image_names(asked)


@pytest.mark.parametrize("asked", ["", ",", " "])
def test_no_image_at_all(shipped: Catalog, asked: str) -> None:
    with refused(ConfigError, "names no image"):
        shipped.image_names(asked)


@pytest.mark.parametrize("asked", ["cv,", ",cv", "cv,,nlp", ",".join(["cv"] * 101)])
def test_a_list_of_images_is_written_in_one_way(shipped: Catalog, asked: str) -> None:
    with refused(ConfigError, "--images has", "separated by commas: cv,nlp"):
        shipped.image_names(asked)


@pytest.mark.parametrize("asked", ["base-base", "cv-cv", "cv-nlp-cv"])
def test_a_stack_is_named_once(shipped: Catalog, asked: str) -> None:
    with refused(ConfigError, "names a stack twice"):
        shipped.image_names(asked)


@given(st.text() | st.text(alphabet="cvnlprbase-, ", max_size=40))
def test_every_list_of_images_is_canonical_or_refused_in_one_line(asked: str) -> None:
    shipped = load_own_catalog()
    try:
        names = shipped.image_names(asked)
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert names
        assert shipped.image_names(",".join(names)) == names


HOSTILE = st.sampled_from(
    ["--help", "a\nb", "\x1b[31m", "../..", "", "\u2028", "9" * 99, "{0}", "a b"]
) | st.text(max_size=20)


@settings(deadline=None)  # the disk of a busy machine is slow
@given(st.data())
def test_no_value_of_a_catalogue_can_be_an_option_or_a_second_line(data: st.DataObject) -> None:
    """Whatever is put in place of a value: refused, or of letters that no command takes for
    something else.
    """
    tree = yaml.safe_load(SHIPPED)
    place = data.draw(
        st.sampled_from(
            [("repositories", *each) for each in tree["repositories"].items()]
            + [("lines", *each) for each in tree["lines"]["2.6"].items()]
        )
    )
    part, key, _ = place
    holder = tree[part] if part == "repositories" else tree[part]["2.6"]
    holder[key] = data.draw(
        HOSTILE | st.integers() | st.none() | st.lists(st.text(max_size=3), max_size=2)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.yaml"
        path.write_text(yaml.safe_dump(tree))
        try:
            loaded = catalog.load_catalog(path)
        except ConfigError as error:
            assert len(str(error).splitlines()) == 1
            return
    for values in (vars(loaded.repositories), *map(vars, loaded.lines.values())):
        for name, value in values.items():
            if name == "budgets":  # of stacks, by names that exist, in whole numbers
                assert set(value) <= {*loaded.stacks}
            elif name == "support":  # a line of text for people
                assert all(re.fullmatch(r"[!-~][ -~]*", phase.why) for phase in value)
            elif (
                name == "left_out"
            ):  # patterns that are compared with names of files, no words of a command
                assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", package) for package in value)
            else:
                assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9./:@_-]*", str(value))


def test_a_line_may_have_budgets_of_its_own(tmp_path: Path) -> None:
    tree = yaml.safe_load(SHIPPED)
    own = {"megabytes": 4321, "packages": 175, "layers": 18}
    tree["lines"]["2.6"]["budgets"] = {"base": own}
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(tree))
    loaded = catalog.load_catalog(path)
    assert loaded.budget_of("2.6", "base").megabytes == 4321
    assert loaded.budget_of("2.6", "cv").megabytes == 4321 + loaded.stacks["cv"].budget.megabytes
    tree["lines"]["2.6"]["budgets"] = {"games": own}
    path.write_text(yaml.safe_dump(tree))
    with refused(ConfigError, "line 2.6 has a budget for unknown stack `games`"):
        catalog.load_catalog(path)


def test_a_line_may_have_no_torchaudio() -> None:
    shipped = catalog.load_catalog()
    newest = shipped.lines["2.15"]
    assert newest.torchaudio is None
    assert line_locks.locks_of(shipped, "2.15", ("base",))["base"].find_wheel("torchaudio") is None


def test_a_combined_image_has_the_stacks_of_both(shipped: Catalog) -> None:
    assert shipped.stacks_of("nlp-cv") == ("base", "cv", "nlp")


def needing(shipped: Catalog, needs: dict[str, tuple[str, ...]]) -> Catalog:
    """The shipped catalogue with other needs."""
    stacks = {
        name: dataclasses.replace(stack, needs=needs.get(name, stack.needs))
        for name, stack in shipped.stacks.items()
    }
    return dataclasses.replace(shipped, stacks=stacks)


@pytest.mark.parametrize(
    ("needs", "image", "stacks"),
    [
        ({"cv": ("nlp",)}, "cv", ("base", "nlp", "cv")),
        ({"cv": ("nlp",)}, "rl-cv", ("base", "nlp", "cv", "rl")),
        ({"cv": ("rl",)}, "cv-nlp", ("base", "nlp", "rl", "cv")),
        ({"cv": ("rl", "nlp")}, "cv", ("base", "nlp", "rl", "cv")),
        ({"nlp": ("cv",), "rl": ("nlp",)}, "rl", ("base", "cv", "nlp", "rl")),
        ({"cv": ("nlp",), "nlp": ("rl",)}, "cv", ("base", "rl", "nlp", "cv")),
    ],
)
def test_a_stack_stands_on_what_it_needs(
    shipped: Catalog, needs: dict[str, tuple[str, ...]], image: str, stacks: tuple[str, ...]
) -> None:
    assert needing(shipped, needs).stacks_of(image) == stacks


def test_a_tag_keeps_the_catalogue_s_order(shipped: Catalog) -> None:
    assert needing(shipped, {"cv": ("nlp",)}).image_names("nlp-cv") == ("cv-nlp",)


def test_what_an_image_is_for(shipped: Catalog) -> None:
    title = {name: stack.title for name, stack in shipped.stacks.items()}
    assert shipped.title_of("base") == title["base"]
    assert shipped.title_of("nlp-cv") == f"{title['cv']}; {title['nlp']}"


# How the images of a stack run

SERVED = """    os:
      ports: [8888, 8080]
      command: [python, -m, http.server, "8888"]
      health_check: [python, -c, "pass"]
"""


def with_os(text: str) -> str:
    """The shipped catalogue, with a part of that text for cv."""
    budget = "    budget: {megabytes: 130, packages: 16, layers: 6}\n"
    assert budget in SHIPPED
    return SHIPPED.replace(budget, budget + text)


def test_images_run_as_their_stacks_say(written: Path) -> None:
    written.write_text(with_os(SERVED))
    served = catalog.load_catalog(written)
    part = served.os_part_of("cv-nlp")
    assert part.ports == (8080, 8888)
    assert part.command == ("python", "-m", "http.server", "8888")
    assert part.health_check == ("python", "-c", "pass")
    assert served.os_part_of("nlp") == catalog.OsPart()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("    os: {ports: [0]}\n", "greater than or equal to 1"),
        ("    os: {ports: [65536]}\n", "less than or equal to 65535"),
        ('    os: {ports: ["8888"]}\n', "integer"),
        ('    os: {command: ["a b\\n"]}\n', "printable"),
        ("    os: {user: root}\n", "unknown key `stacks.cv.os.user`"),
    ],
)
def test_a_wrong_os_part(written: Path, wrong: str, words: str) -> None:
    text = with_os(wrong)
    written.write_text(text)
    with refused(ConfigError, words, f"{written}:{line_of(text, wrong)}:"):
        catalog.load_catalog(written)


@pytest.mark.parametrize(
    ("statuses", "says"),
    [
        ("active 2025-01-01, active 2026-01-01", "`active` cannot follow `active`"),
        ("security 2025-01-01, active 2026-01-01", "`active` cannot follow `security`"),
        ("ended 2025-01-01, ended 2026-01-01", "`ended` cannot follow `ended`"),
        ("ended 2025-01-01, security 2026-01-01", "`security` cannot follow `ended`"),
        ("active 2025-01-01, ended 2025-01-01", "is not after 2025-01-01"),
        ("active 2025-01-02, security 2026-01-01, ended 2025-12-31", "is not after 2026-01-01"),
        ("", "at least 1 item"),
    ],
)
def test_statuses_out_of_order_name_their_line(written: Path, statuses: str, says: str) -> None:
    words = [each.split() for each in statuses.split(", ") if each]
    items = [f"{{status: {status}, since: {day}, why: because}}" for status, day in words]
    start = SHIPPED.index("    support:\n")
    end = SHIPPED.index("\n\n", start)
    written.write_text(f"{SHIPPED[:start]}    support: [{', '.join(items)}]{SHIPPED[end:]}")
    with refused(ConfigError, says, f"{written}:{line_of(SHIPPED, '    support:')}"):
        catalog.load_catalog(written)


@pytest.mark.parametrize(
    "support", ["ended", "{active: 2025-01-01}", "[ended]", "[[]]", "null", "7"]
)
def test_a_support_of_another_shape_is_one_line(written: Path, support: str) -> None:
    start = SHIPPED.index("    support:\n")
    end = SHIPPED.index("\n\n", start)
    written.write_text(f"{SHIPPED[:start]}    support: {support}{SHIPPED[end:]}")
    with refused(ConfigError, "support", f"{written}:"):
        catalog.load_catalog(written)
