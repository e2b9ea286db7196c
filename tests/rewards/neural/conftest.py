import pytest
import torch
import transformers

from tests.rewards.neural.models import bert, llama, save


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of tiny models, by what they are."""
    root = tmp_path_factory.mktemp("models")
    sorting = transformers.BertForSequenceClassification
    labels = {"id2label": {0: "bad", 1: "fair", 2: "good"}, "label2id": {"bad": 0, "fair": 1, "good": 2}}
    return {
        "encoder": save(root / "encoder", bert(transformers.BertModel)),
        "labels": save(root / "labels", bert(sorting, **labels)),
        "independent": save(
            root / "independent", bert(sorting, num_labels=2, problem_type="multi_label_classification")
        ),
        "scalar": save(root / "scalar", bert(sorting, num_labels=1)),
        "decoder": save(
            root / "decoder", llama(transformers.LlamaForSequenceClassification, num_labels=1), marks=False
        ),
        "language": save(root / "language", llama(transformers.LlamaForCausalLM), marks=False),
    }
