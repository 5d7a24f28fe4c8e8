from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from moderation_pipeline.config.agent_specs import CarefulRulesSpec, RulesSpec
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.run_config import KEYLESS_REGIMES, AuditSpec, Config, RandomFloor
from moderation_pipeline.warehouse.folder import DataFolder


def library_of(root: Path, **files: str) -> ConfigLibrary:
    """Return the library of a data folder with these config files; `__` in a name stands for a space."""
    folder = DataFolder(root)
    folder.configs.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder.configs / f"{name.replace('__', ' ')}.yaml").write_text(text, encoding="utf-8")
    return ConfigLibrary(folder)


def error_of(root: Path, text: str) -> str:
    """Return what is said about a config with this text, its path shortened to `mine.yaml`."""
    with pytest.raises(ConfigError) as raised:
        library_of(root, mine=text).load("mine")
    return str(raised.value).replace(f"{root / 'configs'}/", "")


def keys_of(part: type[BaseModel]) -> str:
    return ", ".join(sorted(part.model_fields))


POLICIES = get_args(AuditSpec.model_fields["policy"].annotation)


def test_every_ready_made_config_is_valid_in_an_empty_data_folder(tmp_path: Path) -> None:
    library = ConfigLibrary(DataFolder(tmp_path / "nowhere"))
    loaded = [library.load(name) for name in library.names()]
    assert {*KEYLESS_REGIMES, "hybrid_random"} <= {each.name for each in loaded}


@pytest.mark.parametrize("name", KEYLESS_REGIMES)
def test_the_keyless_regimes_are_named_after_their_regime(tmp_path: Path, name: str) -> None:
    assert ConfigLibrary(DataFolder(tmp_path)).load(name).config.regime == name


def test_a_users_file_replaces_the_ready_made_config_of_its_name(tmp_path: Path) -> None:
    library = library_of(tmp_path, hybrid="description: mine\nregime: hybrid\n")
    assert library.load("hybrid").config.description == "mine"
    assert library.is_own("hybrid")


def test_a_users_file_that_extends_its_own_name_extends_the_ready_made_config(tmp_path: Path) -> None:
    library = library_of(tmp_path, hybrid="extends: hybrid\naudit: {rate: 0.2}\n")
    assert library.load("hybrid").config.audit.rate == 0.2
    assert library.load("hybrid").config.memory is not None


def test_a_part_is_laid_over_the_part_it_extends_key_by_key(tmp_path: Path) -> None:
    library = library_of(
        tmp_path,
        below="memory: {top_k: 3, capacity: 10}\n",
        above="extends: below\nmemory: {capacity: 20}\n",
    )
    memory = library.load("above").config.memory
    assert memory is not None
    assert (memory.top_k, memory.capacity) == (3, 20)


def test_a_name_alone_is_a_backend(tmp_path: Path) -> None:
    assert library_of(tmp_path, mine="student: rules\n").load("mine").config.student == RulesSpec()


def test_a_number_as_random_floor_means_every_action(tmp_path: Path) -> None:
    by_number = library_of(tmp_path, mine="audit: {random_floor: 0.02}\n").load("mine")
    by_action = library_of(tmp_path, mine="audit: {random_floor: {allow: 0.02, sanctions: 0.02}}\n").load(
        "mine"
    )
    assert by_number.config_hash == by_action.config_hash


def test_a_config_hash_changes_with_what_the_config_says(tmp_path: Path) -> None:
    library = library_of(tmp_path, a="loop: {seed: 1}\n", b="loop: {seed: 2}\n", c="loop: {seed: 1}\n")
    assert library.load("a").config_hash == library.load("c").config_hash != library.load("b").config_hash


def test_a_file_name_becomes_a_slug(tmp_path: Path) -> None:
    assert "night-shift" in library_of(tmp_path, Night__Shift="description: x\n").names()


