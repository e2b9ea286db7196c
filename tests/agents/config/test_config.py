import dataclasses

import pytest

from agents.commands.training import PRESETS, parse_train, preset, preset_names, train_help
from agents.config.config_reader import keys, read_config
from agents.config.run_config import ReinforcementConfig, RunConfig
from agents.config.yaml_text import to_yaml
from textgym.errors import ConfigError


def read(tmp_path, text="", overrides=(), env="textgym/Translation-v0"):
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    return read_config(RunConfig, [file], [*([("env", env)] if env else []), *overrides])


def test_layers_defaults_then_files_then_keys(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("env: a\nseed: 1\nwarm_start: {batch_size: 8, patience: 2}\n")
    second.write_text("seed: 2\nwarm_start: {patience: 3}\n")
    config = read_config(RunConfig, [first, second], [("warm_start.patience", "4")])
    assert (config.env, config.seed) == ("a", 2)
    assert (config.warm_start.batch_size, config.warm_start.patience) == (8, 4)
    assert config.warm_start.evaluate_every == 100


def test_a_file_replaces_a_mapping_and_a_key_changes_one_item(tmp_path):
    text = "model: {model_type: t5, d_model: 64}"
    assert read(tmp_path, text).model == {"model_type": "t5", "d_model": 64}
    config = read(tmp_path, text, [("model.d_model", "32"), ("model.extra.deep", "x"), ("env_kwargs.reward", "chrf")])
    assert config.model == {"model_type": "t5", "d_model": 32, "extra": {"deep": "x"}}
    assert config.env_kwargs == {"reward": "chrf"}
    assert read(tmp_path, "", [("model.n_layer", "1")]).model["model_type"] == "gpt2"
    assert read(tmp_path, "", [("model", "gpt2")]).model == "gpt2"


@pytest.mark.parametrize(("text", "value"), [("1e-5", 1e-5), ("3E+2", 300.0), ("0.01", 0.01), ("1", 1.0)])
def test_numbers_are_numbers(tmp_path, text, value):
    config = read(tmp_path, f"warm_start: {{learning_rate: {text}}}\nenv_kwargs: {{x: {text}}}")
    assert config.warm_start.learning_rate == value
    assert isinstance(config.warm_start.learning_rate, float)
    assert config.env_kwargs["x"] == value


def test_whole_numbers_may_be_written_short_and_dates_are_text(tmp_path):
    config = read(tmp_path, "run_folder: 2024-01-01", [("warm-start.total-timesteps", "2e6")])
    assert config.warm_start.total_timesteps == 2_000_000
    assert config.run_folder == "2024-01-01"
    assert read(tmp_path, "", [("run_folder", "17")]).run_folder == "17"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("warm_start: {learning_rte: 1}", r"run\.yaml: warm_start\.learning_rte is not known.*'learning_rate'"),
        ("sed: 1", r"run\.yaml: sed is not known\. Did you mean 'seed'"),
        ("warm_start: {patience: x}", r"warm_start\.patience must be a whole number, got 'x' \(str\)"),
        ("warm_start: {patience: 1.5}", r"warm_start\.patience must be a whole number, got 1\.5"),
        ("warm_start: {enabled: 1}", r"warm_start\.enabled must be true or false, got 1"),
        ("warm_start: 3", r"warm_start must hold keys and values, got 3"),
        ("warm_start: {max_seconds: soon}", r"warm_start\.max_seconds must be a number or null"),
        ("model: 3", r"model must be a mapping such as .* or text, got 3"),
        ("evaluation: {rewards: bleu}", r"evaluation\.rewards must be a list such as \[bleu, chrf\], got 'bleu'"),
        ("evaluation: {rewards: [1]}", r"evaluation\.rewards must be a list"),
        (
            "reinforcement: {algorithm: PP0}",
            r"algorithm must be 'PPO' or 'A2C' or 'RLOO' or 'GRPO', got 'PP0'.*Did you mean 'PPO'",
        ),
        ("seed: 1\nseed: 2", r"run\.yaml:2:1: .*the key 'seed' stands twice"),
        ("warm_start:\n\tpatience: 1", r"run\.yaml:2: the line is indented with a tab"),
        ("seed: [1", r"run\.yaml:1:\d+: this is not YAML"),
        ("- 1", r"run\.yaml must hold keys and values"),
        ("seed: !!python/object:os.system {}", r"this is not YAML that can be read: could not determine a constructor"),
        ("warm_start: {learning_rate: -1}", r"warm_start\.learning_rate must be positive and finite, got -1"),
        ("warm_start: {warmup_fraction: 1}", r"warm_start\.warmup_fraction must lie in \[0, 1\), got 1"),
        ("num_envs: 0", r"num_envs must be positive and finite, got 0"),
        ("seed: -1", r"seed must lie in"),
        ("evaluation: {examples: -1}", r"evaluation\.examples must be at least 0, got -1"),
        ("env_kwargs: {split: test}", r"env_kwargs\.split is not for a training run"),
        ("warm_start: {enabled: false}\nreinforcement: {enabled: false}", r"nothing would be learned"),
    ],
)
def test_errors_name_the_key(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("warm_start.learning_rte", "1", r"--warm_start\.learning_rte is not known.*'warm_start\.learning_rate'"),
        ("threads", "two", r"--threads must be a whole number, got 'two'"),
        ("model.n_layer", "1", r"--model\.n_layer is an item of model, which is 'gpt2' here"),
    ],
)
def test_errors_name_the_argument(tmp_path, name, text, message):
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, "model: gpt2", [(name, text)])


