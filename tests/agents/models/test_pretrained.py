"""Models that cannot serve are refused when the policy is made, with what is wrong and what to do."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from transformers import BartConfig, BartForConditionalGeneration, GPT2Config, GPT2Model

from agents import PPO, TransformerPolicy, make_vec_env
from agents.models import weights
from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.rollout import generate
from tests.agents.models.test_models import Holder, P, T, V, random_prompts
from tests.agents.tiny import MODELS, sharpen
from textgym import TokenSpace
from textgym.errors import ModelError
from textgym.tokenizers import hub

SPACE = TokenSpace(V, P, T, eos_id=3)


def sizes(name: str) -> dict[str, Any]:
    return {key: value for key, value in MODELS[name].items() if key != "model_type"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A GPT-2 in Hugging Face format."""
    torch.manual_seed(0)
    make_network(MODELS["gpt2"], SPACE).model.save_pretrained(tmp_path / "gpt2")
    return tmp_path / "gpt2"


def edit(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"n_embd": 8}, "needs 'model_type'"),
        ({"model_type": "gpt3"}, "Unknown model_type 'gpt3'"),
        ({"model_type": "gpt2", "n_heads": 2}, "no option 'n_heads'. Did you mean 'n_head'"),
        (MODELS["gpt2"] | {"n_head": 3}, r"No gpt2 can be made with .*must be divisible by num_heads"),
        (MODELS["gpt2"] | {"n_positions": 20}, "20 positions, the environment needs 21"),
        (MODELS["bart"] | {"max_position_embeddings": T}, f"has {T} positions, the environment needs {T + 1}"),
        ("/nowhere/at/all", "No language model can be loaded from '/nowhere/at/all': there is no such folder"),
    ],
)
def test_models_that_cannot_serve_are_refused(source: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make_network(source, SPACE)  # type: ignore[arg-type]


def test_a_decoder_needs_a_position_for_its_start_token_and_no_more() -> None:
    make_network(MODELS["bart"] | {"max_position_embeddings": T + 1}, SPACE)


def test_a_folder_with_a_similar_name_is_told(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no such folder. Did you mean 'gpt2'"):
        make_network(folder.parent / "gpt", SPACE)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[: len(b) // 2]], ids=["empty", "truncated"])
def test_damaged_files_are_told(folder: Path, damage: Any) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelError, match=r"No language model can be loaded from .*SafetensorError"):
        make_network(folder, SPACE)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"No language model can be loaded from .*config.json"):
        make_network(folder, SPACE)


def test_a_model_without_its_head_is_refused(tmp_path: Path) -> None:
    """Transformers would make up the missing weights."""
    GPT2Model(GPT2Config(vocab_size=V, tie_word_embeddings=False, **sizes("gpt2"))).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"lacks weights that its config.json asks for: lm_head.weight. A language"):
        make_network(tmp_path, SPACE)


def test_missing_layers_are_counted(folder: Path) -> None:
    edit(folder / "config.json", n_layer=3)
    with pytest.raises(ModelError, match=r"lacks weights .*transformer.h.2.* and 9 more"):
        make_network(folder, SPACE)


