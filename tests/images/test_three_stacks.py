"""An image of three stacks: one process imports and uses all of them."""

from __future__ import annotations

import pytest

from runner import engine, pull
from tests.real_images import reference_of

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.thorough]

USES_ALL = """
import albumentations, cv2, gymnasium, numpy, torch
from stable_baselines3 import PPO
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel

picture = (numpy.random.default_rng(0).random((64, 64, 3)) * 255).astype("uint8")
encoded = cv2.imdecode(cv2.imencode(".png", picture)[1], cv2.IMREAD_COLOR)
assert (encoded == picture).all()
flipped = albumentations.HorizontalFlip(p=1)(image=picture)["image"]
assert (flipped == picture[:, ::-1]).all()
tokenizer = Tokenizer(models.WordLevel({"a": 0, "picture": 1, "?": 2}, unk_token="?"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
ids = tokenizer.encode("a picture b").ids
assert ids == [0, 1, 2]
config = BertConfig(vocab_size=3, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=32)
hidden = BertModel(config).eval()(torch.tensor([ids])).last_hidden_state
assert hidden.shape == (1, 3, 16) and torch.isfinite(hidden).all()
agent = PPO("MlpPolicy", gymnasium.make("CartPole-v1"), n_steps=64, batch_size=64, device="cpu")
agent.learn(64)
action, _ = agent.predict(agent.get_env().reset())
assert action.shape == (1,)
print("cv, nlp and rl in one process")
"""


def test_one_process_uses_all_three() -> None:
    image = reference_of("cv-nlp-rl")
    pull.pull_image(image)
    printed = engine.connect_engine().containers.run(
        image, ["python", "-c", USES_ALL], remove=True, network_mode="none", shm_size="1g"
    )
    assert printed.decode().strip().endswith("cv, nlp and rl in one process")