def test_a_missing_environment_and_a_missing_file_are_told(tmp_path):
    with pytest.raises(ConfigError, match="env is not given"):
        read(tmp_path, env=None)
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(ConfigError, match=r"min\.yaml cannot be read.*Did you mean 'mine\.yaml'"):
        read_config(RunConfig, [tmp_path / "min.yaml"])


def test_the_resolved_configuration_reads_back_to_the_same(tmp_path):
    config = read(tmp_path, "warm_start: {learning_rate: 1e-5}\nreinforcement: {options: {kl_coef: 0.1}}\nseed: 3")
    (tmp_path / "resolved.yaml").write_text(to_yaml(config.to_dict()))
    assert read_config(RunConfig, [tmp_path / "resolved.yaml"]) == config


def test_every_preset_is_a_configuration():
    assert preset_names() == [path.stem for path in sorted(PRESETS.glob("*.yaml"))]
    for name in preset_names():
        assert read_config(RunConfig, [preset(name)]).env.startswith("textgym/")
    with pytest.raises(ConfigError, match=r"Unknown preset 'dem'\. Did you mean 'demo'"):
        preset("dem")


def test_every_key_is_described_in_the_help():
    listed = list(keys(RunConfig))
    assert {key.name for key in listed} >= {"env", "warm_start.max_seconds", "reinforcement.options"}
    assert [key.name for key in listed if not key.text] == []
    assert "--warm_start.patience: a whole number (default: 5)" in train_help()
    assert len(dataclasses.fields(ReinforcementConfig)) == sum(k.name.startswith("reinforcement.") for k in listed)


def test_the_command_line_becomes_layers(tmp_path):
    request = parse_train(
        [
            "my/Env-v0",
            "--config",
            "f.yaml",
            "--seed=3",
            "--preset",
            "demo",
            "--reinforcement.constant-reward",
            "--a",
            "-1",
        ]
    )
    assert [path.name for path in request.files] == ["demo.yaml", "f.yaml"]
    assert request.overrides == [
        ("env", "my/Env-v0"),
        ("seed", "3"),
        ("reinforcement.constant_reward", "true"),
        ("a", "-1"),
    ]
    assert parse_train(["--print_config"]).print_config
    with pytest.raises(ConfigError, match=r"given as --key value, got 'seed'"):
        parse_train(["env", "seed", "3"])


def test_a_key_that_is_no_text_is_told(tmp_path):
    (tmp_path / "c.yaml").write_text("? [a, b]\n: 1\n")
    with pytest.raises(ConfigError, match=r"c.yaml:1:3: .* a key must be plain text"):
        read_config(RunConfig, [tmp_path / "c.yaml"])
