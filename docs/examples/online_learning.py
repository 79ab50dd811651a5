"""Learn from the messages of a Kafka topic, and continue exactly after a crash.

    python online_learning.py --servers kafka:9092 --topic events --partition 0

A message is JSON: `{"x": [0.1, 0.2, 0.3, 0.4], "y": 1.5}`. The model, the optimizer, the state of
the random numbers and the offset of the next message are one checkpoint, which is written by
rename. So each message is learned once, whenever the process is killed: an offset that Kafka keeps
would be older or newer than the model. Kafka gets the offset too, so that its tools show the lag;
this program never reads it.

Kafka keeps the order of messages within a partition. So a process learns from one partition, in
batches of a fixed size, and the model after N messages is the same however often it was restarted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from torch import nn

FEATURES, BATCH, WAIT_S = 4, 32, 1.0
Sample = tuple[list[float], float]


def main() -> None:
    """Learn until offset `--until`, or for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partition", type=int, default=0)
    parser.add_argument("--group", default="online-learning", help="where Kafka shows the lag")
    parser.add_argument("--checkpoint", type=Path, default=Path("online.pt"))
    parser.add_argument("--every", type=int, default=10, help="batches between two checkpoints")
    parser.add_argument("--until", type=int, help="offset to stop at; without it: never")
    given = parser.parse_args()
    learner = Learner(given.checkpoint)
    consumer = Consumer(
        {
            "bootstrap.servers": given.servers,
            "group.id": given.group,
            "enable.auto.commit": False,
            # What Kafka deleted before it was learned ends the program, and is not skipped.
            "auto.offset.reset": "error",
        }
    )
    place = TopicPartition(given.topic, given.partition, learner.next_offset)
    consumer.assign([place])
    print(f"from offset {learner.next_offset}", flush=True)
    for number, batch in enumerate(read_batches(consumer, given.until), start=1):
        learner.learn(batch)
        is_last = learner.next_offset == given.until
        if number % given.every == 0 or is_last:
            learner.save()
            place.offset = learner.next_offset
            consumer.commit(offsets=[place], asynchronous=True)
            print(f"learned up to offset {learner.next_offset}", flush=True)
        if is_last:
            break
    consumer.close()


class Learner:
    """A model that learns one batch after another, and its checkpoint."""

    def __init__(self, checkpoint: Path) -> None:
        torch.manual_seed(0)
        self.checkpoint = checkpoint
        self.model = nn.Sequential(nn.Linear(FEATURES, 16), nn.Dropout(0.1), nn.Linear(16, 1))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-2)
        self.next_offset = 0
        if checkpoint.exists():
            held = torch.load(checkpoint, weights_only=True)
            self.model.load_state_dict(held["model"])
            self.optimizer.load_state_dict(held["optimizer"])
            torch.set_rng_state(held["random"])
            self.next_offset = held["next_offset"]

    def learn(self, batch: Sequence[Message]) -> None:
        """Make one step with the messages that can be read, and move on behind all of them."""
        samples = [sample for message in batch if (sample := read_sample(message))]
        self.next_offset = batch[-1].offset() + 1
        if not samples:
            return
        inputs = torch.tensor([inputs for inputs, _ in samples])
        targets = torch.tensor([[target] for _, target in samples])
        loss = nn.functional.mse_loss(self.model(inputs), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def save(self) -> None:
        """Write the checkpoint to the disk, and rename it to its place."""
        half = self.checkpoint.with_name(f"{self.checkpoint.name}.half")
        held = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "next_offset": self.next_offset,
        }
        with half.open("wb") as file:
            torch.save(held, file)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self.checkpoint)


def read_batches(consumer: Consumer, until: int | None) -> Iterator[list[Message]]:
    """Yield batches of BATCH messages; only the last one before `until` may be smaller."""
    batch: list[Message] = []
    while True:
        message = consumer.poll(WAIT_S)
        if message is None:
            continue  # there is no newer message yet
        if message.error():
            raise KafkaException(message.error())
        batch.append(message)
        if len(batch) == BATCH or message.offset() + 1 == until:
            yield batch
            batch = []


def read_sample(message: Message) -> Sample | None:
    """Return the sample in a message; None if it has none, so that one message stops nothing."""
    try:
        found = json.loads(message.value())
        inputs, target = [float(each) for each in found["x"]], float(found["y"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        problem = repr(error)
    else:
        if len(inputs) == FEATURES and all(map(math.isfinite, [*inputs, target])):
            return inputs, target
        problem = f"{FEATURES} finite numbers and a finite target were expected"
    print(f"offset {message.offset()} is not a sample: {problem}", file=sys.stderr, flush=True)
    return None


if __name__ == "__main__":
    main()