def test_two_files_of_one_slug_are_an_error_that_names_both(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Night Shift\.yaml and .*night-shift\.yaml .*'night-shift'"):
        library_of(tmp_path, **{"Night__Shift": "", "night-shift": ""})


def test_an_unknown_config_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"no config 'hybird'\. Did you mean 'hybrid'\? Configs are: certified, decisions, expert",
    ):
        library_of(tmp_path).load("hybird")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "audit: {polcy: all}",
            "mine.yaml: audit.polcy: no such key. Did you mean 'policy'? "
            f"Allowed here: {keys_of(AuditSpec)}.",
        ),
        (
            "audit: {policy: al}",
            f"mine.yaml: audit.policy: got 'al'. Did you mean 'all'? Allowed: {', '.join(POLICIES)}.",
        ),
        (
            "audit: {rate: lots}",
            "mine.yaml: audit.rate: got 'lots'. It must be a valid number, "
            "unable to parse string as a number.",
        ),
        (
            "student: {backend: openai, model: m, price: .inf}",
            "mine.yaml: student.price: got inf. It must be a finite number.",
        ),
        ("memory: {top_k: 0}", "mine.yaml: memory.top_k: got 0. It must be greater than or equal to 1."),
        (
            "loop: 3",
            "mine.yaml: loop: got 3, where keys and values such as {key: value} are expected.",
        ),
        (
            "audit: {random_floor: {alow: 1}}",
            "mine.yaml: audit.random_floor.alow: no such key. Did you mean 'allow'? "
            f"Allowed here: {keys_of(RandomFloor)}.",
        ),
        (
            "expert: {}",
            "mine.yaml: expert: got {}, which names no backend. Write for example {backend: rules}, or none.",
        ),
        (
            "student: null",
            "mine.yaml: student: got None, which names no backend. "
            "Write for example {backend: rules}, or none.",
        ),
        (
            "expert: {backend: careful_rules, modle: x}",
            f"mine.yaml: expert.modle: no such key. Allowed here: {keys_of(CarefulRulesSpec)}.",
        ),
        ("budget: {}", "mine.yaml: budget.usd_per_run: is missing."),
        (
            "expert: none",
            "mine.yaml: audits need an Expert: set audit: {policy: none}, or name an expert.",
        ),
        (
            "audit: {rate: 0.01, random_floor: 0.3}",
            "mine.yaml: audit.rate 0.01 is the share of all audits, random_floor included, which is 0.3 at "
            "least: raise the rate or lower the floor.",
        ),
        *(
            (
                f"autonomy: {{}}\naudit: {{policy: {policy}}}",
                "mine.yaml: autonomy is shown by random audits of what the system decides alone, and under "
                f"audit.policy '{policy}' there are none: set it to random, uncertain, severity, committee or "
                "novelty, or leave autonomy out.",
            )
            for policy in ("all", "none")
        ),
        (
            "autonomy: {}\naudit: {random_floor: {sanctions: 0}}",
            "mine.yaml: autonomy is shown by random audits of what the system decides alone, and "
            "audit.random_floor.sanctions is 0, which makes none: set it above 0 and below 1, or leave autonomy "
            "out.",
        ),
        (
            "autonomy: {}\naudit: {policy: severity, rate: 1, random_floor: 1}",
            "mine.yaml: autonomy is shown by random audits of what the system decides alone, and "
            "audit.random_floor.allow is 1, which makes every audit certain: set it above 0 and below 1, or "
            "leave autonomy out.",
        ),
        (
            "audit: {policy: committee}",
            "mine.yaml: audit.policy committee audits where a learned head and its base disagree, and this Student "
            "has no head: set student: {backend: learned, base: …}, or another policy, such as uncertain.",
        ),
        (
            "audit: {policy: novelty, rate: 0.05, random_floor: 0.1}",
            "mine.yaml: audit.rate 0.05 is the share of all audits, random_floor included, which is 0.1 at least: "
            "raise the rate or lower the floor.",
        ),
        (
            "autonomy: {}\naudit: {policy: random, rate: 1}",
            "mine.yaml: autonomy is shown by random audits of what the system decides alone, and audit.rate is "
            "1, which makes every audit certain: set it above 0 and below 1, or leave autonomy out.",
        ),
        (
            "memory: {start_from: yesterday}",
            "mine.yaml: memory.start_from: must name another chat's run as 'chat|config'.",
        ),
        (
            "- hybrid",
            "mine.yaml holds a list, where keys such as 'student: {backend: rules}' go.",
        ),
        (
            "audit: [all\nloop: 3",
            "mine.yaml, line 2, column 5: this is not valid YAML: expected ',' or ']', but got ':'.",
        ),
        ("extends: hybird", "mine.yaml: extends: There is no config 'hybird'. Did you mean 'hybrid'? "),
        ("extends: mine", "mine.yaml: extends: goes in a circle: mine -> mine."),
    ],
)
def test_what_is_wrong_is_said_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, said: str
) -> None:
    error = error_of(tmp_path, text)
    found = error.partition(" It means: ")[0]
    assert found == said or (said.endswith(" ") and found.startswith(said))