def test_quantized_weights_are_refused(folder: Path) -> None:
    edit(folder / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
    with pytest.raises(ModelError, match=r"are quantized \(gptq\), and such weights cannot learn: save"):
        make_network(folder, SPACE)


def test_t1_a_model_without_padding_token_gives_the_same_numbers_in_a_batch_and_alone() -> None:
    network = make_network(MODELS["gpt2"], SPACE)
    assert network.model.config.pad_token_id is None
    prompts = random_prompts(5)
    together = generate(network, prompts, deterministic=True)
    for row in range(5):
        alone = generate(network, prompts[[row]], deterministic=True)
        assert torch.equal(together.responses[row], alone.responses[0])
        torch.testing.assert_close(together.log_probs[row], alone.log_probs[0], atol=1e-5, rtol=0)


def test_t4_rows_of_a_model_beyond_the_vocabulary_are_hidden(folder: Path) -> None:
    space = TokenSpace(V - 4, P, T, eos_id=3)
    network = make_network(folder, space)
    ids = torch.tensor([[1, 2]])
    found = network.log_distribution(network.states(ids, ids[:, :0])[:, -1], torch.tensor([0]))
    expected = network.model(ids).logits[:, -1, : V - 4].log_softmax(dim=-1)
    assert found.shape == (1, V - 4)
    torch.testing.assert_close(found, expected)


def test_t4_a_vocabulary_larger_than_the_models_is_refused_with_both_sizes() -> None:
    with pytest.raises(ModelError, match=r"knows 10 tokens, the environment's tokenizer 13: use the model's own"):
        make_network(MODELS["gpt2"] | {"vocab_size": 10}, SPACE)


def test_t5_a_vocabulary_resized_after_saving_is_told_with_both_sizes(folder: Path) -> None:
    edit(folder / "config.json", vocab_size=20)
    message = r"transformer.wte.weight is \[14, 32\], and \[20, 32\] is needed. After a change of the vocabulary"
    with pytest.raises(ModelError, match=message):
        make_network(folder, SPACE)


def test_t5_tokens_added_after_a_checkpoint_are_told_with_both_sizes(tmp_path: Path) -> None:
    """Also where the model happens to have a row for one more: it would stand for something else."""
    envs = make_vec_env("test/Letters-v0", num_envs=2)
    PPO(TransformerPolicy, envs, batch_size=6, policy_kwargs={"model": MODELS["gpt2"]}).save(tmp_path / "saved")
    larger = make_vec_env("test/Letters-v0", num_envs=2, tokenizer="char:abcde")
    message = r"saved was made for a tokenizer of 7 tokens, the environment's has 8: give .*tokenizer.json'"
    with pytest.raises(ModelError, match=message):
        PPO.load(tmp_path / "saved", env=larger)
    with pytest.raises(ModelError, match=message):
        PPO(TransformerPolicy, larger, batch_size=6, policy_kwargs={"model": str(tmp_path / "saved")})


def test_t7_a_decoder_without_a_start_is_refused(tmp_path: Path) -> None:
    none = dict.fromkeys(("decoder_start_token_id", "bos_token_id", "pad_token_id", "forced_eos_token_id"))
    BartForConditionalGeneration(BartConfig(vocab_size=V, eos_token_id=3, **none, **sizes("bart"))).save_pretrained(
        tmp_path
    )
    with pytest.raises(ModelError, match="needs decoder_start_token_id in its config or generation config"):
        make_network(tmp_path, SPACE)
    edit(tmp_path / "generation_config.json", decoder_start_token_id=6)
    assert make_network(tmp_path, SPACE).start_ids == (6,)


@pytest.mark.parametrize("kind", ["unknown-kind", "gpt2"])
def test_t8_code_that_comes_with_a_model_is_never_run(folder: Path, kind: str) -> None:
    (folder / "code.py").write_text("raise SystemExit('this code was run')\n")
    classes = {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}
    edit(folder / "config.json", model_type=kind, auto_map=classes)
    if kind == "gpt2":
        make_network(folder, SPACE)  # by the architecture that transformers has under this name
        return
    with pytest.raises(ModelError, match=r"needs code that comes with it \(trust_remote_code\).*is never run"):
        make_network(folder, SPACE)


def test_t9_only_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no weights as \*.safetensors \(pickled weights are never read\)"):
        make_network(folder, SPACE)


def cached(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a model into a cache of its own, as the hub's client would under the name some/model; return its folder."""
    cache = folder.parent / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    snapshot = cache / "models--some--model" / "snapshots" / ("0" * 40)
    shutil.copytree(folder, snapshot)
    (cache / "models--some--model" / "refs").mkdir()
    (cache / "models--some--model" / "refs" / "main").write_text("0" * 40)
    return snapshot


def test_a_cached_model_is_read_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(folder, monkeypatch)
    monkeypatch.setattr(weights, "hub_reachable", lambda: pytest.fail("the hub was asked"))
    assert isinstance(make_network("some/model", SPACE), TextNetwork)


def test_t9_a_cached_model_with_only_pickled_weights_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = cached(folder, monkeypatch)
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"with weights as safetensors.*The hub was not asked"):
        make_network("some/model", SPACE)


@pytest.mark.parametrize("reason", ["offline", "no answer", "refused"])
def test_t10_an_absent_model_is_told_without_asking_a_hub_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """The hub's own client would try again and again, for 46 s."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name in (*hub.OFFLINE, "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    if reason == "offline":
        monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
        monkeypatch.setattr(hub, "_answers", lambda *_: pytest.fail("asked"))
    elif reason == "refused":
        monkeypatch.setattr(hub, "HUB", "http://127.0.0.1:9")
    else:
        monkeypatch.setattr(hub, "PATIENCE", 0.05)
        monkeypatch.setattr(hub, "_answers", lambda *_: __import__("time").sleep(2))
    asked = []
    read = weights._read
    monkeypatch.setattr(weights, "_read", lambda source, *, local: (asked.append(local), read(source, local=local))[1])
    with pytest.raises(
        ModelError, match=r"'no/such-model' in the local Hugging Face cache.*The hub was not asked: http"
    ):
        make_network("no/such-model", SPACE)
    assert asked == [True], "only the cache was looked at"
    assert hub.PATIENCE < 5


def test_t10_a_proxy_is_asked_in_the_hubs_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*hub.OFFLINE, "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "HUB", "https://hub.example")
    addresses = []
    monkeypatch.setattr(hub, "_answers", lambda *address: bool(addresses.append(address)) or True)
    assert hub.hub_reachable()
    for proxy in ("http://proxy.example:3128", "proxy.example:3128"):
        monkeypatch.setenv("https_proxy", proxy)
        assert hub.hub_reachable()
    monkeypatch.setenv("no_proxy", "hub.example")
    assert hub.hub_reachable()
    via = ("proxy.example", 3128)
    assert addresses == [("hub.example", 443), via, via, ("hub.example", 443)]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_t11_weights_that_are_not_finite_are_named(folder: Path, value: float) -> None:
    model = make_network(folder, SPACE).model
    with torch.no_grad():
        model.transformer.ln_f.bias[0] = value
        model.transformer.h[1].mlp.c_fc.weight[2, 3] = -value
    model.save_pretrained(folder)
    message = r"weights that are not finite: transformer.h.1.mlp.c_fc.weight, transformer.ln_f.bias"
    with pytest.raises(ModelError, match=message):
        make_network(folder, SPACE)


def test_t12_half_precision_weights_are_read_as_float32(folder: Path) -> None:
    model = make_network(folder, SPACE).model.to(torch.bfloat16)
    model.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    network = make_network(folder, SPACE)
    for (name, stored), read in zip(model.named_parameters(), network.model.parameters(), strict=True):
        assert read.dtype == torch.float32
        assert torch.equal(stored.float(), read), name


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "int8", torch.float16])
def test_t12_a_policy_in_another_dtype_is_refused(dtype: Any) -> None:
    with pytest.raises(ModelError, match=r"Weights are float32, got dtype='.*': leave dtype out.*engine=\{'precision'"):
        make_network(MODELS["gpt2"] | {"dtype": dtype}, SPACE)


def test_an_unknown_kind_of_head_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    original = TextNetwork.logits
    monkeypatch.setattr(TextNetwork, "logits", lambda self, hidden: 2 * original(self, hidden))
    with pytest.raises(ModelError, match=r"GPT2LMHeadModel computes other logits in one pass.*than for one text alone"):
        make_network(MODELS["gpt2"], SPACE)


def test_a_model_that_counts_positions_in_its_own_way_is_refused() -> None:
    config = MODELS["bart"] | {"model_type": "m2m_100"}  # its positions depend on which ids are padding
    with pytest.raises(ModelError, match="M2M100ForConditionalGeneration computes other logits step by step"):
        make_network(config, SPACE)


RECURRENT = {"hidden_size": 32, "num_hidden_layers": 2}
CANNOT: dict[str, dict[str, Any]] = {
    "mamba": RECURRENT,
    "rwkv": RECURRENT | {"attention_hidden_size": 32},
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
}


@pytest.mark.parametrize("kind", CANNOT)
def test_architectures_without_a_causal_cache_are_refused(kind: str) -> None:
    with pytest.raises(ModelError, match="cannot serve as a policy"):
        make_network({"model_type": kind, **CANNOT[kind]}, SPACE)


def test_a_t5_folder_without_bos_token_id_starts(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    T5ForConditionalGeneration(T5Config(vocab_size=V, decoder_start_token_id=0, **sizes("t5"))).save_pretrained(
        tmp_path
    )
    assert make_network(tmp_path, SPACE).start_ids == (0,)


def test_a_forced_first_token_is_read_as_transformers_generate_does(tmp_path: Path) -> None:
    """As of an mBART that is told its target language, or of a BART that summarises."""
    config = BartConfig(vocab_size=V, forced_eos_token_id=None, eos_token_id=3, **sizes("bart"))
    torch.manual_seed(0)
    model = BartForConditionalGeneration(config)
    model.generation_config.forced_bos_token_id = 7
    model.save_pretrained(tmp_path)
    network = make_network(tmp_path, SPACE)
    sharpen(Holder(network))
    assert network.start_ids == (2, 7)
    prompts = random_prompts(4)
    ours = generate(network, prompts, deterministic=True).responses
    for row in range(4):
        ids = prompts[row][prompts[row] >= 0][None]
        theirs = network.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=T + 1, do_sample=False, eos_token_id=3
        )[0, 2:]
        assert ours[row][ours[row] >= 0].tolist() == theirs.tolist()