@pytest.mark.parametrize(
    ("part", "wrong", "right"), [("student", "rulez", "rules"), ("expert", "lables", "labels")]
)
def test_a_wrong_backend_is_one_line_that_names_it_and_those_allowed(
    tmp_path: Path, part: str, wrong: str, right: str
) -> None:
    error = error_of(tmp_path, f"{part}: {{backend: {wrong}}}")
    assert error.count("\n") == 0
    assert error.startswith(
        f"mine.yaml: {part}: there is no backend '{wrong}'. Did you mean '{right}'? Allowed: "
    )
    found, _, meaning = error.partition(" It means: ")
    assert found.endswith(", none.")
    assert right in found.split("Allowed: ")[1]
    assert meaning.startswith("Who ")


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    error = error_of(tmp_path, "loop: {seed: x}\naudit: {policy: some}\nmemory: {topk: 3}")
    assert [line.split(": ")[1] for line in error.splitlines()] == [
        "memory.topk",
        "audit.policy",
        "loop.seed",
    ]


def test_the_file_that_wrote_the_culprit_is_named_though_another_extends_it(tmp_path: Path) -> None:
    library = library_of(
        tmp_path, below="audit: {polcy: all}\n", above="extends: below\naudit: {rate: 0.1}\n"
    )
    with pytest.raises(ConfigError, match=r"below\.yaml: audit\.polcy"):
        library.load("above")


def test_a_key_in_a_config_is_refused_without_being_repeated(tmp_path: Path) -> None:
    error = error_of(tmp_path, "expert: {backend: careful_rules, api_key: sk-123}")
    assert "Keys never go into a config: set them in the environment or in .env." in error
    assert "sk-123" not in error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("regime: student_only", "student_only has no Expert and no memory"),
        ("regime: hybrid\nstudent: none", "expert_only and student: none go together"),
        ("student: none", "expert_only needs an Expert that audits everything"),
    ],
)
def test_a_regime_that_does_not_fit_the_rest_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in error_of(tmp_path, text)


def test_the_regime_follows_from_the_rest_where_it_is_left_out() -> None:
    assert Config.model_validate({"expert": "none", "memory": None, "audit": {"policy": "none"}}).regime == (
        "student_only"
    )
    assert Config.model_validate({"student": "none", "audit": {"policy": "all"}}).regime == "expert_only"
    assert Config.model_validate({}).regime == "hybrid"


def test_a_config_says_which_ready_made_ones_it_and_what_it_extends_replace(tmp_path: Path) -> None:
    library = library_of(
        tmp_path, Hybrid="extends: hybrid\n", mine="extends: hybrid\n", apart="extends: student_only\n"
    )
    ready_made = ConfigLibrary(DataFolder(tmp_path / "nowhere")).path("hybrid")
    for name in ("hybrid", "mine"):
        (replaced,) = library.load(name).replaces
        assert (replaced.own, replaced.ready_made) == (tmp_path / "configs" / "Hybrid.yaml", ready_made)
        assert str(replaced.own) in replaced.note
        assert str(ready_made) in replaced.note
    assert library.load("apart").replaces == ()
    assert library.load("student_only").replaces == ()


def test_a_live_chat_s_rarity_holds_but_for_the_synthetic_one_and_a_number_for_every_chat() -> None:
    usual = Config.model_validate({}).expected_violations_per_1000
    said = Config.model_validate({"expected_violations_per_1000": 40}).expected_violations_per_1000
    assert usual is not None
    assert said is not None
    assert (usual.share_of("stream"), usual.share_of("synthetic")) == (0.002, 0.15)
    assert (said.share_of("stream"), said.share_of("synthetic")) == (0.04, 0.04)
